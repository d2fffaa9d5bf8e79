// The built wasm under workerd, with a real KV namespace and real secrets, for one test file.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { add, addFrom, areWithoutSecrets, isPrintedWithout, tap } from "./sent.mjs";

export const CLIENT_SECRETS_KEY = "0123456789abcdef0123456789abcdef";

/** The folder with what is deployed. */
export const BUILD = new URL("../../build/", import.meta.url);
export const compatibilityDate = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8")
  .match(/^compatibility_date = "(.*)"$/m)[1];

/** Runs the operator's tool; `--print` unless a target is named. Throws with what it said. */
export function tool(...args) {
  const run = runTool(...args);
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

/** The operator's tool, as the sources are. */
export const binary = fileURLToPath(new URL("../../target/debug/edge-token", import.meta.url));
assert.equal(spawnSync("cargo", ["build", "--quiet", "--locked"], { stdio: "inherit" }).status, 0);

/** Runs the operator's tool and returns status, standard output and standard error. */
export function runTool(...args) {
  const env = { ...process.env, CLIENT_SECRETS_KEY };
  const run = spawnSync(binary, args, { env, encoding: "utf8" });
  showsNoMore(args, run);
  return run;
}

/** What the tool makes, and shows once: where it stands. */
const SHOWN = {
  "client create": /"client_secret": *"([^"]+)/g,
  "client import --print": /"client_secret": *"([^"]+)/g,
  "client rotate-secret": /"client_secret": *"([^"]+)/g,
  "key generate --print": /"d": *"([^"]+)/g,
};

/** Asserts that a run of the tool shows no secret but the one that it makes, and that in its JSON alone. */
export function showsNoMore(args, { stdout, stderr }) {
  add(CLIENT_SECRETS_KEY, ...args.filter((_, index) => args[index - 1] === "--client-secret"));
  const [, pattern] = Object.entries(SHOWN).find(([words]) => words.split(" ").every((word) => args.includes(word))) ?? [];
  const shown = pattern ? [...stdout.matchAll(pattern)] : [];
  add(...shown.map(([, secret]) => secret));
  isPrintedWithout(stdout, ...shown.map(([member]) => member));
  isPrintedWithout(stderr);
}

/** A port of this machine on which nothing listens, nor on those after it, if `count` of them are wanted. */
export async function freePort(count = 1) {
  const listen = (port) => new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
  const close = (server) => new Promise((resolve) => server.close(resolve));
  for (;;) {
    const servers = [await listen(0)];
    const { port } = servers[0].address();
    try {
      for (let next = 1; next < count; next += 1) servers.push(await listen(port + next));
      return port;
    } catch {
      // One of them is in use: others are tried.
    } finally {
      await Promise.all(servers.map(close));
    }
  }
}

export const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/**
 * Starts the worker. `bindings` replace or, when undefined, remove those of a good set-up, `realm`
 * tells more members of the realm `default` by the worker's URL and `realms` more realms, `limits`
 * are rate-limit bindings, how many in 60 s, `main` is the text of a module that stands before the
 * worker's own, `./index.js`, `build` the folder with another wasm, and `analytics` whether miniflare's
 * dataset is bound.
 *
 * Returns the running worker with `url`, `issuer`, `put(pair)` for its KV, `token(…)`, `logs`
 * (every line logged), `miniflare` and `stop()`, which fails if any line has anything secret that any
 * test of the file sent or got.
 */
export async function start(
  { bindings = {}, realm = () => ({}), realms = () => ({}), limits = {}, main, build = BUILD, analytics = false } = {},
) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const modules = [
    { type: "ESModule", path: "index.js", contents: readFileSync(new URL("index.js", build), "utf8") },
    { type: "CompiledWasm", path: "index_bg.wasm", contents: readFileSync(new URL("index_bg.wasm", build)) },
  ];
  if (main) modules.unshift({ type: "ESModule", path: "main.mjs", contents: main });
  const log = newLog();
  const miniflare = new Miniflare(convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    compatibilityDate,
    modulesRoot: ".",
    modules,
    kvNamespaces: ["CLIENTS"],
    ratelimits: Object.fromEntries(Object.entries(limits).map(([name, limit]) =>
      [name, { namespace_id: name, simple: { limit, period: 60 } }])),
    analyticsEngineDatasets: analytics ? { ANALYTICS: { dataset: "edge_token" } } : {},
    durableObjects: { GRANTS: { className: "GrantStore", useSQLite: true } },
    bindings: allBindings(url, bindings, realm, realms),
    handleStructuredLogs: ({ message }) => log.add(message),
  }));
  const way = await tap(port, Number((await miniflare.ready).port));
  const dispatchFetch = miniflare.dispatchFetch.bind(miniflare);
  miniflare.dispatchFetch = async (url, init) => {
    addFrom(String(init?.body ?? ""));
    const response = await dispatchFetch(url, init);
    addFrom(await response.clone().text());
    return response;
  };
  const kv = await miniflare.getKVNamespace("CLIENTS");
  return {
    ...reached(url, log),
    kv,
    miniflare,
    put: ({ key, value }) => kv.put(key, value),
    stop: () => log.end(way, () => miniflare.dispose()),
  };
}

/** The bindings of a good set-up at a URL, replaced and completed as [`start`] says. */
export function allBindings(url, bindings = {}, realm = () => ({}), realms = () => ({})) {
  const issuer = `${url}/realms/default`;
  const all = Object.fromEntries(Object.entries({
    // Where nothing else is said, each change of a client is seen at once.
    REALMS: { default: { issuer, scopes: "read write", client_max_age: 0, ...realm(url) }, ...realms(url) },
    SIGNING_KEYS: JSON.stringify(tool("key", "generate", "--print")),
    CLIENT_SECRETS_KEY,
    ...bindings,
  }).filter(([, value]) => value !== undefined));
  addFrom(JSON.stringify(all));
  add(String(all.CLIENT_SECRETS_KEY));
  return all;
}

/** What a worker logs: `lines`, which a test may empty, and all of it. */
export function newLog() {
  const [lines, all] = [[], []];
  return {
    lines,
    add(line) {
      lines.push(line);
      all.push(line);
    },
    /** Ends a worker when its log has come to rest, and asserts that nothing secret was in it. */
    async end(way, stop) {
      for (let before = -1; before !== all.length;) {
        before = all.length;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await way.stop();
      await stop();
      way.look();
      areWithoutSecrets(all);
    },
  };
}

/** What a test does with a running worker. */
export const reached = (url, { lines: logs }) => ({
  url,
  issuer: `${url}/realms/default`,
  logs,
  /** A token request; Basic with `id` and `secret` unless the headers say otherwise. */
  token: (id, secret, form = {}, headers = {}) =>
    fetch(`${url}/token`, {
      method: "POST",
      headers: { authorization: basic(id, secret), ...headers },
      body: new URLSearchParams({ grant_type: "client_credentials", ...form }),
    }),
  /** Waits for the line of the log that `found` accepts. */
  async line(found) {
    for (let waited = 0; waited < 50; waited += 1) {
      for (const text of logs) {
        const line = text.startsWith("{") ? JSON.parse(text) : undefined;
        if (line && found(line)) return line;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no such line in the log:\n${logs.join("\n")}`);
  },
});

/** Changes members of a client's record, for what the tool cannot say. */
export function change(worker, { kv: { key, value } }, members) {
  return worker.put({ key, value: JSON.stringify({ ...JSON.parse(value), ...members }) });
}

/** Registers a client through the tool and the worker's KV, and returns its credentials. */
export function register(worker, ...args) {
  return registerIn(worker, "default", "--scope", "read write", ...args);
}

/** The same in another realm. */
export async function registerIn(worker, realm, ...args) {
  // Its realms are those of the test, not those of wrangler.toml.
  const created = tool("client", "create", "--print", "--force", "--realm", realm, ...args);
  await worker.put(created.kv);
  return created;
}

// The built wasm under workerd, with a real KV namespace and real secrets, for one test file.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

export const CLIENT_SECRETS_KEY = "0123456789abcdef0123456789abcdef";

const build = (name) => new URL(`../../build/${name}`, import.meta.url);
export const compatibilityDate = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8")
  .match(/^compatibility_date = "(.*)"$/m)[1];

/** Runs the operator's tool; `--print` unless a target is named. Throws with what it said. */
export function tool(...args) {
  const run = runTool(...args);
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

/** Runs the operator's tool and returns status, standard output and standard error. */
export function runTool(...args) {
  const env = { ...process.env, CLIENT_SECRETS_KEY };
  return spawnSync("cargo", ["run", "--quiet", "--locked", "--", ...args], { env, encoding: "utf8" });
}

/** A port of this machine on which nothing listens. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/**
 * Starts the worker. `bindings` replace or, when undefined, remove those of a good set-up, `realm`
 * tells more members of the realm `default` by the worker's URL and `realms` more realms, `limits`
 * are rate-limit bindings, how many in 60 s, and `main` is the text of a module that stands before the
 * worker's own, `./index.js`.
 *
 * Returns the running worker with `url`, `issuer`, `put(pair)` for its KV, `token(…)`, `logs`
 * (every line logged), `miniflare` and `stop()`.
 */
export async function start({ bindings = {}, realm = () => ({}), realms = () => ({}), limits = {}, main } = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const issuer = `${url}/realms/default`;
  const logs = [];
  const modules = [
    { type: "ESModule", path: "index.js", contents: readFileSync(build("index.js"), "utf8") },
    { type: "CompiledWasm", path: "index_bg.wasm", contents: readFileSync(build("index_bg.wasm")) },
  ];
  if (main) modules.unshift({ type: "ESModule", path: "main.mjs", contents: main });
  const miniflare = new Miniflare(convertV4MiniflareOptions({
    host: "127.0.0.1",
    port,
    cf: false,
    compatibilityDate,
    modulesRoot: ".",
    modules,
    kvNamespaces: ["CLIENTS"],
    ratelimits: Object.fromEntries(Object.entries(limits).map(([name, limit]) =>
      [name, { namespace_id: name, simple: { limit, period: 60 } }])),
    durableObjects: { GRANTS: { className: "GrantStore", useSQLite: true } },
    bindings: Object.fromEntries(Object.entries({
      REALMS: { default: { issuer, scopes: "read write", ...realm(url) }, ...realms(url) },
      SIGNING_KEYS: JSON.stringify(tool("key", "generate", "--print")),
      CLIENT_SECRETS_KEY,
      ...bindings,
    }).filter(([, value]) => value !== undefined)),
    handleStructuredLogs: ({ message }) => logs.push(message),
  }));
  await miniflare.ready;
  const kv = await miniflare.getKVNamespace("CLIENTS");
  return {
    url,
    issuer,
    logs,
    kv,
    miniflare,
    put: ({ key, value }) => kv.put(key, value),
    stop: () => miniflare.dispose(),
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
  };
}

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
  const created = tool("client", "create", "--print", "--realm", realm, ...args);
  await worker.put(created.kv);
  return created;
}

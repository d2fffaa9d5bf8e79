// What is compared: each a process on loopback that takes token requests, all workers on `workerd serve`
// with the same KV, which is a worker of a few lines in the same process and counts what is read.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { registerWithKey } from "../tests/e2e/keys.mjs";
import { basic, compatibilityDate, freePort, register, tool } from "../tests/e2e/worker.mjs";
import { wire } from "./load.mjs";

/** The processor of what is measured, and that of what measures. */
export const [SERVER_CPU, LOAD_CPU] = [0, 1];

/** In memory if there is such a folder: on the platform no disk is waited for on the thread that serves. */
const FOLDERS = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const text = (value) => JSON.stringify(value);
const FORM = "application/x-www-form-urlencoded";

/** A client in many names, one with a key, a signing key of the service, and requests of theirs. */
export async function makeFixture() {
  const records = [];
  const kv = { put: (pair) => records.push(pair) };
  const client = await register(kv);
  const signer = await registerWithKey(kv);
  const keys = (count) => ({
    keys: Array.from({ length: count }, () => tool("key", "generate", "--print").keys[0]),
  });
  const jwks = keys(1);
  const { nbf, exp, ...jwk } = jwks.keys[0];
  const id = (index) => index === 0 ? client.client_id : `bench-${index}`;
  const token = (index = 0, { path = "/token", body = "grant_type=client_credentials", secret = client.client_secret } = {}) =>
    wire({ path, headers: { authorization: basic(id(index), secret), "content-type": FORM }, body });
  return { client, signer, records, jwks, jwk, keys, id, token };
}

/** The module that is the KV: what the client has in any name, and what lies there by its key. */
const kvModule = ({ client, records }) => {
  const [{ key, value }] = records;
  const plain = { secret_hash: createHash("sha256").update(client.client_secret).digest("base64url"), scope: "read write" };
  return `
    const records = new Map(${text(records.slice(1).map(({ key, value }) => [key, value]))});
    const [prefix, suffix] = ${text(key.split(client.client_id))};
    let reads = 0;
    export default {
      fetch(request) {
        const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
        if (key === "reads") return new Response(reads);
        reads += 1;
        if (records.has(key)) return new Response(records.get(key));
        if (!key.includes("/")) return new Response(JSON.stringify({ client_id: key, ...${text(plain)} }));
        if (!key.startsWith(prefix) || !key.endsWith(suffix)) return new Response("", { status: 404 });
        const client_id = key.slice(prefix.length, key.length - suffix.length);
        return new Response(${text(value)}.replaceAll(${text(client.client_id)}, client_id));
      },
    };
  `;
};

/** The CPU µs that a process has used, on all threads. */
function cpuOf(pid) {
  const used = (task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1000;
  return readdirSync(`/proc/${pid}/task`).map(used).reduce((a, b) => a + b);
}

const rssOf = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB$/m)[1]) / 1024;

/** What is to be done when this process ends. */
const ends = new Set();
process.once("exit", () => ends.forEach((end) => end()));

/** Starts a process on the processor for what is measured, and waits until it serves `path`. */
async function start(command, args, port, path, env = {}) {
  const folder = mkdtempSync(join(FOLDERS, "edge-token-bench-"));
  const log = join(folder, "errors.log");
  const child = spawn("taskset", ["-c", String(SERVER_CPU), command, ...args], {
    env: { ...process.env, ...env }, stdio: ["ignore", "ignore", openSync(log, "a")],
  });
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    ends.delete(stop);
  };
  ends.add(stop);
  for (let waited = 0; ; waited += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer) break;
    if (waited === 200 || child.exitCode !== null) throw new Error(`${command} does not serve:\n${readFileSync(log, "utf8")}`);
    await sleep(50);
  }
  return {
    port, pid: child.pid, cpu: () => cpuOf(child.pid), rss: () => rssOf(child.pid),
    stop,
  };
}

/** Starts workerd with a worker of these modules, the first of which is its main one, bindings and more. */
async function workerd(fixture, modules, bindings = () => [], more = "") {
  const [port, kvPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(FOLDERS, "edge-token-bench-"));
  mkdirSync(join(folder, "objects"));
  ends.add(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const embed = (path) => `embed ${text(relative(folder, resolve(path)))}`;
  const module = ([name, path]) => `(name = ${text(name)}, ${name.endsWith(".wasm") ? "wasm" : "esModule"} = ${embed(path)})`;
  const binding = ([name, value]) => `(name = ${text(name)}, ${value})`;
  const path = join(folder, "bench.capnp");
  writeFileSync(path, `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "kv", worker = .kv),
        (name = "objects", disk = (path = ${text(join(folder, "objects"))}, writable = true)),
        (name = "main", worker = .main),
      ],
      sockets = [
        (name = "http", address = "127.0.0.1:${port}", http = (), service = "main"),
        (name = "kv", address = "127.0.0.1:${kvPort}", http = (), service = "kv"),
      ],
    );
    const main :Workerd.Worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [${modules.map(module).join(", ")}],
      bindings = [${[["CLIENTS", `kvNamespace = "kv"`], ...bindings(port)].map(binding).join(", ")}],
      ${more}
    );
    const kv :Workerd.Worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [(name = "kv.js", esModule = ${text(kvModule(fixture))})],
    );
  `);
  const server = await start(resolve("node_modules/.bin/workerd"), ["serve", "--experimental", path], port, "/health");
  return { ...server, kvReads: async () => Number(await (await fetch(`http://127.0.0.1:${kvPort}/reads`)).text()) };
}

/** Starts a build of this project. `realms` and `jwks` replace one realm and one key. */
export function startOwn(fixture, { build = "build", main, realms, jwks = fixture.jwks } = {}) {
  const modules = [["index.js", `${build}/index.js`], ["index_bg.wasm", `${build}/index_bg.wasm`]];
  if (main) modules.unshift(["main.mjs", main]);
  return workerd(fixture, modules, (port) => {
    const issuer = `http://127.0.0.1:${port}/realms/default`;
    return [
      ["REALMS", `json = ${text(text(realms?.(port) ?? { default: { issuer, scopes: "read write" } }))}`],
      ["SIGNING_KEYS", `text = ${text(text(jwks))}`],
      ["GRANTS", `durableObjectNamespace = "GrantStore"`],
    ];
  }, `
    durableObjectNamespaces = [(className = "GrantStore", uniqueKey = "grants", enableSql = true)],
    durableObjectStorage = (localDisk = "objects"),
  `);
}

/** Starts a worker in JavaScript. */
export const startScript = (fixture, path) => workerd(fixture, [["index.js", path]], (port) => [
  ["ISSUER", `text = ${text(`http://127.0.0.1:${port}`)}`],
  ["PRIVATE_JWK", `text = ${text(text(fixture.jwk))}`],
]);

/** Starts the SDK's hello. */
export const startSdkHello = (fixture) => workerd(fixture,
  [["index.js", "target/bench/hello/index.js"], ["index_bg.wasm", "target/bench/hello/index_bg.wasm"]]);

/** Starts oidc-provider. */
export async function startOidcProvider({ client, jwk }) {
  const port = await freePort();
  return start(process.execPath, ["bench/peers/oidc-provider.mjs"], port, "/.well-known/openid-configuration", {
    NODE_ENV: "production", PORT: port, PRIVATE_JWK: text(jwk), CLIENT_ID: client.client_id, CLIENT_SECRET: client.client_secret,
  });
}

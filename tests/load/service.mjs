// The built wasm on one `workerd serve`, with its KV as a worker of a few lines, its Durable Objects
// in files and no rate limiters, and what the kernel says of that process.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { registerWithKey } from "../e2e/keys.mjs";
import { CLIENT_SECRETS_KEY, compatibilityDate, freePort, register, registerIn, tool } from "../e2e/worker.mjs";

/** The ticks of a second in /proc/PID/stat: 100 on every Linux that Node runs on. */
const TICKS = 100;

/**
 * A small heap, which is collected often and in some ms. As workerd starts V8, what awaited anything is
 * kept until some thousand requests' objects are freed in one pause of 60 to 200 ms, a JavaScript
 * worker's of one line too; p99 is then of those pauses, and not of who sends what. LOAD_V8_FLAGS has
 * others.
 */
const V8_FLAGS = (process.env.LOAD_V8_FLAGS ?? "--max-heap-size=10").split(" ").filter(Boolean);

/** In memory if there is such a folder: on the platform no disk is waited for on the thread that serves. */
const FOLDERS = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const text = (value) => JSON.stringify(value);

/** Writes the configuration of workerd and returns its path. */
function configuration(folder, port, pairs) {
  const url = `http://127.0.0.1:${port}`;
  const scopes = "read write";
  const realms = {
    default: {
      issuer: `${url}/realms/default`, scopes: `openid ${scopes}`,
      login_url: "https://login.example/", login_clients: ["login"],
    },
    other: { issuer: `${url}/realms/other`, scopes },
  };
  const keys = tool("key", "generate", "--print");
  const kv = `
    const pairs = new Map(${text(pairs)});
    export default {
      fetch(request) {
        const value = pairs.get(decodeURIComponent(new URL(request.url).pathname.slice(1)));
        return new Response(value, { status: value === undefined ? 404 : 200 });
      }
    };
  `;
  const objects = join(folder, "objects");
  mkdirSync(objects);
  const embed = (name) => text(relative(folder, resolve("build", name)));
  const path = join(folder, "load.capnp");
  writeFileSync(path, `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "kv", worker = .kv),
        (name = "objects", disk = (path = ${text(objects)}, writable = true)),
        (name = "main", worker = .main),
      ],
      v8Flags = [${V8_FLAGS.map(text).join(", ")}],
      sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
    );
    const main :Workerd.Worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [
        (name = "index.js", esModule = embed ${embed("index.js")}),
        (name = "index_bg.wasm", wasm = embed ${embed("index_bg.wasm")}),
      ],
      bindings = [
        (name = "CLIENTS", kvNamespace = "kv"),
        (name = "GRANTS", durableObjectNamespace = "GrantStore"),
        (name = "REALMS", json = ${text(text(realms))}),
        (name = "SIGNING_KEYS", text = ${text(text(keys))}),
        (name = "CLIENT_SECRETS_KEY", text = ${text(CLIENT_SECRETS_KEY)}),
      ],
      durableObjectNamespaces = [(className = "GrantStore", uniqueKey = "grants", enableSql = true)],
      durableObjectStorage = (localDisk = "objects"),
    );
    const kv :Workerd.Worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [(name = "kv.js", esModule = ${text(kv)})],
    );
  `);
  return path;
}

/** The clients there are. */
async function registerClients() {
  const pairs = [];
  const worker = { put: ({ key, value }) => pairs.push([key, value]) };
  const clients = {
    good: await register(worker),
    brief: await register(worker),
    app: await registerIn(worker, "default", "--grant-types", "authorization_code,refresh_token",
      "--redirect-uri", "https://app.example/cb", "--scope", "openid read"),
    signer: await registerWithKey(worker),
    foreign: await registerIn(worker, "other", "--scope", "read write"),
  };
  // Its tokens end at once, which the tool does not let anybody want.
  const briefly = pairs.find(([key]) => key === clients.brief.kv.key);
  briefly[1] = text({ ...JSON.parse(briefly[1]), access_token_ttl: 1 });
  return { clients, pairs };
}

/** The CPU seconds that a process has used. */
export function cpuSeconds(pid) {
  // The name of the program, in parentheses, is the only field that may have spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/**
 * Starts the service. Returns where it is, its clients, `pid`, `rss()` in MB, `cpu()` in µs on the
 * main thread and on all, `errors()` that it logged, and `hasEnded()`. It ends with this process.
 */
export async function startService() {
  const folder = mkdtempSync(join(FOLDERS, "edge-token-load-"));
  let child;
  const stop = () => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", stop);
  const { clients, pairs } = await registerClients();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const path = configuration(folder, port, pairs);
  const log = join(folder, "errors.log");
  // The thread that serves has the first processor alone. V8's helpers have the others, and the clients the last of
  // them, as the Makefile starts them: what they compute would else take its processor from it just when there is
  // more to serve.
  const last = cpus().length - 1;
  const others = ["-c", `${Math.min(1, last)}-${last}`];
  child = spawn("taskset", [...others, resolve("node_modules/.bin/workerd"), "serve", "--experimental", path], {
    stdio: ["ignore", "ignore", openSync(log, "a")],
  });
  const { pid } = child;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const errors = () => readFileSync(log, "utf8").split("\n").filter(Boolean);
  const isHealthy = () => fetch(`${url}/health`).then(({ ok }) => ok, () => false);
  for (let waited = 0; !(await isHealthy()); waited += 1) {
    if (hasEnded() || waited > 200) throw new Error(`workerd does not serve:\n${errors().join("\n")}`);
    await sleep(50);
  }
  const { status } = spawnSync("taskset", ["-p", "-c", "0", String(pid)]);
  if (status !== 0) throw new Error("taskset cannot give workerd's main thread a processor of its own");
  const used = (task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1000;
  return {
    url, port, issuer: `${url}/realms/default`, clients, pid, hasEnded, errors,
    rss: () => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB$/m)[1]) / 1024,
    cpu: () => ({ main: used(pid), all: readdirSync(`/proc/${pid}/task`).map(used).reduce((a, b) => a + b) }),
  };
}

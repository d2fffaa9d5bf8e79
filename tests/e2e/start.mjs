// Prints what a fresh isolate costs on `workerd serve`, as CPU time of the process from Linux's
// /proc/PID/task/*/schedstat: node start.mjs [ROUNDS]
//
// The same process is measured with this worker and with one of a line of JavaScript: isolate start
// is the difference of what they have used when they are ready. A request's CPU is what the
// process used from before the request until 20 ms after its answer, on all threads, and on the
// main one alone: the others compile hot wasm, which Cloudflare does not bill to a request. Both
// include the HTTP server and a KV of a few lines of JavaScript, so they are upper bounds.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { basic, freePort, tool } from "./worker.mjs";

const rounds = Number(process.argv[2] ?? 7);
const folder = mkdtempSync(join(tmpdir(), "edge-token-start-"));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const client = tool("client", "create", "--print", "--realm", "default");
const keys = JSON.stringify(tool("key", "generate", "--print"));

const HELLO = `export default { fetch: async (_, env) => new Response(await env.CLIENTS.get("x")) }`;
const KV = `export default { fetch: (request) => new Response(${JSON.stringify(client.kv.value)}) }`;

/** Writes a workerd configuration of the worker with these modules, and returns its path. */
function configuration(name, port, modules) {
  const text = (value) => JSON.stringify(value);
  const realms = { default: { issuer: `http://127.0.0.1:${port}/realms/default` } };
  const path = join(folder, `${name}.capnp`);
  writeFileSync(path, `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "kv", worker = .kv), (name = "main", worker = .main)],
      sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
    );
    const main :Workerd.Worker = (
      compatibilityDate = "2026-11-01",
      modules = [${modules}],
      bindings = [
        (name = "CLIENTS", kvNamespace = "kv"),
        (name = "REALMS", json = ${text(JSON.stringify(realms))}),
        (name = "SIGNING_KEYS", text = ${text(keys)}),
      ],
    );
    const kv :Workerd.Worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "kv.js", esModule = ${text(KV)})],
    );
  `);
  return path;
}

/** Runs workerd until `use` is done with it. `use` gets a function that tells the CPU used so far. */
async function withWorkerd(path, port, use) {
  const child = spawn(resolve("node_modules/.bin/workerd"), ["serve", path], { stdio: ["ignore", "ignore", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const used = (task) =>
    Number(readFileSync(`/proc/${child.pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  const cpu = () => ({
    all: readdirSync(`/proc/${child.pid}/task`).map(used).reduce((a, b) => a + b),
    main: used(child.pid),
  });
  try {
    for (let before = cpu(), same = 0; same < 5; ) {
      await sleep(20);
      const after = cpu();
      same = after.all - before.all < 0.1 && after.all > 5 ? same + 1 : 0;
      before = after;
    }
    return await use(cpu);
  } finally {
    child.kill();
    await exited;
  }
}

const less = (a, b) => ({ all: a.all - b.all, main: a.main - b.main });

async function cost(cpu, request) {
  await sleep(20);
  const before = cpu();
  const response = await request();
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  await sleep(20);
  return less(cpu(), before);
}

async function round(results) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const hello = configuration("hello", port, `(name = "index.js", esModule = ${JSON.stringify(HELLO)})`);
  const base = await withWorkerd(hello, port, async (cpu) => ({
    ready: cpu(),
    first: await cost(cpu, () => fetch(url)),
  }));
  const embed = (name) => JSON.stringify(relative(folder, resolve("build", name)));
  const own = configuration("own", port, `
    (name = "index.js", esModule = embed ${embed("index.js")}),
    (name = "index_bg.wasm", wasm = embed ${embed("index_bg.wasm")})`);
  const token = () => fetch(`${url}/token`, {
    method: "POST",
    headers: { authorization: basic(client.client_id, client.client_secret) },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  await withWorkerd(own, port, async (cpu) => {
    results["isolate start"].push(less(cpu(), base.ready));
    results["first token"].push(await cost(cpu, token));
    results["second token"].push(await cost(cpu, token));
    for (let warm = 0; warm < 500; warm += 1) await (await token()).text();
    results["503rd token"].push(await cost(cpu, token));
  });
  results["one KV read"].push(base.first);
}

const results = { "isolate start": [], "first token": [], "second token": [], "503rd token": [], "one KV read": [] };
try {
  for (let done = 0; done < rounds; done += 1) await round(results);
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`CPU of workerd in ms, ${rounds} rounds, median (least to most): all threads; main thread`);
for (const [name, samples] of Object.entries(results)) {
  const figure = (thread) => {
    const sorted = samples.map((sample) => sample[thread]).toSorted((a, b) => a - b);
    return [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)].map((value) => value.toFixed(1));
  };
  const [all, main] = [figure("all"), figure("main")].map(([median, least, most]) => `${median} (${least} to ${most})`);
  console.log(`  ${name.padEnd(14)} ${all.padEnd(24)} ${main}`);
}

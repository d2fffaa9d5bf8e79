// The built wasm on workerd alone, without miniflare, with a KV namespace that is a server of the test:
// so KV fails as the runtime itself tells it, with `KV GET failed: 500 …`.

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { tap } from "./sent.mjs";
import { allBindings, BUILD, compatibilityDate, freePort, newLog, reached } from "./worker.mjs";

/**
 * A KV namespace. `values` are its records by key, and `fault(method, key, value)` may tell what
 * becomes of a request: a status, `{ value }` to answer with, `"hang"`, `"reset"`, or `{ delay }` in
 * milliseconds before the good answer.
 */
async function startKv() {
  const kv = { values: new Map(), fault: () => undefined };
  const server = createServer(async (request, response) => {
    const key = decodeURIComponent(new URL(request.url, "http://kv").pathname.slice(1));
    const body = Buffer.concat(await request.toArray()).toString();
    const fault = kv.fault(request.method, key, kv.values.get(key));
    if (fault === "hang") return;
    if (fault === "reset") return void request.socket.destroy();
    if (typeof fault === "number") return void response.writeHead(fault).end("told by the test");
    if (fault?.value !== undefined) return void response.end(fault.value);
    if (fault) await new Promise((resolve) => setTimeout(resolve, fault.delay));
    if (request.method === "PUT") kv.values.set(key, body);
    const value = request.method === "GET" ? kv.values.get(key) : "";
    if (value === undefined) response.writeHead(404).end();
    else response.end(value);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  kv.port = server.address().port;
  kv.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return kv;
}

const text = JSON.stringify;

/** Starts the worker as `start` of worker.mjs does, with `kv` as [`startKv`] says. */
export async function serve({ bindings, realm, realms, main } = {}) {
  const kv = await startKv();
  const [port, inner] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  mkdirSync(join(folder, "objects"));
  for (const name of ["index.js", "index_bg.wasm"]) copyFileSync(new URL(name, BUILD), join(folder, name));
  if (main) writeFileSync(join(folder, "main.mjs"), main);
  const all = Object.entries(allBindings(url, bindings, realm, realms)).map(([name, value]) =>
    `(name = ${text(name)}, ${typeof value === "string" ? `text = ${text(value)}` : `json = ${text(text(value))}`}),`);
  const config = join(folder, "config.capnp");
  writeFileSync(config, `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      structuredLogging = true,
      services = [
        (name = "kv", external = (address = "127.0.0.1:${kv.port}", http = ())),
        (name = "objects", disk = (path = ${text(join(folder, "objects"))}, writable = true)),
        (name = "main", worker = .main),
      ],
      sockets = [(name = "http", address = "127.0.0.1:${inner}", http = (), service = "main")],
    );
    const main :Workerd.Worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [
        ${main ? `(name = "main.mjs", esModule = embed "main.mjs"),` : ""}
        (name = "index.js", esModule = embed "index.js"),
        (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
      ],
      durableObjectNamespaces = [(className = "GrantStore", uniqueKey = "grants", enableSql = true)],
      durableObjectStorage = (localDisk = "objects"),
      bindings = [
        (name = "CLIENTS", kvNamespace = "kv"),
        (name = "GRANTS", durableObjectNamespace = "GrantStore"),
        ${all.join("\n")}
      ],
    );
  `);
  const log = newLog();
  const child = spawn(resolve("node_modules/.bin/workerd"), ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) =>
      log.add(line.startsWith("{") ? JSON.parse(line).message : line));
  }
  const way = await tap(port, inner);
  for (let waited = 0; ; waited += 1) {
    const answer = await fetch(`http://127.0.0.1:${inner}/`).catch(() => undefined);
    if (answer) break;
    if (waited === 200 || child.exitCode !== null) throw new Error(`workerd does not start:\n${log.lines.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    ...reached(url, log),
    kv,
    put: ({ key, value }) => kv.values.set(key, value),
    async stop() {
      await log.end(way, async () => {
        child.kill();
        await exited;
        kv.stop();
        rmSync(folder, { recursive: true });
      });
    },
  };
}

// The console of the tool for one test file: a project of its own in a folder, its namespace, the
// worker that wrangler serves from it, and a browser.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { binary, compatibilityDate, CLIENT_SECRETS_KEY, freePort } from "../e2e/worker.mjs";
import { put, stored } from "../e2e/namespace.mjs";
import { add } from "../e2e/sent.mjs";

const configuration = (port) => `
name = "edge-token"
main = "build/index.js"
compatibility_date = "${compatibilityDate}"

[[kv_namespaces]]
binding = "CLIENTS"

[[durable_objects.bindings]]
name = "GRANTS"
class_name = "GrantStore"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["GrantStore"]

[vars.REALMS.default]
issuer = "http://127.0.0.1:${port}/realms/default"
scopes = "read write"
client_max_age = 0

[vars.REALMS.partner]
dialect = "keycloak"
issuer = "http://127.0.0.1:${port}/realms/partner"
client_max_age = 0

[vars.REALMS.empty]
issuer = "http://127.0.0.1:${port}/realms/empty"

# Another environment for the console to act on.
[[env.odd.kv_namespaces]]
binding = "CLIENTS"

[env.odd.vars.REALMS.broken]
issuer = "ftp://127.0.0.1"

[env.odd.vars.REALMS.good]
issuer = "https://auth.example/realms/good"
`;

/**
 * Makes a project with a signing key, and serves it. Returns its `folder`, `put` and `stored` for its
 * namespace, `run` for the tool in it, `open()`, which starts a console, and `stop()`.
 */
export async function startProject() {
  const folder = mkdtempSync(join(tmpdir(), "edge-token-console-"));
  const tool = join(folder, "edge-token");
  copyFileSync(binary, tool);
  const state = join(folder, "state");
  const port = await freePort();
  writeFileSync(join(folder, "wrangler.toml"), configuration(port));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "build"));
  for (const name of ["index.js", "index_bg.wasm"]) cpSync(join("build", name), join(folder, "build", name));
  const children = [];
  const begin = (command, args) => {
    const env = { ...process.env, EDGE_TOKEN_OPERATOR: "alice", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" };
    const child = spawn(command, args, { cwd: folder, env, detached: true });
    child.said = "";
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => { child.said += text; });
    child.exited = new Promise((resolve) => child.once("exit", resolve));
    children.push(child);
    return child;
  };
  const until = async (child, found) => {
    for (let waited = 0; waited < 600; waited += 1) {
      const seen = await found();
      if (seen) return seen;
      assert.equal(child.exitCode, null, child.said);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`not there within 60 s:\n${child.said}`);
  };
  const end = async (child) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGINT");
    await child.exited;
  };
  const run = (...args) => spawnSync(tool, [...args, "--persist-to", state], { cwd: folder, encoding: "utf8" });
  const made = run("key", "generate");
  assert.equal(made.status, 0, made.stderr);
  add(CLIENT_SECRETS_KEY);
  const url = `http://127.0.0.1:${port}`;
  const worker = begin("wrangler", ["dev", "--env", "", "--ip", "127.0.0.1", "--port", String(port), "--persist-to", state,
    "--show-interactive-dev-session=false", "--env-file", ".demo/secrets.env"]);
  const health = () => fetch(`${url}/realms/default/jwks`).then(({ ok }) => ok, () => false);
  await until(worker, health);
  return {
    folder,
    url,
    run,
    worker,
    put: (...pairs) => put(state, ...pairs),
    stored: (prefix) => stored(state, prefix),
    /** Starts a console, and returns its `link`, its `origin`, what it `said`, and `stop()`. */
    async open(...args) {
      const child = begin(tool, ["console", "--persist-to", state, ...args]);
      const link = await until(child, () => child.said.match(/^http:\/\/127\.0\.0\.1:\d+\/\?token=\S+$/m)?.[0]);
      return { link, origin: new URL(link).origin, said: () => child.said, stop: () => end(child) };
    },
    async stop() {
      await Promise.all(children.map(end));
      rmSync(folder, { recursive: true });
    },
  };
}

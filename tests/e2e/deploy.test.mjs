// docs/deploy.md on this machine: each command that is marked `local` is copied from the page and run, in
// the order of the page, in a project of its own, against workerd by `wrangler dev`. The others are marked
// `account`. Before them comes what README has before this page: `make run`.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { demoProject } from "./demo.mjs";
import { add, addFrom, isPrintedWithout } from "./sent.mjs";
import { binary, freePort } from "./worker.mjs";

const page = readFileSync("docs/deploy.md", "utf8");
const fences = [...page.matchAll(/^( *)```(.*)\n([^]*?)^\1```$/gm)]
  .map(([, indent, info, code]) => ({ info, code: code.replaceAll(new RegExp(`^${indent}`, "gm"), "") }));
const missing = spawnSync("jq", ["--version"]).status !== 0 && "no jq: apt-get install -y jq";
const skip = !process.env.CI && missing;

const root = resolve(".");
const { root: project, configuration, env } = demoProject();
let port;
let server;
let served = "";

/** What stands before each: the project's tool, which was built here, and make with this folder's Makefile. */
const SHELL = `
  set -euo pipefail
  cargo() { [ "$1 $2" = "run --" ]; shift 2; ${binary} "$@"; }
  make() { command make --no-print-directory -C ${root} "$@"; }
`;
const here = (code) => code.replaceAll("8787", String(port));

before(async () => {
  if (skip) return;
  port = await freePort(3);
  const staging = fences.find(({ info, code }) => info === "toml" && code.startsWith("[env.staging]")).code;
  writeFileSync(join(project, "wrangler.toml"), `${configuration}\n${staging}`);
});

/** What `make run` does, with the project's tool: serves the demo, and is ended as by Ctrl-C. */
async function runDemo() {
  const demo = spawn(process.execPath, ["scripts/run.mjs"], { cwd: project, detached: true, env: { ...env, PORT: String(port) } });
  let printed = "";
  const ended = new Promise((resolve) => demo.once("exit", resolve));
  for (const stream of [demo.stdout, demo.stderr]) stream.on("data", (data) => { printed += data; });
  for (let waited = 0; waited < 600 && !printed.includes("Log lines follow"); waited += 1) {
    assert.equal(demo.exitCode, null, printed);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.match(printed, /Log lines follow/);
  for (const [, secret] of printed.matchAll(/-u [\w-]+:(\S+)/g)) add(secret);
  process.kill(-demo.pid, "SIGINT");
  await ended;
}

after(async () => {
  if (server && server.exitCode === null) {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    process.kill(-server.pid, "SIGINT");
    await ended;
  }
  rmSync(project, { recursive: true });
});

/** Runs a fence, and returns what it prints. */
async function run(code) {
  const child = spawn("bash", ["-c", SHELL + here(code)], { cwd: project, env: { ...process.env, CLIENT_SECRETS_KEY: undefined } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => { stdout += data; });
  child.stderr.on("data", (data) => { stderr += data; });
  const status = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(status, 0, `${here(code)}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Starts a fence that goes on, and waits until it serves. */
async function begin(code) {
  server = spawn("bash", ["-c", `${SHELL} exec ${here(code)}`.replace("exec npx ", "exec ")],
    { cwd: project, detached: true, env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" } });
  server.stdout.on("data", (data) => { served += data; });
  server.stderr.on("data", (data) => { served += data; });
  for (let waited = 0; waited < 300; waited += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return;
    assert.equal(server.exitCode, null, served);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail(served);
}

test("each command of the page says where it works", () => {
  const marks = fences.filter(({ info }) => info.startsWith("sh")).map(({ info }) => info);
  for (const info of marks) assert.match(info, /^sh (local|account|local background)$/);
  for (const { info, code } of fences) {
    // What reaches the deployment needs an account.
    if (/--remote|wrangler (login|rollback|tail|versions|delete|secret)|auth\.example\.com/.test(code)) assert.doesNotMatch(info, /local/);
  }
  console.log(`docs/deploy.md: ${marks.filter((info) => info.includes("local")).length} local fences, ${marks.filter((info) => info.includes("account")).length} that need an account`);
});

/** What was run and what it printed, and the key that there was at first. */
const said = [];
const of = (text) => said.findLast(({ code }) => code.includes(text)).stdout;
/** The result of the last command of a fence. */
const result = (text) => JSON.parse(of(text).trim().split("\n").at(-1));
let first;

test("the local commands work as they stand, one after another", { skip }, async () => {
  assert.ok(!missing, missing);
  await runDemo();
  assert.ok(existsSync(join(project, ".demo/credentials.json")) && existsSync(join(project, ".wrangler/state")));
  for (const { info, code } of fences) {
    if (info === "sh local") said.push({ code, stdout: await run(code) });
    if (code.includes("curl -sf")) [first] = readFileSync(join(project, ".demo/secrets.env"), "utf8").match(/(?<="kid":")[^"]+/);
    if (info === "sh local background") await begin(code);
    if (code.includes("> billing.json") && info === "sh local") {
      const { client_secret } = JSON.parse(readFileSync(join(project, "billing.json"), "utf8"));
      assert.match(client_secret, /^[\w-]{43}$/);
      add(client_secret);
    }
  }
  const [token, health] = of("grant_type=client_credentials").trim().split(/(?<=\})(?=\{)/).map((text) => JSON.parse(text));
  assert.deepEqual([token.token_type, token.scope, health], ["Bearer", "read write", { status: "ok" }]);
  const claims = JSON.parse(Buffer.from(token.access_token.split(".")[1], "base64url"));
  assert.equal(claims.iss, "https://auth-staging.example.com/realms/default");
  assert.match(of("--dry-run"), /Total Upload/);
  addFrom(readFileSync(join(project, ".demo/secrets.env"), "utf8"));
  add(token.access_token);
  isPrintedWithout(served);
  for (const { code, stdout } of said) isPrintedWithout(stdout, ...(code.includes("curl") ? [token.access_token] : []));
});

test("what the page promises of it is so", { skip }, async () => {
  // The backup had the client, and the import put the same record back.
  const [{ key, value }] = JSON.parse(readFileSync(join(project, "backup.json"), "utf8"));
  assert.equal(key, "client/default/billing");
  const { taken, overwritten } = result("client import");
  assert.deepEqual([taken, overwritten], [[key], []]);
  // The leaked secret has gone, another one is good, and what was issued before is void.
  const [{ id }] = JSON.parse(value).secrets;
  const { secrets, disabled } = result("client show");
  const now = Date.now() / 1000;
  assert.equal(secrets.length, 1);
  assert.notEqual(secrets[0].id, id);
  assert.equal(secrets[0].expires_at, undefined);
  assert.equal(disabled, false);
  const moments = JSON.parse(await run("cargo run -- revoke list --env staging --realm default"));
  assert.ok(moments.clients.billing <= now && moments.not_before <= now && moments.not_before > 0);
  // One key is left, which is neither the first nor the one that took its place.
  const { timetable } = JSON.parse(await run("cargo run -- key list --env staging"));
  const { keys } = JSON.parse(readFileSync(join(project, ".demo/secrets.env"), "utf8").match(/^SIGNING_KEYS='(.*)'$/m)[1]);
  assert.ok(timetable.some(({ kid }) => kid === keys[0].kid) && timetable.every(({ kid }) => kid !== first));
  assert.equal(keys.length, 1);
  assert.notEqual(keys[0].kid, first);
});

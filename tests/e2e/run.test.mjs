// `make run`, as a newcomer meets it: what it prints, what it leaves alone, how it ends.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { demoProject } from "./demo.mjs";
import { add, addFrom, isPrintedWithout } from "./sent.mjs";
import { basic, freePort } from "./worker.mjs";

const DEV_VARS = ".dev.vars";
const ownDevVars = existsSync(DEV_VARS) ? readFileSync(DEV_VARS, "utf8") : undefined;
const devVars = ownDevVars ?? "SIGNING_KEYS=of-a-developer\nREALMS=of-a-developer\n";

let port;
let run;
let printed = "";

/** Starts a command in a process group of its own, as a terminal would. */
function begin(command, args, options) {
  const child = spawn(command, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], ...options });
  child.exited = new Promise((resolve) => child.once("exit", resolve));
  return child;
}

const makeRun = () => begin("make", ["run", `PORT=${port}`]);

/** Waits until it serves. */
async function serves() {
  printed = "";
  run = makeRun();
  await new Promise((resolve, reject) => {
    const read = (data) => {
      printed += data;
      if (/^Log lines follow/m.test(printed) && /Ready on/.test(printed)) resolve();
    };
    run.stdout.on("data", read);
    run.stderr.on("data", read);
    run.exited.then((status) => reject(new Error(`make run ended with ${status}:\n${printed}`)));
    setTimeout(() => reject(new Error(`make run is not ready after 120 s:\n${printed}`)), 120_000).unref();
  });
}

before(async () => {
  if (ownDevVars === undefined) writeFileSync(DEV_VARS, devVars);
  mkdirSync(".demo", { recursive: true });
  chmodSync(".demo", 0o755);
  writeFileSync(".demo/realms.env", "left over");
  chmodSync(".demo/realms.env", 0o644);
  port = await freePort(3);
  await serves();
});

after(() => {
  if (run.exitCode === null && run.signalCode === null) process.kill(-run.pid, "SIGINT");
  if (ownDevVars === undefined) rmSync(DEV_VARS);
});

/** The lines to paste. */
const curlLines = () => printed.match(/^ +curl -u .*$/gm);

/** A token by the line that `make run` printed, pasted into a shell. */
function pastedToken() {
  const [line] = curlLines();
  const { stdout, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
  assert.match(stdout, /access_token/, stderr);
  return JSON.parse(stdout).access_token;
}

const verify = (token, issuer) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), { issuer, audience: issuer, typ: "at+jwt" });

test("the printed line, pasted, gets a token that jose verifies", async () => {
  const issuer = `http://127.0.0.1:${port}/realms/default`;
  const { payload } = await verify(pastedToken(), issuer);
  assert.equal(payload.client_id, "demo-client");
});

test("the first line to paste is the demo's own: wrangler, which has one for the cron trigger, speaks after it", () => {
  const [first] = printed.match(/^.*\bcurl\b.*$/m);
  assert.match(first, /^ {2}curl -u demo-client:/);
  const [before, after] = printed.split("Log lines follow");
  assert.doesNotMatch(before, /cdn-cgi|Ready on/);
  assert.match(after, /Ready on/);
});

test("what is in .demo is for its user alone, also what was there with other modes", () => {
  const modes = () => Object.fromEntries([".", ...readdirSync(".demo")].map((name) =>
    [name, (statSync(join(".demo", name)).mode & 0o777).toString(8)]));
  for (const [name, mode] of Object.entries(modes())) assert.equal(mode, name === "." ? "700" : "600", name);
  for (const name of ["secrets.env", "credentials.json", "login.json", "realms.env"]) assert.ok(name in modes(), name);
});

test("the tool's check of the realm finds nothing wrong", () => {
  const secret = printed.match(/-u demo-client:(\S+)/)[1];
  const env = { ...process.env, EDGE_TOKEN_CLIENT_ID: "demo-client", EDGE_TOKEN_CLIENT_SECRET: secret };
  const args = ["run", "--quiet", "--locked", "--", "check", `http://127.0.0.1:${port}/realms/default`, "--json"];
  const { status, stdout, stderr } = spawnSync("cargo", args, { env, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const { passed, warned, failed, skipped } = JSON.parse(stdout);
  console.log(`check: ${passed} passed, ${warned} warned, ${failed} failed, ${skipped} skipped`);
  assert.deepEqual([warned, failed], [0, 0]);
  assert.ok(passed > 60, stdout);
});

test("each line printed for another system's dialect gets its document's members", () => {
  const members = (line) =>
    Object.keys(JSON.parse(spawnSync("bash", ["-c", line], { encoding: "utf8" }).stdout));
  const lines = curlLines().slice(1);
  assert.deepEqual(lines.map((line) => [new URL(line.split(" ").at(-1)).pathname, members(line)]), [
    ["/realms/dx/protocol/openid-connect/token",
      ["access_token", "expires_in", "refresh_expires_in", "token_type", "not-before-policy", "scope"]],
    ["/auth/realms/provider/protocol/openid-connect/token",
      ["access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type",
        "not-before-policy", "session_state", "scope"]],
    ["/api/id/v1/auth/token", ["scope", "token_type", "access_token", "expires_in"]],
    ["/oauth2/token", ["access_token", "token_type", "expires_in"]],
  ]);
});

test("a developer's .dev.vars is neither touched nor served", () => {
  assert.equal(readFileSync(DEV_VARS, "utf8"), devVars);
});

/** Runs the tool as an operator would, with the demo's own CLIENT_SECRETS_KEY. */
function tool(...args) {
  const { stdout, stderr } = spawnSync("cargo", ["run", "--quiet", "--locked", "--", ...args], { encoding: "utf8" });
  return JSON.parse(stdout || assert.fail(stderr));
}

test("a client made by the tool beside it is served", async () => {
  const id = `beside-${port}`;
  const created = tool("client", "create", "--realm", "default", "--client-id", id, "--client-secret", "the secret it had");
  try {
    const response = await fetch(`http://127.0.0.1:${port}/token`, {
      method: "POST",
      headers: { authorization: basic(id, created.client_secret) },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    assert.equal(response.status, 200);
  } finally {
    tool("client", "delete", "--realm", "default", "--client-id", id, "--yes");
  }
});

test("a busy port is told, with what to do", async () => {
  const second = makeRun();
  let said = "";
  second.stderr.on("data", (data) => { said += data; });
  assert.notEqual(await second.exited, 0);
  assert.match(said, new RegExp(`Port ${port} cannot be used \\(EADDRINUSE\\).*make run PORT=${port + 3}`));
  assert.match(pastedToken(), /^ey/);
});

/** The command lines of all processes. */
function processes() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return ""; // It has ended meanwhile.
    }
  });
}

test("nothing secret is printed but in the lines to paste", async () => {
  for (const name of ["secrets.env", "credentials.json", "login.json"]) {
    const text = readFileSync(`.demo/${name}`, "utf8");
    addFrom(text);
    add(...[...text.matchAll(/CLIENT_SECRETS_KEY='([^']+)/g), ...text.matchAll(/: "([\w-]{43})"/g)].map(([, secret]) => secret));
  }
  add(pastedToken());
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.match(printed, /"outcome":"issued"/);
  const pasted = curlLines().map((line) => line.match(/-u [^:]+:\S+/)[0]);
  assert.equal(pasted.length, 5);
  isPrintedWithout(printed, ...pasted);
  assert.throws(() => isPrintedWithout(printed), /a secret is in what is printed/);
});

test("Ctrl-C ends everything that it started", async () => {
  assert.ok(processes().some((line) => line.includes(`--port ${port}`)));
  process.kill(-run.pid, "SIGINT");
  await run.exited;
  assert.deepEqual(processes().filter((line) => line.includes(`--port ${port}`)), []);
  const server = createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  server.close();
});

/** What it says when it does not serve. */
async function stops(child = makeRun()) {
  let said = "";
  child.stderr.on("data", (data) => { said += data; });
  assert.notEqual(await child.exited, 0);
  return said;
}

test("after a rotation, or when a client is disabled or deleted, a start prints what works", async () => {
  const of = (realm) => ["--realm", realm, "--client-id", "demo-client"];
  tool("client", "rotate-secret", ...of("default"), "--overlap", "0s");
  tool("client", "disable", ...of("dx"));
  tool("client", "delete", ...of("provider"), "--yes");
  await serves();
  try {
    const lines = curlLines();
    assert.deepEqual(lines.map((line) => new URL(line.split(" ").at(-1)).pathname),
      ["/token", "/auth/realms/provider/protocol/openid-connect/token", "/api/id/v1/auth/token", "/oauth2/token"]);
    for (const line of lines) {
      const { stdout, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
      assert.match(stdout, /access_token|accessToken/, `${line}\n${stderr}`);
    }
    assert.match(printed, /the secret of default\/demo-client was changed/);
    const [enable] = printed.match(/cargo run -- (client enable .*)$/m).slice(1);
    tool(...enable.split(" "));
  } finally {
    process.kill(-run.pid, "SIGINT");
    await run.exited;
  }
});

test("realms that cannot be served are told before anything is started", async () => {
  const { root, configuration: good, env } = demoProject();
  after(() => rmSync(root, { recursive: true }));
  for (const [wrong, said] of [
    [good.replace("[vars.REALMS.dx]\n", '[vars.REALMS.dx]\nhosts = ["127.0.0.1:8787"]\n'), /realm dx: member `hosts`: `127\.0\.0\.1:8787` must be the name of a host/],
    [good.replace('dialect = "keycloak"', 'dialect = "keycloke"'), /realm dx: member `dialect`: `keycloke` is unknown/],
    [good.replace('class_name = "GrantStore"', 'class_name = "Other"'), /binding GRANTS: its class_name is not GrantStore/],
  ]) {
    assert.notEqual(wrong, good);
    writeFileSync(join(root, "wrangler.toml"), wrong);
    const text = await stops(begin(process.execPath, ["scripts/run.mjs"], { cwd: root, env: { ...env, PORT: String(port) } }));
    assert.match(text, said);
    assert.doesNotMatch(text, /starting workerd/);
  }
});

test("what an earlier checkout wrote of the demo's clients is taken, and what a later one wrote is told", async () => {
  const file = ".demo/credentials.json";
  const { version, clients } = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(version, 1);
  writeFileSync(file, JSON.stringify({ version: 2, clients: "sealed" }));
  assert.match(await stops(), /\.demo\/credentials\.json is of version 2, which a later checkout wrote: make clean/);
  assert.match(readFileSync(file, "utf8"), /sealed/);
  // The first ones were the clients alone.
  writeFileSync(file, JSON.stringify(clients));
  await serves();
  process.kill(-run.pid, "SIGINT");
  await run.exited;
  assert.doesNotMatch(printed, /registering|was changed/);
  assert.match(printed, new RegExp(`curl -u demo-client:${clients["default/demo-client"].client_secret} `));
});

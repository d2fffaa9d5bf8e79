// Serves the demo on this machine: its signing key, realms and clients are made on the first run
// and kept in the ignored folder .demo, so that no `.dev.vars` of a developer is touched.
//
// PORT chooses another port than 8787.

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { unstable_readConfig as readConfig } from "wrangler";

const DEFAULT_PORT = 8787;
const SECRETS = ".demo/secrets.env";
const CREDENTIALS = ".demo/credentials.json";
const RECORDS = ".demo/records.json";
const CLIENT_ID = "demo-client";

/** What the demo's client is in each realm. */
const CLIENTS = {
  default: ["--scope", "read write", "--default-scope", "read"],
  dx: ["--scope", "openid email profile", "--default-scope", "email profile"],
  provider: ["--scope", "openid profile offline_access email", "--default-scope", "profile offline_access email"],
  "screening-eagle": ["--scope", "openid email profile inspect", "--subject", "1302",
    "--claims", "scripts/screening-eagle-claims.json"],
  "light-oauth2": ["--scope", "petstore.r petstore.w"],
};

const port = Number(process.env.PORT || DEFAULT_PORT);
const origin = `http://127.0.0.1:${port}`;

const say = (text) => console.error(`[run] ${text}`);
const fail = (text) => {
  say(text);
  process.exit(1);
};

/** Runs a command to its end and returns what it prints. */
function output(command, ...args) {
  const run = spawnSync(command, args, { encoding: "utf8" });
  if (run.status !== 0) fail(`${command} ${args.slice(0, 4).join(" ")} … failed:\n${run.stderr || run.error}`);
  return run.stdout;
}

const tool = (...args) => JSON.parse(output("cargo", "run", "--quiet", "--locked", "--", ...args));
const kv = (...args) => output("wrangler", "kv", ...args, "--binding", "CLIENTS", "--local", "--env", "");

async function checkPort() {
  if (!Number.isInteger(port) || port < 1 || port > 65535) fail("PORT must be 1 to 65535.");
  await new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }) =>
      fail(`Port ${port} cannot be used (${code}): stop what listens there, or: make run PORT=${port + 1}`));
    server.listen(port, "127.0.0.1", () => server.close(resolve));
  });
}

/** The realms of wrangler.toml, as they are when another port is served. */
function realms() {
  const { REALMS } = readConfig({ config: "wrangler.toml" }).vars;
  const text = JSON.stringify(REALMS);
  return JSON.parse(text.replaceAll(`127.0.0.1:${DEFAULT_PORT}`, `127.0.0.1:${port}`));
}

/** Makes what is missing of the demo: signing key, clients. Returns each realm's client secret. */
function provision(names) {
  mkdirSync(".demo", { recursive: true });
  const secrets = existsSync(SECRETS) ? readFileSync(SECRETS, "utf8") : "";
  if (!/^CLIENT_SECRETS_KEY=/m.test(secrets)) {
    const line = `CLIENT_SECRETS_KEY='${randomBytes(32).toString("base64url")}'\n`;
    writeFileSync(SECRETS, secrets + line, { mode: 0o600 });
  }
  if (!/^SIGNING_KEYS=/m.test(secrets)) {
    say("making the demo's signing key …");
    tool("key", "generate", "--local");
  }
  const credentials = existsSync(CREDENTIALS) ? JSON.parse(readFileSync(CREDENTIALS, "utf8")) : {};
  const registered = JSON.parse(kv("key", "list", "--prefix", "client/")).map(({ name }) => name);
  const missing = names.filter((realm) =>
    !credentials[realm] || !registered.includes(`client/${realm}/${CLIENT_ID}`));
  if (missing.length > 0) {
    say(`registering ${CLIENT_ID} in realm ${missing.join(", ")} …`);
    const created = missing.map((realm) => tool("client", "create", "--print", "--realm", realm,
      "--client-id", CLIENT_ID, "--name", "Demo", ...(CLIENTS[realm] ?? ["--scope", "read write"])));
    writeFileSync(RECORDS, JSON.stringify(created.map((client) => client.kv)));
    kv("bulk", "put", RECORDS);
    missing.forEach((realm, index) => { credentials[realm] = created[index].client_secret; });
    writeFileSync(CREDENTIALS, JSON.stringify(credentials, null, 2), { mode: 0o600 });
  }
  return credentials;
}

/** Starts `wrangler dev` in a process group of its own, so that all of it can be ended. */
function serve() {
  // No look-up of the `Request.cf` of this machine: nothing here reads it.
  const env = { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  for (const name of ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PORT"]) delete env[name];
  const args = ["dev", "--env", "", "--ip", "127.0.0.1", "--port", String(port),
    "--show-interactive-dev-session=false", "--env-file", SECRETS];
  if (port !== DEFAULT_PORT) {
    const file = ".demo/realms.env";
    writeFileSync(file, `REALMS='${JSON.stringify(realms())}'\n`);
    args.push("--env-file", file);
  }
  const child = spawn("wrangler", args, { env, detached: true, stdio: ["ignore", "inherit", "inherit"] });
  let ending = false;
  const end = (signal) => {
    if (ending) return;
    ending = true;
    say("stopping …");
    process.kill(-child.pid, "SIGINT");
    setTimeout(() => process.kill(-child.pid, "SIGKILL"), 5000).unref();
    child.once("exit", () => process.exit(signal === "SIGINT" ? 0 : 143));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end(signal));
  child.once("exit", (status) => {
    if (!ending) fail(`wrangler dev ended with status ${status}; its own words are above.`);
  });
}

async function ready() {
  for (let waited = 0; waited < 600; waited += 1) {
    try {
      const { status, ok } = await fetch(`${origin}/health`);
      if (ok) return;
      if (waited > 100) fail(`${origin}/health answers ${status}: the log above says why.`);
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  fail("the service did not answer within 60 s; its own words are above.");
}

await checkPort();
const configured = realms();
say("checking the demo's key and clients …");
const credentials = provision(Object.keys(configured));
say("starting workerd by wrangler dev …");
serve();
await ready();
const endpoints = {
  dx: "/realms/dx/protocol/openid-connect/token",
  provider: "/auth/realms/provider/protocol/openid-connect/token",
  "screening-eagle": "/api/id/v1/auth/token",
  "light-oauth2": "/oauth2/token",
};
const curl = (secret, path) =>
  `  curl -u ${CLIENT_ID}:${secret} -d grant_type=client_credentials ${origin}${path}`;
console.log(`
edge-token is ready at ${origin}. Get a token:

${curl(credentials.default, "/token")}

In the dialects of other systems:

${Object.entries(endpoints).filter(([realm]) => credentials[realm])
    .map(([realm, path]) => curl(credentials[realm], path)).join("\n")}

Metadata: ${origin}/.well-known/openid-configuration
Keys:     ${origin}/.well-known/jwks.json
Log lines follow; Ctrl-C ends it all.
`);

// Serves the demo on this machine: its signing key, realms and clients are made on the first run
// and kept in the ignored folder .demo, so that no `.dev.vars` of a developer is touched. Beside it
// run the example login application and the example client, on the next two ports.
//
// PORT chooses another port than 8787.

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";

const DEFAULT_PORT = 8787;
const FOLDER = ".demo";
/** The format of `credentials.json`. The first ones do not say it, and are the clients alone. */
const VERSION = 1;
const SECRETS = ".demo/secrets.env";
const CREDENTIALS = ".demo/credentials.json";
const LOCAL_STATE = fileURLToPath(new URL("../src/bin/edge-token/local_state.mjs", import.meta.url));
const LOGIN_REALMS = ".demo/login.json";
const OWN_REALMS = ".demo/realms.env";
const CLIENT_ID = "demo-client";
const LOGIN_ID = "login";
const APP_ID = "demo-app";

/** What the demo's client is in each realm. */
const CLIENTS = {
  default: ["--scope", "read write", "--default-scope", "read"],
  dx: ["--scope", "openid email profile", "--default-scope", "email profile"],
  provider: ["--grant-types", "client_credentials,refresh_token",
    "--scope", "openid profile offline_access email", "--default-scope", "profile offline_access email"],
  "screening-eagle": ["--scope", "openid email profile inspect", "--subject", "1302",
    "--claims", "scripts/screening-eagle-claims.json"],
  "light-oauth2": ["--scope", "petstore.r petstore.w"],
};

/** Where realms, other than the default one, that the example login application serves ask for codes, and
 * where their people sign out. */
const LOGIN_ENDPOINTS = {
  dx: ["/realms/dx/protocol/openid-connect/auth", "/realms/dx/protocol/openid-connect/logout"],
  "screening-eagle": ["/realms/screening-eagle/authorize", "/realms/screening-eagle/logout"],
  "light-oauth2": ["/oauth2/code", "/realms/light-oauth2/logout"],
};

const port = Number(process.env.PORT || DEFAULT_PORT);
const loginPort = port + 1;
const appPort = port + 2;
const url = (of) => `http://127.0.0.1:${of}`;
const origin = url(port);

const say = (text) => console.error(`[run] ${text}`);
const fail = (text) => {
  show();
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

/** Reads or writes the demo's namespace, as the tool does. */
function kv(request) {
  const args = ["--disable-warning=ExperimentalWarning", LOCAL_STATE, ".wrangler/state/v3", "CLIENTS"];
  const { status, stdout, stderr, error } = spawnSync("node", args, { encoding: "utf8", input: JSON.stringify(request) });
  if (status !== 0) fail(`local state in .wrangler cannot be read or written:\n${stderr || error}`);
  return JSON.parse(stdout);
}

/** Makes the demo's folder and what is in it readable by its user alone, whoever made them before. */
function lockFolder() {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  chmodSync(FOLDER, 0o700);
  for (const entry of readdirSync(FOLDER, { withFileTypes: true })) {
    if (entry.isFile()) chmodSync(`${FOLDER}/${entry.name}`, 0o600);
  }
}

/** Writes a file of the demo, for its user alone. */
const keep = (path, text) => writeFileSync(path, text, { mode: 0o600 });

/** Stops at realms that could not be served, in the words of the tool's `setup`. */
function checkRealms() {
  const { stdout, stderr, error } = spawnSync("cargo", ["run", "--quiet", "--locked", "--", "setup", "--json"], { encoding: "utf8" });
  if (!stdout) fail(`cargo run -- setup failed:\n${stderr || error}`);
  const wrong = JSON.parse(stdout).checks.filter(({ name, result }) => result === "fail" && /^(realm|binding|migration)/.test(name));
  if (wrong.length === 0) return;
  fail(`wrangler.toml cannot be served as it is:\n${wrong.map(({ name, detail, mend }) => `  ${name}: ${detail}\n    ${mend}`).join("\n")}`);
}

/** What is known of the clients that were registered before. */
function readCredentials() {
  if (!existsSync(CREDENTIALS)) return {};
  const { version = VERSION, clients, ...plain } = JSON.parse(readFileSync(CREDENTIALS, "utf8"));
  if (version !== VERSION) fail(`${CREDENTIALS} is of version ${version}, which a later checkout wrote: make clean takes it away.`);
  return clients ?? plain;
}

const writeCredentials = (clients) => keep(CREDENTIALS, JSON.stringify({ version: VERSION, clients }, null, 2));

async function checkPorts() {
  if (!Number.isInteger(port) || port < 1 || port > 65533) fail("PORT must be 1 to 65533.");
  for (const each of [port, loginPort, appPort]) {
    await new Promise((resolve) => {
      const server = createServer();
      server.once("error", ({ code }) =>
        fail(`Port ${each} cannot be used (${code}): stop what listens there, or: make run PORT=${port + 3}`));
      server.listen(each, "127.0.0.1", () => server.close(resolve));
    });
  }
}

/** The realms of wrangler.toml, as they are when other ports are served. */
function realms() {
  const { REALMS } = readConfig({ config: "wrangler.toml" }).vars;
  const moved = (_, number) => `127.0.0.1:${Number(number) - DEFAULT_PORT + port}`;
  return JSON.parse(JSON.stringify(REALMS).replace(/127\.0\.0\.1:(8787|8788)\b/g, moved));
}

/** The demo's clients: for each, `realm/id`, what the tool's `client create` is told of it. */
function clients(configured) {
  const wanted = new Map();
  for (const [realm, { login_clients = [] }] of Object.entries(configured)) {
    wanted.set(`${realm}/${CLIENT_ID}`, ["--name", "Demo", ...(CLIENTS[realm] ?? ["--scope", "read write"])]);
    if (login_clients.includes(LOGIN_ID)) {
      wanted.set(`${realm}/${LOGIN_ID}`, ["--name", "Login application", "--grant-types", ""]);
    }
  }
  wanted.set(`default/${APP_ID}`, ["--name", "Example application",
    "--grant-types", "authorization_code,refresh_token",
    "--scope", "openid profile email offline_access read",
    "--redirect-uri", `${url(appPort)}/callback`, "--post-logout-redirect-uri", `${url(appPort)}/`]);
  return wanted;
}

/** Makes what is missing of the demo: signing key, clients. Returns what is known of each client. */
function provision(wanted) {
  const secrets = existsSync(SECRETS) ? readFileSync(SECRETS, "utf8") : "";
  if (!/^CLIENT_SECRETS_KEY=/m.test(secrets)) {
    const line = `CLIENT_SECRETS_KEY='${randomBytes(32).toString("base64url")}'\n`;
    keep(SECRETS, secrets + line);
  }
  if (!/^SIGNING_KEYS=/m.test(secrets)) {
    say("making the demo's signing key …");
    tool("key", "generate", "--local");
  }
  const credentials = readCredentials();
  const registered = kv({ list: "client/" });
  // A client is registered again when this file or the port makes it another one than it was.
  const missing = [...wanted].filter(([client, told]) =>
    JSON.stringify(credentials[client]?.told) !== JSON.stringify(told) || !registered.includes(`client/${client}`));
  if (missing.length > 0) {
    say(`registering ${missing.map(([client]) => client).join(", ")} …`);
    const created = missing.map(([client, told]) => {
      const [realm, id] = client.split("/");
      return tool("client", "create", "--print", "--realm", realm, "--client-id", id, ...told);
    });
    kv({ put: created.map((client) => client.kv) });
    missing.forEach(([client, told], index) => {
      credentials[client] = { told, client_secret: created[index].client_secret };
    });
    for (const client of Object.keys(credentials)) if (!wanted.has(client)) delete credentials[client];
    writeCredentials(credentials);
  }
  return credentials;
}

/** Where each realm's token endpoint is. */
const TOKEN_ENDPOINTS = {
  default: "/token",
  dx: "/realms/dx/protocol/openid-connect/token",
  provider: "/auth/realms/provider/protocol/openid-connect/token",
  "screening-eagle": "/api/id/v1/auth/token",
  "light-oauth2": "/oauth2/token",
};

/**
 * Tries each client's secret, which somebody may have changed with the tool since. One that is refused is
 * rotated, as an operator would; of a client that cannot be helped so it says what to do.
 */
async function refresh(credentials) {
  const words = new Map();
  for (const client of Object.keys(credentials)) {
    const [realm, id] = client.split("/");
    if (await isTaken(realm, id, credentials[client].client_secret)) continue;
    const of = ["--realm", realm, "--client-id", id];
    if (tool("client", "show", "--local", ...of).disabled) {
      words.set(client, `  ${id} of the realm ${realm} is disabled: cargo run -- client enable ${of.join(" ")}`);
      continue;
    }
    say(`the secret of ${client} was changed: making another, beside the one of now …`);
    const args = ["run", "--quiet", "--locked", "--", "client", "rotate-secret", "--local", "--overlap", "7d", ...of];
    const { status, stdout } = spawnSync("cargo", args, { encoding: "utf8" });
    if (status === 0) {
      credentials[client].client_secret = JSON.parse(stdout).client_secret;
      writeCredentials(credentials);
    }
    if (status !== 0 || !await isTaken(realm, id, credentials[client].client_secret)) {
      words.set(client, `  ${id} of the realm ${realm} is refused. To have it made again by make run:`
        + ` cargo run -- client delete ${of.join(" ")} --yes`);
    }
  }
  return words;
}

/** Whether a client's secret is taken, be it for another grant than it may use. */
async function isTaken(realm, id, secret) {
  if (!TOKEN_ENDPOINTS[realm]) return true;
  const { status } = await fetch(origin + TOKEN_ENDPOINTS[realm], {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  return status !== 401;
}

const children = [];
let ending = false;

const running = (child) => child.exitCode === null && child.signalCode === null;
const signal = (child, name) => running(child) && process.kill(-child.pid, name);

/** What the commands print until it may be shown: the first lines to paste are to be the demo's own. */
const held = [];
let isShown = false;

function show() {
  isShown = true;
  for (const [to, data] of held.splice(0)) to.write(data);
}

/** Starts a command in a process group of its own, so that all of it can be ended. */
function begin(name, command, args, variables) {
  const env = { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: "1" }), ...variables };
  for (const own of ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PORT"]) delete env[own];
  const child = spawn(command, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
    from.on("data", (data) => (isShown ? to.write(data) : held.push([to, data])));
  }
  child.once("exit", (status) => {
    if (!ending) fail(`${name} ended with status ${status}; its own words are above.`);
    if (!children.some(running)) process.exit();
  });
}

/** Sees to it that nothing outlives this process, however it ends. */
function endTogether() {
  const end = (status) => {
    if (ending) return;
    ending = true;
    process.exitCode = status;
    say("stopping …");
    for (const child of children) signal(child, "SIGINT");
    setTimeout(() => children.forEach((child) => signal(child, "SIGKILL")), 5000).unref();
  };
  process.on("SIGINT", () => end(0));
  for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => end(143));
  process.on("exit", () => children.forEach((child) => signal(child, "SIGINT")));
}

/** Starts `wrangler dev`. */
function serve(configured) {
  const args = ["dev", "--env", "", "--ip", "127.0.0.1", "--port", String(port),
    "--show-interactive-dev-session=false", "--env-file", SECRETS];
  if (port !== DEFAULT_PORT) {
    keep(OWN_REALMS, `REALMS='${JSON.stringify(configured)}'\n`);
    args.push("--env-file", OWN_REALMS);
  }
  // No look-up of the `Request.cf` of this machine: nothing here reads it.
  begin("wrangler dev", "wrangler", args, { CLOUDFLARE_CF_FETCH_ENABLED: "false" });
}

/** Starts the example login application, for every realm that has it, and the example client. */
function serveExamples(configured, secret) {
  const others = Object.keys(LOGIN_ENDPOINTS).filter((realm) => secret(`${realm}/${LOGIN_ID}`));
  keep(LOGIN_REALMS, JSON.stringify(Object.fromEntries(others.map((realm) => [realm, {
    authorization_endpoint: origin + LOGIN_ENDPOINTS[realm][0],
    end_session_endpoint: origin + LOGIN_ENDPOINTS[realm][1],
    client_id: LOGIN_ID,
    client_secret: secret(`${realm}/${LOGIN_ID}`),
  }])), null, 2));
  begin("the example of a login application", process.execPath, ["examples/login/index.mjs"], {
    ISSUER: configured.default.issuer,
    LOGIN_PORT: String(loginPort),
    LOGIN_CLIENT_ID: LOGIN_ID,
    LOGIN_CLIENT_SECRET: secret(`default/${LOGIN_ID}`),
    LOGIN_REALMS,
    APP_PORT: String(appPort),
    APP_CLIENT_ID: APP_ID,
    APP_CLIENT_SECRET: secret(`default/${APP_ID}`),
  });
}

/** Waits until a URL answers 200. */
async function ready(address) {
  for (let waited = 0; waited < 600; waited += 1) {
    try {
      const { status, ok } = await fetch(address);
      if (ok) return;
      if (waited > 100) fail(`${address} answers ${status}: the log above says why.`);
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  fail(`${address} did not answer within 60 s; its own words are above.`);
}

await checkPorts();
const configured = realms();
lockFolder();
say("checking the realms of wrangler.toml …");
checkRealms();
say("checking the demo's key and clients …");
const credentials = provision(clients(configured));
endTogether();
say("starting workerd by wrangler dev …");
serve(configured);
await ready(`${origin}/health`);
const refused = await refresh(credentials);
const secret = (client) => credentials[client]?.client_secret;
serveExamples(configured, secret);
await ready(`${url(appPort)}/`);
const curl = (realm) => refused.get(`${realm}/${CLIENT_ID}`)
  ?? `  curl -u ${CLIENT_ID}:${secret(`${realm}/${CLIENT_ID}`)} -d grant_type=client_credentials ${origin}${TOKEN_ENDPOINTS[realm]}`;
const others = Object.keys(TOKEN_ENDPOINTS).filter((realm) => realm !== "default" && configured[realm]);
console.log(`
edge-token is ready at ${origin}. Get a token:

${curl("default")}

In the dialects of other systems:

${others.map(curl).join("\n")}

Sign in with a browser: ${url(appPort)}/

Metadata: ${origin}/.well-known/openid-configuration
Keys:     ${origin}/.well-known/jwks.json
Log lines follow; Ctrl-C ends it all.
`);
show();

// `setup`: the good set-up passes, each broken one gets its own diagnosis and no other, and the command
// that is to mend it does. The wrangler is the real one on this machine, and one that answers from a
// file where it would need an account.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { project } from "./project.mjs";
import { CLIENT_SECRETS_KEY, tool } from "./worker.mjs";

const DAY = 24 * 60 * 60;
const now = () => Math.floor(Date.now() / 1000);
const good = readFileSync("wrangler.toml", "utf8");
const deployed = good.replaceAll("https://auth.example.com", "https://auth.my.test");
const jwks = (...args) => JSON.stringify(tool("key", "generate", "--print", ...args));
const one = jwks();

/** A project whose secrets of this machine are these. */
function local(secrets, options = {}) {
  const it = project(options);
  after(() => it.remove());
  mkdirSync(join(it.root, ".demo"));
  const lines = Object.entries(secrets).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(join(it.root, ".demo/secrets.env"), lines.join(""), { mode: 0o600 });
  return it;
}

/** What `setup` finds: all rows, and those that failed. */
function setup(it, ...args) {
  const { status, stdout, stderr } = it.run("setup", ...args);
  assert.notEqual(stdout, "", stderr);
  const { checks, failed } = JSON.parse(stdout);
  const faults = checks.filter(({ result }) => result === "fail");
  assert.deepEqual([status, failed], [faults.length ? 1 : 0, faults.length]);
  return { checks, faults, row: (name) => checks.find((row) => row.name === name) };
}

/** Asserts that there is this one fault, and returns the command that mends it. */
function diagnosed(it, args, name, detail) {
  const { faults } = setup(it, ...args);
  assert.deepEqual(faults.map((row) => row.name), [name], JSON.stringify(faults));
  assert.match(faults[0].detail, detail);
  return faults[0].mend;
}

/** Runs the command that mends a fault, as it is written, from the checkout's own tool. */
function mended(it, mend, ...args) {
  const { status, stderr } = it.shell(mend.replace("cargo run --", "edge-token"));
  assert.equal(status, 0, stderr);
  assert.deepEqual(setup(it, ...args).faults, []);
}

const SECRETS = { SIGNING_KEYS: one, CLIENT_SECRETS_KEY };

test("the demo's set-up passes, and so does production on this machine, with the real wrangler", () => {
  const it = local(SECRETS, { wrangler: "real" });
  const { faults, row } = setup(it);
  assert.deepEqual(faults, []);
  assert.match(row("wrangler").detail, /^\d+\.\d+\.\d+$/);
  assert.match(row("realm dx").detail, /^http:\/\/127\.0\.0\.1:8787\/realms\/dx$/);
  assert.match(row("signing keys in SIGNING_KEYS").detail, /^the newest key signs until 20\d\d-/);
  assert.deepEqual([row("rate limiters").result, row("rate limiters").mend], ["remark", undefined]);
  assert.equal(setup(it, "--env", "production").row("rate limiters").result, "pass");
});

/** A wrangler.toml without the lines from one that matches to the next empty one. */
const without = (pattern) => good.split("\n\n").filter((part) => !pattern.test(part)).join("\n\n");
const withoutBinding = (name) => good.replace(new RegExp(`\\[\\[(kv_namespaces|durable_objects\\.bindings)\\]\\]\\n(name|binding) = "${name}"\\n(class_name.*\\n)?`), "");
const record = (hash) => JSON.stringify({
  version: 1, client_id: "old", grant_types: [], token_endpoint_auth_method: "client_secret_basic",
  secrets: [{ id: "0", hash }], updated_at: 1, updated_by: "x",
});
const [sha256, hmac] = ["sha256", "hmac-sha256"].map((scheme) => `${scheme}$${"A".repeat(22)}$${"A".repeat(43)}`);
/** A private JWK Set that is good from and until so many seconds from now. */
const between = (from, until) =>
  JSON.stringify({ keys: JSON.parse(one).keys.map((key) => ({ ...key, nbf: now() + from, exp: now() + until })) });

for (const [what, { secrets = SECRETS, args = [], mends = true, ...options }, name, detail] of [
  ["no wrangler", { wrangler: "none", mends: false }, "wrangler", /not installed/],
  ["no namespace", { configuration: withoutBinding("CLIENTS") }, "binding CLIENTS", /binds no KV namespace/],
  ["no Durable Object", { configuration: withoutBinding("GRANTS") }, "binding GRANTS", /binds no Durable Object/],
  ["another class", { configuration: good.replace('class_name = "GrantStore"', 'class_name = "Other"'), mends: false },
    "binding GRANTS", /class_name is not GrantStore/],
  ["no migration", { configuration: without(/^\[\[migrations\]\]/) }, "migration", /no migration/],
  ["a migration of the old kind", { configuration: good.replace("new_sqlite_classes", "new_classes"), mends: false },
    "migration", /without SQLite storage/],
  ["an environment that is not there", { args: ["--env", "prodution"], mends: false }, "--env", /those that it has: production$/],
  ["what is no TOML", { configuration: "[vars", mends: false }, "wrangler.toml", /^wrangler\.toml: /],
  ["a realm without issuer", { configuration: good.replace('issuer = "http://127.0.0.1:8787/realms/dx"\n', ""), mends: false },
    "realm dx", /`issuer` is missing/],
  ["a dialect that is unknown", { configuration: good.replace('dialect = "light-oauth2"', 'dialect = "dark"'), mends: false },
    "realm light-oauth2", /`dark` is unknown/],
  ["no signing key", { secrets: { CLIENT_SECRETS_KEY } }, "signing keys in SIGNING_KEYS", /no signing key/],
  ["a key that is none", { secrets: { ...SECRETS, SIGNING_KEYS: "{}" } }, "signing keys in SIGNING_KEYS", /SIGNING_KEYS: member `keys` is missing/],
  ["a key that has ended", { secrets: { ...SECRETS, SIGNING_KEYS: between(-9 * DAY, -DAY) } }, "signing keys in SIGNING_KEYS", /no key signs now/],
  ["a key near its end", { secrets: { ...SECRETS, SIGNING_KEYS: between(-DAY, 20 * DAY) }, mends: false },
    "signing keys in SIGNING_KEYS", /signs its last token at .* \(in 12 d\)/],
  ["imported secrets without their key", { secrets: { SIGNING_KEYS: one }, kv: { "client/dx/old": record(hmac) } },
    "CLIENT_SECRETS_KEY", /is missing, and 1 of 1 clients/],
  ["a short key of imported secrets", { secrets: { ...SECRETS, CLIENT_SECRETS_KEY: "short" }, kv: { "client/dx/old": record(hmac) }, mends: false },
    "CLIENT_SECRETS_KEY", /shorter than 32 octets, and 1 of 1/],
]) {
  test(`broken, ${what}: that is told, and nothing else`, () => {
    const it = local(secrets, options);
    const mend = diagnosed(it, args, name, detail);
    assert.ok(mend);
    writeFileSync(join(it.root, "client-secrets-key"), CLIENT_SECRETS_KEY);
    if (mends) mended(it, mend, ...args);
  });
}

test("a namespace whose secrets were all made here needs no CLIENT_SECRETS_KEY", () => {
  const it = local({ SIGNING_KEYS: one }, { kv: { "client/dx/old": record(sha256) } });
  const { faults, row } = setup(it);
  assert.deepEqual(faults, []);
  assert.match(row("CLIENT_SECRETS_KEY").detail, /is missing, and none of 1 clients needs it/);
});

const remote = ["--remote", "--env", "production"];
const facts = (exp) => ({ "signing-keys/SIGNING_KEYS": JSON.stringify({
  version: 1, keys: [{ kid: "a", nbf: 1, exp }], updated_at: 1, updated_by: "x" }) });
const online = (options) => {
  const it = project({ configuration: deployed, secrets: { SIGNING_KEYS: one, CLIENT_SECRETS_KEY }, kv: facts(now() + 300 * DAY), ...options });
  after(() => it.remove());
  return it;
};

test("a deployed set-up passes by what wrangler tells of it", () => {
  const { faults, row } = setup(online({}), ...remote);
  assert.deepEqual(faults, []);
  assert.match(row("signing keys in SIGNING_KEYS").detail, /signs until/);
  const unseen = setup(online({ kv: {} }), ...remote);
  assert.deepEqual([unseen.faults, unseen.row("signing keys in SIGNING_KEYS").result], [[], "unknown"]);
});

for (const [what, { args = remote, mends, ...options }, name, detail, command] of [
  ["nobody is logged in", { says: "In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable" },
    "account", /not logged in/, "npx wrangler login"],
  ["it is not deployed", { says: "This Worker does not exist on your account. [code: 10007]" },
    "account", /does not exist/, "npx wrangler deploy --env production"],
  ["the demo's realms", { args: ["--remote"], configuration: good.replace(/\[vars\.REALMS\.(dx|provider|screening-eagle|light-oauth2)\][^]*?\n\n/g, "") },
    "realm default", /no deployed Worker serves http/, "cargo run -- setup --remote --env production"],
  ["the example's host", { configuration: good }, "realm default", /the example's host/, /^edit wrangler.toml: issuer in \[env\.production\.vars/],
  ["no signing key", { secrets: {}, mends: true }, "signing keys in SIGNING_KEYS", /no signing key/,
    "cargo run -- key generate --remote --env production"],
  ["a key near its end", { kv: facts(now() + 20 * DAY) }, "signing keys in SIGNING_KEYS", /signs its last token/,
    "cargo run -- key rotate --remote --env production"],
  ["a key that has ended", { kv: facts(now() - DAY) }, "signing keys in SIGNING_KEYS", /no key signs now/,
    "cargo run -- key rotate --lead 0 --force --remote --env production"],
  ["imported secrets without their key", { secrets: { SIGNING_KEYS: one }, kv: { ...facts(now() + 300 * DAY), "client/default/old": record(hmac) } },
    "CLIENT_SECRETS_KEY", /is missing, and 1 of 1/, "npx wrangler secret put CLIENT_SECRETS_KEY --env production < client-secrets-key"],
]) {
  test(`deployed, ${what}: that is told, and nothing else`, () => {
    const it = online(options);
    const mend = diagnosed(it, args, name, detail);
    if (typeof command === "string") assert.equal(mend, command);
    else assert.match(mend, command);
    if (mends) mended(it, mend, ...args);
  });
}

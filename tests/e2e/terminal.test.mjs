// The tool on a terminal, which `script` of util-linux makes: tables instead of JSON, questions before what
// cannot be undone, progress in one line. The wrangler keeps namespace and secrets in a file.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { project } from "./project.mjs";
import { tool } from "./worker.mjs";

const there = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "");
const skip = there ? false : "there is no `script` of util-linux";

const pair = (id, changes = {}) => [`client/default/${id}`, JSON.stringify({
  version: 1, client_id: id, grant_types: ["client_credentials"], scope: "read write",
  token_endpoint_auth_method: "client_secret_basic", updated_at: 1_795_376_712, updated_by: "x", ...changes,
})];

const made = (kv, secrets = {}) => {
  const it = project({ kv: Object.fromEntries(kv), secrets });
  after(() => it.remove());
  /** Runs the tool on a terminal of 100 columns, on which these lines are typed. */
  const terminal = (args, typed = "") => {
    const quoted = args.map((arg) => `'${arg}'`).join(" ");
    const command = `stty cols 100 -echo; edge-token ${quoted}; echo "status $?"`;
    const { stdout, error } = it.shell(`script -qec ${JSON.stringify(command).replaceAll("$", "\\$")} /dev/null`, { input: typed });
    assert.ifError(error);
    const [, text, status] = /^([^]*)status (\d+)\s*$/.exec(stdout.replaceAll("\r\n", "\n"));
    return { text, status: Number(status) };
  };
  return { ...it, terminal };
};

test("clients are a table on a terminal, and JSON with --json or in a pipe", { skip }, () => {
  const it = made([pair("app", { client_name: "App\u001b[2J\u202e", disabled: true }), ["client/default/x", '{"version":9}']]);
  const list = ["client", "list", "--realm", "default"];
  const { text, status } = it.terminal(list);
  assert.equal(status, 0);
  assert.match(text, /^CLIENT ID +CLIENT NAME +GRANT TYPES +SCOPE +DISABLED +UPDATED AT$/m);
  assert.match(text, /^app +App\ufffd\[2J\ufffd +client_credentials +read write +yes +2026-11-22 19:45:12Z$/m);
  assert.match(text, /^Note: the record at `client\/default\/x` is unusable, it gets no tokens: record version 9 is not 1\.$/m);
  assert.ok(!text.includes("\u001b[2J") && !text.includes("\u202e"), JSON.stringify(text));
  assert.ok(text.split("\n").every((line) => [...line].length <= 100), text);
  const json = it.terminal([...list, "--json"]);
  const [line] = /^\[.*\]$/m.exec(json.text);
  const piped = it.run(...list);
  assert.equal(`${line}\n`, piped.stdout);
  assert.deepEqual(JSON.parse(line).map(({ client_id }) => client_id), ["app", undefined]);

  const shown = it.terminal(["client", "show", "--realm", "default", "--client-id", "app"]).text;
  assert.match(shown, /^client id: +app$/m);
  assert.match(shown, /^disabled: +yes$/m);
  assert.match(shown, /^updated at: +2026-11-22 19:45:12Z$/m);
});

test("an import is one table on a terminal, with each complaint once", { skip }, () => {
  const it = made([]);
  const path = join(it.root, "export.json");
  const client = (clientId, members) => ({ clientId, serviceAccountsEnabled: true, secret: `secret-of-${clientId}-elsewhere`, ...members });
  writeFileSync(path, JSON.stringify({
    realm: "default", accessTokenLifespan: 60, ssoSessionIdleTimeout: 900,
    clients: [client("account"), client("broker"), client("a"), client("b\u001b[2J"), client("wiki", { protocol: "saml" }), client("c", { secret: "***" })],
  }));
  const { text, status } = it.terminal(["client", "import", "--realm", "default", path, "--dry-run"]);
  assert.equal(status, 1);
  assert.match(text, /^CLIENT +LINE +RESULT +TAKEN +NOTES$/m);
  assert.match(text, /^a +1 +taken +client_credentials/m);
  assert.match(text, /^1 +Wrong +its id must be/m);
  assert.match(text, /^\d +Left out +it is Keycloak's own, .* account, broker$/m);
  assert.equal(text.match(/masked/g).length, 1);
  assert.match(text, /^\[vars\.REALMS\.default\]\nrefresh_token_idle_ttl = 900 # ssoSessionIdleTimeout$/m);
  assert.match(text, /^2 clients are wrong, nothing was written: /m);
  assert.ok(!text.includes("\u001b[2J") && !text.includes("secret-of-a-elsewhere"), JSON.stringify(text));
  assert.ok(text.split("\n").slice(0, 12).every((line) => [...line].length <= 100), text);
});

test("keys and moments are tables on a terminal, told once", { skip }, () => {
  const it = made([["not-before/default", '{"version":1,"realm":1700000000,"clients":{"app":1795376712}}']]);
  assert.equal(it.run("key", "generate").status, 0);
  const keys = it.terminal(["key", "list"]);
  assert.equal(keys.status, 0);
  assert.match(keys.text, /^token lifetime: +604800$/m);
  assert.match(keys.text, /^timetable:\nEXP +KID +PUBLISHED/m);
  assert.equal(keys.text.match(/signing/g).length, 1, keys.text);
  const moments = it.terminal(["revoke", "list", "--realm", "default"]).text;
  assert.match(moments, /^not before: +2023-11-14 22:13:20Z$/m);
  assert.match(moments, /^clients:\napp +2026-11-22 19:45:12Z$/m);
  assert.doesNotMatch(moments, /Void/);
});

test("what cannot be undone is asked for, and done for `y` alone", { skip }, () => {
  const it = made([pair("app", { client_name: "App" })]);
  const remove = ["client", "delete", "--realm", "default", "--client-id", "app"];
  for (const typed of ["n\n", "\n", "yeah\n"]) {
    const { text, status } = it.terminal(remove, typed);
    assert.equal(status, 1, text);
    assert.match(text, /This removes client `app` \(App\) from realm `default` for good, .* Do it\? \[y\/N\]/);
    assert.match(text, /nothing was changed/);
  }
  assert.ok(it.state().kv["client/default/app"]);
  const { text, status } = it.terminal(remove, "y\n");
  assert.equal(status, 0, text);
  assert.match(text, /^deleted: +yes$/m);
  assert.equal(it.state().kv["client/default/app"], undefined);
});

test("a secret that is made is shown on the terminal once, and what is stored is not", { skip }, () => {
  const it = made([]);
  const { text } = it.terminal(["client", "create", "--realm", "default", "--client-id", "app"]);
  assert.match(text, /^client secret: +[A-Za-z0-9_-]{43}$/m);
  assert.doesNotMatch(text, /sha256/);
});

test("progress is one line on a terminal", { skip }, () => {
  const it = made(Array.from({ length: 5_100 }, (_, number) => pair(`c${number}`)));
  const { text } = it.terminal(["client", "export", "--all-realms", "backup.json"]);
  assert.match(text, /\r\u001b\[KReading records: 0 of 5100 …\r\u001b\[KReading records: \d+ of 5100 …/);
  assert.match(text, /^clients: +5100$/m);
});

test("`setup` is a list with commands to copy on a terminal", { skip }, () => {
  const it = made([]);
  const { text, status } = it.terminal(["setup"]);
  assert.equal(status, 1);
  assert.match(text, /^FAIL +signing keys in SIGNING_KEYS +there is no signing key\n +mend it: cargo run -- key generate$/m);
});

test("without a terminal each such act refuses and says so, and changes nothing", () => {
  const { keys: [key] } = JSON.parse(JSON.stringify(tool("key", "generate", "--print")));
  const record = pair("app", { secrets: [{ id: "0a", hash: `sha256$${"A".repeat(22)}$${"A".repeat(43)}` }, { id: "0b", hash: `sha256$${"A".repeat(22)}$${"A".repeat(43)}` }] });
  const it = made([record, ["signing-keys/SIGNING_KEYS", JSON.stringify({ version: 1, keys: [{ kid: key.kid, nbf: key.nbf, exp: key.exp }], updated_at: 1, updated_by: "x" })]],
    { SIGNING_KEYS: JSON.stringify({ keys: [key] }) });
  const before = it.state();
  const which = ["--realm", "default", "--client-id", "app"];
  for (const args of [
    ["client", "delete", ...which],
    ["client", "revoke-secret", ...which, "--secret-id", "0a"],
    ["revoke", "client", ...which],
    ["revoke", "subject", "--realm", "default", "--subject", "alice"],
    ["revoke", "realm", "--realm", "default"],
    ["key", "revoke", key.kid],
  ]) {
    const target = ["--remote", "--env", "production"];
    const { status, stdout, stderr } = it.run(...args, ...target);
    assert.deepEqual([status, stdout], [1, ""], args.join(" "));
    assert.match(stderr, /There is no terminal to ask on, so nothing was changed: --yes does it without asking/);
    assert.deepEqual(it.state(), before);
  }
});

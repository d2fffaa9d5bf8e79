// `client import`: the shapes that it reads, what it takes, leaves out and finds wrong, what it says of it,
// and that it writes nothing when anything is wrong. What each client's tokens are then:
// import_tokens.test.mjs. What becomes of each member of a client: the tests of src/bin/edge-token/import.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { newKey } from "./keys.mjs";
import { measured } from "./measured.mjs";
import { project } from "./project.mjs";
import { binary, runTool, tool } from "./worker.mjs";

const COUNT = 10_000;

const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "edge-token-import-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name, content) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
};
const words = (path, ...args) => ["client", "import", "--print", "--realm", "dx", path, ...args];
const print = (path, ...args) => tool(...words(path, ...args));

/** A run that is refused because something is wrong: its report and its words. */
function refused(path, ...args) {
  const run = runTool(...words(path, ...args));
  assert.equal(run.status, 1, run.stdout);
  return { report: run.stdout && JSON.parse(run.stdout), stderr: run.stderr };
}

/** The records of a report, by their id. */
const records = (report) => Object.fromEntries(report.kv.map(({ key, value }) => [key.replace("client/dx/", ""), JSON.parse(value)]));
const ids = (list) => list.map(({ client_id }) => client_id);

const client = (clientId, members = {}) => ({
  clientId, enabled: true, protocol: "openid-connect", publicClient: false, serviceAccountsEnabled: true,
  secret: `of-${clientId}-in-keycloak`, ...members,
});
const realm = (clients, members = {}) => ({ realm: "dx", clients, ...members });

/** What is taken of exports in the shapes of Keycloak's versions, each with the same clients and more. */
const VERSIONS = [
  [8, ["billing", "shop", "app"], ["ledger", "wiki"]],
  [11, ["billing", "shop", "app", "signer", "gateway"], ["ledger", "wiki"]],
  [19, ["billing", "shop", "app", "ledger", "signer", "gateway", "report"], ["wiki", "portal"]],
  [24, ["billing", "shop", "app", "ledger", "signer", "gateway", "report", "vault"], ["wiki", "portal"]],
  [26, ["billing", "shop", "app", "ledger", "signer", "gateway", "report", "vault", "broker-service"], ["wiki", "portal"]],
];
const OWN = ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

for (const [version, taken, leftOut] of VERSIONS) {
  test(`an export of Keycloak ${version} loses nothing unsaid`, () => {
    const report = print(`tests/exports/keycloak-${version}.json`);
    assert.deepEqual([report.taken, report.wrong], [taken, []]);
    assert.deepEqual(ids(report.left_out).filter((id) => !OWN.includes(id)), leftOut);
    const { billing, shop, app, gateway, report: reports, vault } = records(report);
    assert.deepEqual(billing.grant_types, ["client_credentials", "refresh_token"]);
    assert.deepEqual([billing.subject, billing.access_token_ttl, billing.audience],
      ["b7639928-1b6b-48ba-9a2f-b2b709265d84", 600, ["ledger", "account"]]);
    const { plan: _, ...roles } = billing.claims;
    assert.deepEqual(roles, {
      realm_access: { roles: version < 19 ? ["offline_access", "uma_authorization"] : ["default-roles-acme"] },
      resource_access: { account: { roles: ["manage-account", "view-profile"] } },
    });
    assert.equal(billing.default_scope, version < 19 ? "profile email ledger" : "profile email ledger");
    assert.deepEqual(shop.redirect_uris, ["https://shop.acme.example/callback"]);
    assert.equal(app.token_endpoint_auth_method, "none");
    assert.deepEqual(app.redirect_uris, ["com.acme.app:/callback", "http://127.0.0.1/callback"]);
    if (gateway) {
      assert.equal(gateway.tls_client_auth_subject_dn, "CN=gateway,O=Acme,C=CH");
      assert.equal(gateway.tls_client_certificate_bound_access_tokens, true);
    }
    if (reports) {
      assert.equal(reports.disabled, true);
      assert.deepEqual(reports.secrets.map(({ expires_at }) => expires_at), [undefined, 4_000_000_000]);
    }
    if (vault) {
      assert.deepEqual([vault.dpop_bound_access_tokens, vault.require_pkce, vault.require_pushed_authorization_requests],
        [true, true, true]);
      assert.deepEqual(vault.post_logout_redirect_uris, ["https://vault.acme.example/bye", "https://vault.acme.example/out"]);
    }
    // Keycloak's own clients are one complaint, and nothing else is said of them.
    const own = report.notes.filter(({ clients }) => clients.some((id) => OWN.includes(id)));
    assert.deepEqual(own.map(({ kind }) => kind), ["left_out"]);
    assert.match(report.wrangler_toml, /^\[vars\.REALMS\.dx\]\nrefresh_token_idle_ttl = 1800 # ssoSessionIdleTimeout\n/);
    assert.match(JSON.stringify(report.notes), /the redirect URI `https:\/\/shop\.acme\.example\/\*`: it is a pattern/);
  });
}

test("each shape of a file gives the same clients", () => {
  const clients = [client("a"), client("b", { attributes: null })];
  const [one, two] = clients;
  const text = JSON.stringify(realm(clients));
  const utf16 = (bom) => Buffer.from(bom + text, "utf16le");
  const exported = join(folder, "dir");
  mkdirSync(exported);
  writeFileSync(join(exported, "dx-realm.json"), JSON.stringify(realm(clients)));
  writeFileSync(join(exported, "dx-users-0.json"), JSON.stringify({ realm: "dx", users: [{ id: "u1", serviceAccountClientId: "a" }] }));
  writeFileSync(join(exported, "README.txt"), "not read");
  for (const [path, said] of [
    [file("realm.json", text), undefined],
    [file("realms.json", [realm([client("account")], { realm: "master" }), realm(clients)]), /of several realms `dx` is read, and not `master`/],
    [file("array.json", clients), /there is no realm around the clients/],
    [file("lines.json", `${JSON.stringify(one)}\n${JSON.stringify(two)}\n`), /there is no realm around the clients/],
    [file("bom.json", `\ufeff${text}`), /it is UTF-8 with a byte order mark/],
    [file("le.json", utf16("\ufeff")), /it is UTF-16 LE/],
    [file("be.json", utf16("\ufeff").swap16()), /it is UTF-16 BE/],
    [file("bare.json", utf16("")), /it is UTF-16 LE/],
    [exported, /README\.txt is not read/],
  ]) {
    const report = print(path);
    assert.deepEqual([report.taken, report.left_out, report.wrong], [["a", "b"], [], []], path);
    if (said) assert.match(report.about.join("\n"), said);
    if (path === exported) assert.equal(records(report).a.subject, "u1");
  }
  assert.deepEqual(print(file("one.json", one)).taken, ["a"]);
});

const CSV = `client_id,client_secret,client_name,scope,grant_types,audience,access_token_ttl,disabled,claims
f7d42348,f6h1FTI8Q3-7UScPZDzfXA,"Pet, store",petstore.r  petstore.w,,urn:com.networknt,60,,"{""tier"":1}"
other,"a ""quoted"" secret",,,"client_credentials, refresh_token",,,true,
`;

test("plain lists, as JSON and as tables, give the same records", () => {
  const list = [
    { client_id: "f7d42348", client_secret: "f6h1FTI8Q3-7UScPZDzfXA", client_name: "Pet, store",
      scope: "petstore.r petstore.w", audience: ["urn:com.networknt"], access_token_ttl: 60, claims: { tier: 1 } },
    { client_id: "other", client_secret: 'a "quoted" secret',
      grant_types: ["client_credentials", "refresh_token"], disabled: true },
  ];
  const found = (path) => print(path, "--auth-method", "client_secret_post").kv.map(({ key, value }) => {
    const { secrets, updated_at, ...record } = JSON.parse(value);
    return [key, record];
  });
  const fromJson = found(file("list.json", list));
  assert.deepEqual(found(file("list.csv", CSV)), fromJson);
  const columns = CSV.replaceAll(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/g, "\t");
  assert.deepEqual(found(file("list.tsv", columns)), fromJson);
  const [[key, record], [, other]] = fromJson;
  assert.equal(key, "client/dx/f7d42348");
  assert.deepEqual([record.client_name, record.scope, record.access_token_ttl, record.claims, record.token_endpoint_auth_method],
    ["Pet, store", "petstore.r petstore.w", 60, { tier: 1 }, "client_secret_post"]);
  assert.deepEqual([other.disabled, other.grant_types], [true, ["client_credentials", "refresh_token"]]);
});

test("anything wrong writes nothing, and all of it is told; --partial takes the rest", () => {
  const it = project({ kv: { "client/dx/there": "{}" } });
  after(() => it.remove());
  const good = { client_id: "good", client_secret: "a-secret-of-good" };
  const path = file("wrong.json", [
    good,
    { client_id: "bad", client_secret: "a-secret-of-bad", colour: "red" },
    { client_id: "bad2", client_secret: "a-secret-of-bad", colour: "red" },
    { ...good, client_id: "there" },
    good,
  ]);
  const before = it.state();
  const run = it.run("client", "import", "--realm", "dx", path);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /^Wrong: `bad` \(line 1\), `bad2` \(line 1\): member `colour` is unknown\.$/m);
  assert.match(run.stderr, /^Wrong: `there` \(line 1\): exists in the realm already, and is not overwritten\.$/m);
  assert.match(run.stderr, /^Wrong: `good` \(line 1\): is in the file twice, first in line 1\.$/m);
  assert.match(run.stderr, /^4 clients are wrong, nothing was written: .* --partial\.$/m);
  const { kv, written, wrong } = JSON.parse(run.stdout);
  assert.deepEqual([kv, written, ids(wrong)], [undefined, 0, ["bad", "bad2", "there", "good"]]);
  assert.deepEqual(it.state(), before);
  const partial = it.run("client", "import", "--realm", "dx", path, "--partial");
  assert.equal(partial.status, 0, partial.stderr);
  const report = JSON.parse(partial.stdout);
  assert.deepEqual([report.taken, report.written, ids(report.wrong)], [["good"], 1, ["bad", "bad2", "there", "good"]]);
  assert.deepEqual(Object.keys(it.state().kv).filter((key) => key.startsWith("client/")), ["client/dx/good", "client/dx/there"]);
});

test("a dry run writes nothing, asks for no key and says the same", () => {
  const it = project({ kv: {} });
  after(() => it.remove());
  const path = file("dry.json", realm([client("a"), client("b", { secret: undefined }), client("c", { secret: "********" })]));
  const dry = (...args) => {
    const run = it.shell(`env -u CLIENT_SECRETS_KEY edge-token client import --realm dx ${path} --dry-run ${args.join(" ")}`);
    return { ...run, report: JSON.parse(run.stdout) };
  };
  const { report, ...run } = dry();
  assert.equal(run.status, 1);
  assert.deepEqual([report.taken, ids(report.wrong), report.written], [["a", "b"], ["c"], 0]);
  const partial = dry("--partial");
  assert.equal(partial.status, 0, partial.stderr);
  assert.match(partial.stderr, /^This was a dry run, nothing was written: 2 clients would be registered in realm `dx`\.$/m);
  assert.deepEqual(it.state().kv, {});
  assert.ok(!existsSync(join(folder, "dry.secrets.json")));
  // Neither is the namespace needed.
  const alone = project({ wrangler: "none" });
  after(() => alone.remove());
  const without = alone.run("client", "import", "--realm", "dx", path, "--dry-run", "--partial");
  assert.equal(without.status, 0, without.stderr);
  assert.match(without.stderr, /^Note: whether clients exist already was not looked at: /m);
});

test("secrets that were made stand in a new file of their own, or in what is printed", () => {
  const it = project({ kv: {} });
  after(() => it.remove());
  const path = file("new.csv", "client_id,client_secret\na,\nb,**********\nc,a-secret-that-c-has\n");
  const secrets = join(folder, "new.secrets.json");
  const run = (...args) => it.run("client", "import", "--realm", "dx", path, ...args);
  assert.match(run().stderr, /^Wrong: `b` \(line 3\): its secret is masked: .* --generate-secrets\.$/m);
  assert.ok(!existsSync(secrets));
  const { status, stdout, stderr } = run("--generate-secrets");
  assert.equal(status, 0, stderr);
  assert.equal(statSync(secrets).mode & 0o777, 0o600);
  const made = JSON.parse(readFileSync(secrets, "utf8"));
  assert.deepEqual(ids(made), ["a", "b"]);
  assert.equal(JSON.parse(stdout).secrets_file, secrets);
  for (const { client_secret } of made) {
    assert.match(client_secret, /^[\w-]{43}$/);
    assert.ok(![stdout, stderr, JSON.stringify(it.state())].some((text) => text.includes(client_secret)));
  }
  // The file is a list, and is never overwritten.
  const again = file("again.csv", "client_id\nd\n");
  const taken = it.run("client", "import", "--realm", "dx", again, "--secrets", secrets);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /new\.secrets\.json exists, nothing was written: name another file/);
  assert.ok(!JSON.stringify(it.state()).includes("client/dx/d"));
  const printed = print(again);
  assert.deepEqual(ids(printed.client_secrets), ["d"]);
});

test("the report is Markdown for a ticket, with every client and complaint, and no secret", () => {
  const it = project({ kv: {} });
  after(() => it.remove());
  const path = join(folder, "ticket.md");
  const run = () => it.run("client", "import", "--realm", "dx", resolve("tests/exports/keycloak-26.json"), "--markdown", path, "--dry-run");
  assert.equal(run().status, 0);
  const text = readFileSync(path, "utf8");
  assert.match(text, /^# Import of `.*keycloak-26\.json` into the realm `dx`$/m);
  assert.match(text, /^\| 9 \| 8 \| 0 \|$/m);
  assert.match(text, /^\| `billing` \| \d+ \| taken \| client\\_credentials, refresh\\_token; .*600 s \| [\d ]+ \|$/m);
  assert.match(text, /^1\. \*\*Left out\*\*: it is Keycloak's own, .*`account`, `account-console`, `admin-cli`/m);
  assert.match(text, /^```toml\n\[vars\.REALMS\.dx\]$/m);
  assert.ok(!text.includes("q8Zr4tLw"));
  assert.match(run().stderr, /ticket\.md exists, nothing was written/);
});

test("keys at a URL are fetched once, with a limit on time; a client whose keys cannot be had is wrong", async () => {
  const { jwk } = await newKey();
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    if (request.url === "/slow") return;
    if (request.url === "/moved") response.writeHead(302, { location: "/good" });
    if (request.url === "/text") return response.end("<html>");
    response.end(JSON.stringify(request.url === "/none" ? { keys: [] } : { keys: [jwk, { kty: "RSA", n: "AQAB", e: "AQAB" }] }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close() && server.closeAllConnections());
  const url = `http://127.0.0.1:${server.address().port}`;
  const signer = (id, jwks) => client(id, {
    secret: undefined, clientAuthenticatorType: "client-jwt", attributes: { "use.jwks.url": "true", "jwks.url": jwks },
  });
  const path = file("signers.json", realm([
    signer("a", `${url}/good`), signer("b", `${url}/good`), signer("slow", `${url}/slow`), signer("text", `${url}/text`),
    signer("none", `${url}/none`), signer("moved", `${url}/moved`), signer("http", "http://signer.example/jwks"),
    signer("gone", "http://127.0.0.1:1/jwks"),
  ]));
  // Not by runTool, during which nothing here would answer.
  const began = Date.now();
  const run = await measured(...words(path, "--partial"));
  assert.ok(Date.now() - began < 15_000);
  const report = JSON.parse(run.stdout);
  assert.deepEqual(report.taken, ["a", "b"]);
  assert.equal(asked.filter((path) => path === "/good").length, 1);
  assert.deepEqual(records(report).a.jwks.keys[0].x, jwk.x);
  const why = Object.fromEntries(report.wrong.map(({ client_id, why }) => [client_id, why]));
  for (const [id, pattern] of [
    ["slow", /no answer within 5 s/], ["text", /the answer is not JSON/], ["none", /1 to 10 keys for ES256/],
    ["moved", /the answer is 302/], ["http", /it must be https, or http on loopback/], ["gone", /no answer/],
  ]) assert.match(why[id], pattern, id);
  assert.match(JSON.stringify(report.notes), /its keys are those that its JWKS URL had at the import/);
});

test("each thing that can be wrong is told with its line, and no secret with it", () => {
  const secret = "hunter2-hunter2-hunter2";
  const one = { client_id: "x", client_secret: secret };
  for (const [content, message] of [
    ["", /case: is empty/],
    ["{", /is not JSON: EOF while parsing an object at line 1 column 1/],
    ["[", /is not JSON/],
    [`name,secret\nx,${secret}\n`, /neither JSON nor CSV whose first line names a column client_id/],
    ["realm: dx\nclients:\n", /looks like YAML: convert it to JSON/],
    [Buffer.from("client_id\ncaf\xe9\n", "latin1"), /is neither UTF-8 nor UTF-16/],
    ["[]", /has no clients/],
    [{ realm: "dx" }, /has no clients/],
    [[realm([client("a")], { realm: "one" }), realm([client("b")], { realm: "two" })], /has several realms, `one`, `two`, none of them called `dx`: .*--source-realm/],
    ["7", /neither JSON nor CSV/],
    [[7], /Wrong: `\?` \(line 1\): must be an object/],
    [`client_id,client_secret\nx,${secret},more\n`, /Wrong: `\?` \(line 2\): has 3 cells and the first line 2/],
    [[{ client_secret: secret }], /`client_id` is missing/],
    [[{ ...one, client_id: "ä" }], /its id must be 1 to 255 printable ASCII characters/],
    [[{ ...one, scope: 'a"' }], /member `scope` must be/],
    [[{ ...one, scope: "a", default_scope: "b" }], /`default_scope` exceeds `scope`/],
    [[{ ...one, access_token_ttl: 0 }], /member `access_token_ttl` must be/],
    [[{ ...one, claims: { iss: "x" } }], /sets the reserved claim `iss`/],
    [[{ ...one, grant_types: "client_credentials,implicit" }], /grant type `implicit` is not served: there are `authorization_code`, /],
    [[{ ...one, redirect_uris: ["http://x.example/cb"] }], /redirect URI 1 must be https/],
    [realm([{ id: "7f3c", name: "broken" }]), /Wrong: `id 7f3c` \(line 1\): `clientId` is missing/],
    [realm([client("x", { secret: "${SECRET}" })]), /its secret is a placeholder: .*--generate-secrets/],
    [realm([client("x", { attributes: { "client.secret.expiration.time": "1600000000" } })]), /its secret ended 2020-09-13/],
    [realm([client("x", { attributes: { "access.token.lifespan": "never" } })]), /`access\.token\.lifespan` must be a whole number/],
  ]) {
    const { stderr } = refused(file("case", content));
    assert.match(stderr, message);
    assert.ok(!stderr.includes(secret) && !stderr.includes("of-x-in-keycloak"), stderr);
  }
});

test("without CLIENT_SECRETS_KEY no secret that was chosen elsewhere is imported", () => {
  const { CLIENT_SECRETS_KEY: _, ...env } = process.env;
  const run = (content) => spawnSync(binary, words(file("key.json", content)), { env, encoding: "utf8" });
  const refused = run([{ client_id: "x", client_secret: "a-secret-of-another" }]);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /imported secrets need CLIENT_SECRETS_KEY in the environment/);
  assert.equal(run([{ client_id: "x", token_endpoint_auth_method: "none", redirect_uris: ["https://x.example/cb"] }]).status, 0);
});

test(`${COUNT} clients are registered within 30 s, with progress`, async () => {
  const clients = Array.from({ length: COUNT }, (_, number) => client(`client-${number}`, { attributes: { "access.token.lifespan": 60 + number } }));
  const path = file("many.json", realm(clients));
  const run = await measured("client", "import", "--realm", "dx", path, "--persist-to", join(folder, "state"));
  const report = JSON.parse(run.stdout);
  assert.deepEqual([report.taken.length, report.written, report.wrong], [COUNT, COUNT, []]);
  assert.match(run.stderr, /^Making records: 5000 of 10000$/m);
  assert.match(run.stderr, /^Writing values: 7500 of 10002$/m);
  assert.ok(run.stderr.split("\n").length < 60, run.stderr);
  console.log(`# ${COUNT} clients, ${(statSync(path).size / 1e6).toFixed(1)} MB: ${run.took}`);
  // By the processors: other tests run beside.
  assert.ok(run.cpu < 30, run.took);
});

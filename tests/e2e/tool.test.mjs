// The operator's tool: against local state through the real wrangler, against a deployed Worker
// through a wrangler that only records how it is called (there is no account here), and wrong
// arguments, which must write nothing.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { put, stored } from "./namespace.mjs";
import { binary, CLIENT_SECRETS_KEY, runTool, showsNoMore, tool } from "./worker.mjs";

const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name, text) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test("a client's life in local state, and the audit lines that it leaves", () => {
  const state = join(folder, "state");
  const client = (action, ...args) =>
    tool("client", action, "--local", "--persist-to", state, "--realm", "default", ...args);
  const created = client("create", "--client-id", "a b/c", "--name", "A", "--scope", "read write",
    "--default-scope", "read", "--audience", "https://a.example", "--audience", "urn:b",
    "--access-token-ttl", "60", "--claims", file("claims.json", '{"region":"SG"}'));
  const id = created.client_id;
  assert.equal(id, "a b/c");
  assert.match(created.client_secret, /^[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(stored(state, "client/"), { "client/default/a b/c": JSON.parse(created.kv.value) });

  const shown = client("show", "--client-id", id);
  assert.equal(shown.client_name, "A");
  assert.deepEqual(shown.audience, ["https://a.example", "urn:b"]);
  assert.deepEqual(shown.claims, { region: "SG" });
  assert.equal(shown.access_token_ttl, 60);
  assert.deepEqual(Object.keys(shown.secrets[0]), ["id"]);

  const again = runTool("client", "create", "--local", "--persist-to", state, "--realm", "default", "--client-id", id);
  assert.notEqual(again.status, 0);
  assert.match(again.stderr, /client `a b\/c` exists in realm `default`, nothing was changed/);
  assert.deepEqual(stored(state, "client/"), { "client/default/a b/c": JSON.parse(created.kv.value) });

  assert.equal(client("disable", "--client-id", id).disabled, true);
  assert.equal(stored(state, "client/")[created.kv.key].disabled, true);
  assert.equal(client("enable", "--client-id", id).disabled, false);
  assert.deepEqual(client("list").map(({ client_id }) => client_id), [id]);
  client("delete", "--client-id", id, "--yes");
  assert.deepEqual(stored(state, "client/"), {});

  const audit = Object.values(stored(state, "audit/default/"));
  assert.deepEqual(audit.map(({ action }) => action).toSorted(), ["create", "delete", "disable", "enable"]);
  for (const line of audit) {
    assert.deepEqual([line.client_id, line.realm, typeof line.by], [id, "default", "string"]);
    assert.ok(Math.abs(line.at - Date.now() / 1000) < 300);
  }
  for (const action of ["show", "delete"]) {
    const gone = runTool("client", action, "--local", "--persist-to", state, "--realm", "default", "--client-id", id);
    assert.notEqual(gone.status, 0);
    assert.equal(gone.stdout, "");
    assert.match(gone.stderr, /no client `a b\/c` in realm `default`/);
  }
});

test("the tool and wrangler read and write the same local state", () => {
  const state = join(folder, "both");
  const wrangler = (...args) => {
    const all = ["kv", ...args, "--binding", "CLIENTS", "--local", "--persist-to", state, "--env", ""];
    const { status, stdout, stderr } = spawnSync("wrangler", all, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const client = (action, ...args) =>
    tool("client", action, "--local", "--persist-to", state, "--realm", "default", ...args);
  const listed = () => client("list").map(({ client_id }) => client_id);

  const { kv } = client("create", "--client-id", "a b/c d");
  assert.equal(wrangler("key", "get", kv.key, "--text").trim(), kv.value);
  wrangler("key", "put", kv.key, kv.value.replace(/"disabled":false/, '"disabled":true'));
  assert.equal(client("show", "--client-id", "a b/c d").disabled, true);
  wrangler("key", "put", "client/default/short-lived", kv.value.replace("a b/c d", "short-lived"), "--expiration", String(Math.floor(Date.now() / 1000) + 600));
  assert.deepEqual(listed().toSorted(), ["a b/c d", "short-lived"]);
  wrangler("key", "delete", "client/default/short-lived");
  assert.deepEqual(listed(), ["a b/c d"]);
  client("delete", "--client-id", "a b/c d", "--yes");
  assert.deepEqual(JSON.parse(wrangler("key", "list", "--prefix", "client/")), []);
  assert.equal(readdirSync(join(state, "v3/kv/CLIENTS/blobs")).length, 2, "the audit lines alone");
});

test("a record that cannot be read is listed as such and never overwritten", () => {
  const state = join(folder, "broken");
  put(state, { key: "client/default/x", value: '{"version":9}' });
  const [listed] = tool("client", "list", "--local", "--persist-to", state, "--realm", "default");
  assert.deepEqual(listed, { key: "client/default/x", error: "record version 9 is not 1" });
  for (const args of [["disable"], ["create"]]) {
    const run = runTool("client", ...args, "--local", "--persist-to", state, "--realm", "default", "--client-id", "x");
    assert.notEqual(run.status, 0);
  }
  assert.deepEqual(stored(state, "client/"), { "client/default/x": { version: 9 } });
});

test("local state that cannot be read is named, and left as it is", () => {
  const state = join(folder, "no-database");
  put(state, { key: "client/default/x", value: "{}" });
  const objects = join(state, "v3/kv/miniflare-KVNamespaceObject");
  const file = join(objects, readdirSync(objects).find((name) => name.endsWith(".sqlite")));
  for (const name of readdirSync(objects)) rmSync(join(objects, name));
  writeFileSync(file, "not a database");
  for (const action of ["list", "create"]) {
    const run = runTool("client", action, "--persist-to", state, "--realm", "default");
    assert.equal(run.status, 1);
    assert.ok(run.stderr.includes(`local state cannot be read or written:\n${file}: file is not a database`), run.stderr);
    assert.doesNotMatch(run.stderr, /node:|\bat /);
  }
  assert.equal(readFileSync(file, "utf8"), "not a database");
});

test("--print touches nothing and prints the pair", () => {
  const created = tool("client", "create", "--print", "--realm", "dx");
  assert.match(created.client_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(created.kv.key, `client/dx/${created.client_id}`);
  const record = JSON.parse(created.kv.value);
  assert.equal(record.client_id, created.client_id);
  assert.match(record.secrets[0].hash, /^sha256\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/);
  assert.ok(!created.kv.value.includes(created.client_secret));
  const imported = tool("client", "create", "--print", "--realm", "dx", "--client-secret", "its old secret, long");
  assert.equal(imported.client_secret, "its old secret, long");
  assert.match(JSON.parse(imported.kv.value).secrets[0].hash, /^hmac-sha256\$/);
});

test("what a client needs for token exchange, JWT bearer and trusted users stands in its record", () => {
  const [exchange, bearer] = ["token-exchange", "jwt-bearer"].map((name) => `urn:ietf:params:oauth:grant-type:${name}`);
  const grants = ["client_credentials", "authorization_code", "refresh_token", "client_authenticated_user", exchange, bearer];
  const create = ["client", "create", "--print", "--realm", "default"];
  const { status, stdout, stderr } = runTool(...create, "--grant-types", grants.join(","), "--redirect-uri", "https://a.example",
    "--exchange-audience", "https://a.example", "--exchange-audience", "urn:b", "--may-impersonate",
    "--trusted-issuer", "partner", "--trusted-issuer", "hr", "--trusted", "--force");
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /Note/);
  const { grant_types, exchange_audience, may_impersonate, trusted_issuers, trusted } = JSON.parse(JSON.parse(stdout).kv.value);
  assert.deepEqual({ grant_types, exchange_audience, may_impersonate, trusted_issuers, trusted }, {
    grant_types: grants,
    exchange_audience: ["https://a.example", "urn:b"],
    may_impersonate: true,
    trusted_issuers: ["partner", "hr"],
    trusted: true,
  });
  const plain = JSON.parse(tool(...create).kv.value);
  for (const member of ["exchange_audience", "may_impersonate", "trusted_issuers"]) assert.ok(!(member in plain), member);
  assert.equal(plain.trusted, false);
});

/** A new public key, as a JWK Set. */
function publicKeys() {
  const { keys: [{ d, nbf, exp, ...jwk }] } = tool("key", "generate", "--print");
  return { keys: [jwk] };
}

test("a client's keys and certificate, and the keys replaced", () => {
  const [before, after] = [publicKeys(), publicKeys()];
  const create = ["client", "create", "--print", "--realm", "default"];
  const bound = tool(...create, "--auth-method", "tls_client_auth", "--tls-client-auth-subject-dn", "CN=app",
    "--certificate-bound", "--dpop-bound");
  const record = JSON.parse(bound.kv.value);
  assert.deepEqual([record.tls_client_auth_subject_dn, record.tls_client_certificate_bound_access_tokens,
    record.dpop_bound_access_tokens, bound.client_secret], ["CN=app", true, true, undefined]);
  const strict = JSON.parse(tool(...create, "--require-pushed-requests", "--require-pkce", "--require-bound-tokens",
    "--refresh-token-grace", "60").kv.value);
  assert.deepEqual([strict.require_pushed_authorization_requests, strict.require_pkce, strict.require_bound_tokens,
    strict.refresh_token_grace], [true, true, true, 60]);

  const byKey = ["--auth-method", "private_key_jwt", "--jwks", file("before.json", JSON.stringify(before))];
  const { client_id, kv } = tool(...create, ...byKey);
  assert.deepEqual(JSON.parse(kv.value).jwks, before);
  const { client_id: basic, kv: other } = tool(...create);
  const { run, calls } = project({ get: JSON.stringify({ [kv.key]: { value: kv.value }, [other.key]: { value: other.value } }), put: "" });
  const set = (id, jwks) => run("client", "set-jwks", "--remote", "--realm", "default", "--client-id", id, "--jwks", jwks);
  for (const [wrong, message] of [
    [set(client_id, file("empty.json", '{"keys":[]}')), /1 to 10 keys for ES256 must be in it: nothing was changed/],
    [set(client_id, join(folder, "missing.json")), /--jwks: cannot read/],
    [set(basic, file("after.json", JSON.stringify(after))), /authenticates by client_secret_basic, not by keys: nothing was changed/],
  ]) {
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.stderr, message);
  }
  assert.ok(calls().every(({ args }) => !args.includes("put")));
  const good = set(client_id, file("after.json", JSON.stringify(after)));
  assert.equal(good.status, 0, good.stderr);
  assert.deepEqual(JSON.parse(good.stdout).jwks, after);
  const [written, line] = calls().at(-1).file;
  assert.deepEqual([written.key, JSON.parse(written.value).jwks], [kv.key, after]);
  assert.equal(JSON.parse(line.value).action, "set-jwks");

  // What cannot be used is told and left out, and a private key refused.
  const [key] = before.keys;
  const rsa = { kty: "RSA", n: "AQAB", e: "AQAB", kid: "rsa" };
  const mixed = file("mixed.json", `\ufeff${JSON.stringify({ keys: [rsa, key, { ...key, kid: "bad", x: "AAAA" }] })}`);
  const told = /^key 1 "rsa": not for verifying ES256; key 3 "bad": members `x` and `y` must be a point/;
  const created = tool(...create, "--auth-method", "private_key_jwt", "--jwks", mixed);
  assert.match(created.ignored_keys, told);
  assert.deepEqual(JSON.parse(created.kv.value).jwks, { keys: [key] });
  const replaced = set(client_id, mixed);
  assert.match(JSON.parse(replaced.stdout).ignored_keys, told);
  assert.match(replaced.stderr, /Note: left out, because they cannot be used: key 1 "rsa"/);
  assert.deepEqual(JSON.parse(calls().at(-1).file[0].value).jwks, { keys: [key] });
  const secret = file("secret.json", JSON.stringify({ keys: [key, { kty: "RSA", d: "AQAB" }] }));
  const refused = set(client_id, secret);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /key 2: it is a private key: nothing was changed/);
});

test("what people see of a client: its pages, and a name that shows as what it is", () => {
  const create = ["client", "create", "--print", "--realm", "default"];
  const pages = { client_uri: "https://app.example/#about", logo_uri: "https://app.example/logo.png",
    policy_uri: "https://app.example/privacy", tos_uri: "http://127.0.0.1:8080/terms" };
  const given = Object.entries(pages).flatMap(([name, uri]) => [`--${name.replace("_", "-")}`, uri]);
  const { client_id, kv } = tool(...create, "--name", "Büro 🗝", ...given);
  const { run, calls } = project({ get: JSON.stringify({ [kv.key]: { value: kv.value } }), put: "" });
  const shown = run("client", "show", "--remote", "--realm", "default", "--client-id", client_id);
  const record = JSON.parse(shown.stdout);
  assert.equal(record.client_name, "Büro 🗝");
  for (const [name, uri] of Object.entries(pages)) assert.equal(record[name], uri);
  for (const [args, message] of [
    [["--name", "A\u202eB"], /member `client_name` must be text without control characters/],
    [["--name", "A\u0007"], /member `client_name` must be text without control characters/],
    [["--name", "\u2066A"], /member `client_name` must be text without control characters/],
    [["--client-uri", "http://app.example/"], /member `client_uri` must be https, or http on loopback/],
    [["--logo-uri", "javascript:alert(1)"], /member `logo_uri` must be https/],
    [["--tos-uri", `https://app.example/${"x".repeat(2048)}`], /member `tos_uri` must be https/],
  ]) {
    const refused = run("client", "create", "--remote", "--realm", "default", ...args);
    assert.equal(refused.status, 1, args.join(" "));
    assert.match(refused.stderr, message);
  }
  const list = file("clients.json", JSON.stringify([
    { client_id: "good", client_secret: "some secret of theirs" },
    { client_id: "bad", client_secret: "another secret of theirs", client_name: "A\u202eB" },
  ]));
  const imported = runTool("client", "import", "--print", "--realm", "default", list);
  assert.equal(imported.status, 1);
  assert.match(imported.stderr, /Wrong: `bad` \(line \d+\): member `client_name` must be text without control characters/);
  assert.ok(calls().every(({ args }) => !args.includes("put")));
});

test("a client sends its secret in the way that its realm's dialect has it, until it is told otherwise", () => {
  const create = (realm, ...args) => runTool("client", "create", "--print", "--realm", realm, ...args);
  const method = ({ stdout }) => JSON.parse(JSON.parse(stdout).kv.value).token_endpoint_auth_method;
  for (const [realm, args, expected, said] of [
    ["dx", [], "client_secret", /Realm `dx` talks like keycloak, so its secret may come by HTTP Basic or in the form/],
    ["dx", ["--auth-method", "client_secret_post"], "client_secret_post"],
    ["default", [], "client_secret_basic"],
    ["default", ["--auth-method", "client_secret"], "client_secret"],
    ["none", ["--force"], "client_secret_basic"],
  ]) {
    const made = create(realm, ...args);
    assert.equal(method(made), expected, `${realm} ${args}`);
    if (said) assert.match(made.stderr, said);
    else assert.doesNotMatch(made.stderr, /talks like/);
  }

  const { client_id, kv } = tool("client", "create", "--print", "--realm", "dx");
  const keys = tool("client", "create", "--print", "--realm", "dx", "--auth-method", "none", "--grant-types", "refresh_token");
  const { run, calls } = project({
    get: JSON.stringify({ [kv.key]: { value: kv.value }, [keys.kv.key]: { value: keys.kv.value } }), put: "",
  });
  const set = (id, to) => run("client", "set-auth-method", "--remote", "--realm", "dx", "--client-id", id, "--auth-method", to);
  for (const [wrong, message] of [
    [set(keys.client_id, "client_secret"), /authenticates by none, not by a secret: nothing was changed/],
    [set(client_id, "none"), /invalid value 'none'/],
    [set(client_id, "private_key_jwt"), /invalid value 'private_key_jwt'/],
  ]) {
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.stderr, message);
  }
  assert.ok(calls().every(({ args }) => !args.includes("put")));
  const good = set(client_id, "client_secret_basic");
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stderr, /authenticates by client_secret_basic now, before by client_secret;/);
  const [written, line] = calls().at(-1).file;
  const record = JSON.parse(written.value);
  assert.equal(record.token_endpoint_auth_method, "client_secret_basic");
  assert.deepEqual(record.secrets, JSON.parse(kv.value).secrets);
  assert.equal(JSON.parse(line.value).action, "set-auth-method");
});

test("a generated key is a private JWK Set with its lifetime, and never the same twice", () => {
  const before = Math.floor(Date.now() / 1000);
  const { keys } = tool("key", "generate", "--print", "--lifetime", "30");
  assert.equal(keys.length, 1);
  const [{ d, x, y, kid, nbf, exp, ...rest }] = keys;
  assert.deepEqual(rest, { kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
  for (const coordinate of [d, x, y, kid]) assert.match(coordinate, /^[A-Za-z0-9_-]{43}$/);
  assert.ok(nbf >= before && nbf < before + 60);
  assert.equal(exp - nbf, 30 * 24 * 60 * 60);
  assert.notEqual(tool("key", "generate", "--print").keys[0].kid, kid);
});

test("wrong arguments say which, write nothing and exit with an error", () => {
  const create = ["client", "create", "--print", "--realm", "default"];
  for (const [args, message] of [
    [[], /Usage/],
    [["client", "create", "--print"], /--realm/],
    [["client", "create", "--print", "--realm", "a/b"], /'--realm <NAME>': 1 to 64 letters/],
    [[...create, "--client-id", ""], /--client-id/],
    [[...create, "--client-id", "x".repeat(256)], /'--client-id <ID>': 1 to 255/],
    [[...create, "--client-id", "ä"], /'--client-id <ID>': 1 to 255/],
    [[...create, "--client-secret", ""], /--client-secret is empty/],
    [[...create, "--scope", "a  b"], /'--scope <SCOPE>'/],
    [[...create, "--scope", "a", "--default-scope", "b"], /`default_scope` exceeds `scope`/],
    [[...create, "--grant-types", "password"], /'--grant-types <A,B>'/],
    [[...create, "--grant-types", "authorization_code"], /authorization_code needs at least one redirect URI/],
    [[...create, "--grant-types", "client_credentials,client_authenticated_user"], /client_authenticated_user needs a trusted client/],
    [[...create, "--grant-types", "urn:ietf:params:oauth:grant-type:jwt-bearer"], /jwt-bearer needs at least one trusted issuer/],
    [[...create, "--trusted-issuer", "https://partner.example"], /'--trusted-issuer <NAME>': 1 to 64 letters/],
    [[...create, "--auth-method", "tls"], /'--auth-method <METHOD>'/],
    [[...create, "--auth-method", "private_key_jwt"], /--jwks goes with --auth-method private_key_jwt/],
    [[...create, "--auth-method", "private_key_jwt", "--jwks", file("empty.json", '{"keys":[]}')],
      /`jwks`: 1 to 10 keys for ES256/],
    [[...create, "--auth-method", "private_key_jwt", "--jwks", file("private.json", JSON.stringify(tool("key", "generate", "--print")))],
      /`jwks`: key 1: it is a private key/],
    [[...create, "--auth-method", "tls_client_auth"], /`tls_client_auth_subject_dn` is missing/],
    [[...create, "--auth-method", "none", "--grant-types", "", "--client-secret", "x"], /--client-secret does not go with none/],
    [[...create, "--access-token-ttl", "0"], /'--access-token-ttl <SECONDS>'/],
    [[...create, "--secret-expires-at", "tomorrow"], /'--secret-expires-at <SECONDS>'/],
    [[...create, "--claims", join(folder, "none.json")], /--claims: cannot read/],
    [[...create, "--claims", file("list.json", "[]")], /--claims: .* is no JSON object/],
    [[...create, "--claims", file("half.json", "{")], /--claims: .* is not JSON/],
    [[...create, "--claims", file("exp.json", '{"exp":1}')], /sets the reserved claim `exp`/],
    [[...create, "--remote"], /--print.*cannot be used with|cannot be used with '--print'/],
    [["client", "show", "--print", "--realm", "default", "--client-id", "x"], /--print goes with/],
    [["client", "list", "--print", "--realm", "default"], /--print goes with/],
    [["key", "generate", "--print", "--lifetime", "0"], /'--lifetime <DAYS>'/],
    [["key", "generate", "--print", "--secret", "lower"], /--secret must be upper-case/],
  ]) {
    const run = runTool(...args);
    assert.notEqual(run.status, 0, args.join(" "));
    assert.equal(run.stdout, "", args.join(" "));
    assert.match(run.stderr, message, args.join(" "));
  }
});

test("what can never work is refused wherever a client is written, unless it is forced", () => {
  const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const words = (realm, ...args) => ["client", "create", "--print", "--realm", realm, ...args];
  for (const [args, message] of [
    [words("nowhere"), /realm `nowhere` is not configured in this environment of wrangler\.toml: it has `default`, `dx`, /],
    [words("default", "--scope", "read admin"), /the realm does not have the scopes `admin`: add them to its `scopes`/],
    [words("default", "--hidden-scope", "roles"), /the realm does not have the scopes `roles`/],
    [words("default", "--grant-types", jwtBearer, "--trusted-issuer", "partner"), /the realm does not have the trusted issuer `partner`: it has none/],
    [words("dx", "--auth-method", "none"), /client_credentials needs a client that authenticates/],
    [words("dx", "--auth-method", "none", "--grant-types", "urn:ietf:params:oauth:grant-type:token-exchange"), /token-exchange needs a client that authenticates/],
    [words("dx", "--secret-expires-at", "1700000000"), /--secret-expires-at is over already/],
    [words("dx", "--client-secret", "fifteen-letters"), /--client-secret has fewer than 16 characters, and can be guessed/],
    [words("dx", "--audience", "https://a.example https://b.example"), /member `audience`: `https:\/\/a\.example https:\/\/b\.example` must be one value/],
    [words("dx", "--audience", ""), /member `audience`: `` must be one value/],
    [words("dx", "--resource", "urn:a\t"), /member `resources`: /],
    [words("dx", "--exchange-audience", "a b"), /member `exchange_audience`: /],
  ]) {
    const refused = runTool(...args);
    assert.deepEqual([refused.status, refused.stdout], [1, ""], args.join(" "));
    assert.match(refused.stderr, message, args.join(" "));
    assert.match(refused.stderr, /nothing was written; --force writes it all the same/);
    assert.equal(runTool(...args, "--force").status, 0, args.join(" "));
  }

  // What no record may hold is not forced either.
  for (const [args, message] of [
    [["--subject", ""], /member `subject` must be 1 to 255 ASCII characters/],
    [["--subject", "a\u0007b"], /member `subject` must be/],
    [["--subject", "s".repeat(256)], /member `subject` must be/],
    [["--claims", file("large.json", JSON.stringify({ text: "x".repeat(8 * 1024) }))], /member `claims` must be at most 8 KiB/],
    [["--claims", file("deep.json", `${'{"a":'.repeat(10)}1${"}".repeat(10)}`)], /member `claims` must be at most 8 KiB, and 8 deep/],
  ]) {
    const refused = runTool(...words("dx", "--force", ...args));
    assert.deepEqual([refused.status, refused.stdout], [1, ""], args[0]);
    assert.match(refused.stderr, message);
  }
  // The id of a client may have spaces, and it can answer for it.
  assert.equal(runTool(...words("dx", "--resource", "my app")).status, 0);

  const list = (client) => file("one.json", JSON.stringify([{ client_id: "one", client_secret: "long enough to be one", ...client }]));
  for (const [client, message] of [
    [{ scope: "read admin" }, /`one` .*the realm does not have the scopes `admin`/],
    [{ grant_types: [jwtBearer], trusted_issuers: ["partner"] }, /the realm does not have the trusted issuer `partner`/],
    [{ grant_types: [jwtBearer] }, /jwt-bearer needs at least one trusted issuer/],
    [{ grant_types: ["authorization_code"] }, /needs at least one redirect URI/],
    [{ client_secret: "fifteen-letters" }, /its secret has fewer than 16 characters/],
  ]) {
    const args = ["client", "import", "--print", "--realm", "default", list(client)];
    const refused = runTool(...args);
    assert.equal(refused.status, 1, JSON.stringify(client));
    assert.match(refused.stderr, message, JSON.stringify(client));
    const forced = runTool(...args, "--force");
    assert.equal(forced.status, 0, `${JSON.stringify(client)}\n${forced.stderr}`);
    assert.match(forced.stderr, /^To do: /m, JSON.stringify(client));
  }
  const nowhere = runTool("client", "import", "--print", "--realm", "nowhere", list({}));
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /realm `nowhere` is not configured .*: it has `default`, `dx`, /);
});

/** A project whose wrangler records its arguments and input, and answers from `answers`. */
function project(answers) {
  const root = mkdtempSync(join(folder, "project-"));
  const bin = join(root, "node_modules/.bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(root, "wrangler.toml"), readFileSync("wrangler.toml"));
  writeFileSync(join(bin, "wrangler"), `#!/usr/bin/env node
    const { appendFileSync, readFileSync } = require("node:fs");
    const args = process.argv.slice(2);
    const path = args.find((arg) => arg.endsWith(".json"));
    const file = path && JSON.parse(readFileSync(path, "utf8"));
    const input = args[0] === "secret" && args[1] === "put" ? readFileSync(0, "utf8") : undefined;
    appendFileSync(${JSON.stringify(join(root, "calls"))}, JSON.stringify({ args: args.filter((arg) => arg !== path), file, input }) + "\\n");
    const answer = ${JSON.stringify(answers)}[args.slice(0, 3).find((word, index) => index > 0 && ["get", "put", "list", "delete"].includes(word))];
    if (answer === undefined) { console.error("no access"); process.exit(1); }
    process.stdout.write(answer);
  `);
  chmodSync(join(bin, "wrangler"), 0o755);
  return {
    run: (...args) => {
      const run = spawnSync(binary, args, { cwd: root, env: { ...process.env, CLIENT_SECRETS_KEY }, encoding: "utf8" });
      showsNoMore(args, run);
      return run;
    },
    calls: () => readFileSync(join(root, "calls"), "utf8").trim().split("\n").map((line) => JSON.parse(line)),
    secrets: join(root, ".demo/secrets.env"),
  };
}

test("--remote reads and writes the deployed namespace of the environment named", () => {
  const { run, calls } = project({ get: '{"client/default/app":{"value":null}}', put: "" });
  const created = run("client", "create", "--remote", "--env", "production", "--realm", "default", "--client-id", "app");
  assert.equal(created.status, 0, created.stderr);
  const { kv } = JSON.parse(created.stdout);
  const remote = ["--binding", "CLIENTS", "--remote", "--preview", "false", "--env", "production"];
  const [get, put] = calls();
  assert.deepEqual(get, { args: ["kv", "bulk", "get", ...remote], file: ["client/default/app"] });
  assert.deepEqual(put.args, ["kv", "bulk", "put", ...remote]);
  assert.deepEqual(put.file[0], kv);
  assert.match(put.file[1].key, /^audit\/default\/\d{12}-[0-9a-f]{8}$/);
  assert.equal(calls().length, 2);
});

test("revoke --remote reads once, writes the moment and its line in one call, and says when it is known", () => {
  const record = '{"version":1,"clients":{"other":5}}';
  const { run, calls } = project({ get: JSON.stringify({ "not-before/dx": { value: record }, "client/dx/app": { value: "{}" } }), put: "" });
  const revoked = run("revoke", "client", "--remote", "--realm", "dx", "--client-id", "app", "--before", "1700000000", "--yes");
  assert.equal(revoked.status, 0, revoked.stderr);
  assert.match(revoked.stderr, /after 90 s at most: 60 s that KV takes, and 30 s for which the Worker keeps a copy/);
  const [get, put] = calls();
  assert.deepEqual(get.file, ["not-before/dx", "client/dx/app"]);
  assert.deepEqual(JSON.parse(put.file[0].value).clients, { app: 1700000000, other: 5 });
  assert.deepEqual(put.file.map(({ key }) => key.split("/").slice(0, 2)), [["not-before", "dx"], ["audit", "dx"]]);
  assert.equal(calls().length, 2);

  const failing = project({ get: "{}" });
  const failed = failing.run("revoke", "realm", "--remote", "--realm", "dx", "--yes");
  assert.notEqual(failed.status, 0);
  assert.equal(failed.stdout, "");
  assert.match(failed.stderr, /`wrangler kv bulk put` failed:\nno access/);
  assert.doesNotMatch(failed.stderr, /Void/);
});

test("--remote says what wrangler said when it fails, and exits with an error", () => {
  const { run } = project({});
  const created = run("client", "create", "--remote", "--realm", "default");
  assert.notEqual(created.status, 0);
  assert.equal(created.stdout, "");
  assert.match(created.stderr, /`wrangler kv bulk get` failed:\nno access/);
});

test("a key goes to wrangler by standard input, never over one that is there", () => {
  const fresh = project({ list: "[]", get: "{}", put: "" });
  const made = fresh.run("key", "generate", "--remote", "--env", "production");
  assert.equal(made.status, 0, made.stderr);
  const put = fresh.calls().find(({ input }) => input);
  assert.deepEqual(put.args, ["secret", "put", "SIGNING_KEYS", "--env", "production"]);
  const [{ d, kid }] = JSON.parse(put.input).keys;
  assert.equal(JSON.parse(made.stdout).kid, kid);
  assert.ok(!made.stdout.includes(d) && !made.stderr.includes(d));

  const taken = project({ list: '[{"name":"SIGNING_KEYS","type":"secret_text"}]', get: "{}", put: "" });
  const refused = taken.run("key", "generate", "--remote");
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /SIGNING_KEYS exists, nothing was changed: --force/);
  assert.equal(taken.calls().length, 1);
  assert.equal(taken.run("key", "generate", "--remote", "--force").status, 0);
});

test("a local key is kept in a private file beside the other secrets", () => {
  const { run, secrets } = project({ get: "{}", put: "" });
  assert.equal(run("key", "generate", "--local", "--secret", "OTHER_KEYS").status, 0);
  const first = readFileSync(secrets, "utf8");
  assert.equal(run("key", "generate", "--local").status, 0);
  const both = readFileSync(secrets, "utf8");
  assert.ok(both.startsWith(first));
  assert.match(both, /^SIGNING_KEYS='\{"keys":\[\{.*\}\]\}'$/m);
  assert.notEqual(run("key", "generate", "--local").status, 0);
  assert.equal(readFileSync(secrets, "utf8"), both);
  assert.equal(statSync(secrets).mode & 0o777, 0o600);
});

test("outside a project, or before its set-up, the tool says what to do", () => {
  const run = (cwd) => spawnSync(binary, ["client", "list", "--realm", "default"], { cwd, encoding: "utf8" });
  assert.match(run(folder).stderr, /no wrangler.toml here or above/);
  const bare = mkdtempSync(join(folder, "bare-"));
  writeFileSync(join(bare, "wrangler.toml"), "");
  assert.match(run(bare).stderr, /wrangler is not installed: run `make setup`/);
});

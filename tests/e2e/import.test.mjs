// `client import`: what it takes of a Keycloak export and of plain lists, what it leaves out and
// why, and that it writes nothing when anything is wrong.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runTool, start, tool } from "./worker.mjs";

const folder = mkdtempSync(join(tmpdir(), "edge-token-import-"));
let worker;

before(async () => {
  worker = await start({ realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx` } }) });
});
after(async () => {
  await worker.stop();
  rmSync(folder, { recursive: true });
});

const file = (name, content) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const print = (path, ...args) => tool("client", "import", "--print", "--realm", "dx", path, ...args);

/** The members of a realm export that matter, as Keycloak writes them. */
const keycloak = (clients) => ({
  id: "dx",
  realm: "dx",
  clients,
  clientScopes: [
    { name: "email", protocol: "openid-connect", attributes: { "include.in.token.scope": "true" } },
    { name: "profile", protocol: "openid-connect", attributes: { "include.in.token.scope": "true" } },
    { name: "web-origins", protocol: "openid-connect", attributes: { "include.in.token.scope": "false" } },
    { name: "lakehouse", protocol: "openid-connect", attributes: { "include.in.token.scope": "false" } },
    { name: "role_list", protocol: "saml", attributes: { "include.in.token.scope": "false" } },
  ],
  users: [{ id: "b7639928-1b6b-48ba-9a2f-b2b709265d84", username: "service-account-app1", serviceAccountClientId: "app1" }],
});

const app1 = {
  clientId: "app1",
  name: "App 1",
  enabled: true,
  clientAuthenticatorType: "client-secret",
  secret: "xyz123",
  bearerOnly: false,
  publicClient: false,
  serviceAccountsEnabled: true,
  protocol: "openid-connect",
  attributes: { "access.token.lifespan": "600" },
  defaultClientScopes: ["web-origins", "email", "profile"],
  optionalClientScopes: ["offline_access"],
};

test("a client of a Keycloak export gets the same tokens with the secret that it has", async () => {
  const report = print(file("export.json", keycloak([app1])));
  assert.deepEqual([report.taken, report.left_out, report.wrong], [["app1"], [], []]);
  for (const pair of report.kv) await worker.put(pair);
  const response = await fetch(`${worker.url}/realms/dx/protocol/openid-connect/token`, {
    method: "POST",
    headers: { authorization: "Basic YXBwMTp4eXoxMjM=" },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const { access_token, ...rest } = await response.json();
  assert.deepEqual(rest, { expires_in: 600, refresh_expires_in: 0, token_type: "Bearer", "not-before-policy": 0, scope: "email profile" });
  const claims = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
  assert.equal(claims.sub, "b7639928-1b6b-48ba-9a2f-b2b709265d84");
  assert.equal(claims.preferred_username, "service-account-app1");
  const record = JSON.parse(report.kv[0].value);
  assert.equal(record.scope, "openid email profile offline_access");
  assert.equal(record.token_endpoint_auth_method, "client_secret");
  const byForm = await fetch(`${worker.url}/realms/dx/protocol/openid-connect/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: "app1", client_secret: "xyz123" }),
  });
  assert.equal(byForm.status, 200);
  assert.ok(await worker.line(({ auth_method }) => auth_method === "client_secret_post"));
  assert.deepEqual(record.grant_types, ["client_credentials", "refresh_token"]);
  assert.ok(!report.kv[0].value.includes("xyz123"));
});

test("scopes that tokens do not show may be asked for, and the default ones are added to any", async () => {
  const client = { ...app1, clientId: "hiding", optionalClientScopes: ["offline_access", "lakehouse", "role_list", "gone"] };
  const { kv } = print(file("hidden.json", keycloak([client])));
  assert.equal(JSON.parse(kv[0].value).hidden_scope, "web-origins lakehouse");
  for (const pair of kv) await worker.put(pair);
  const ask = (scope) => fetch(`${worker.url}/realms/dx/protocol/openid-connect/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("hiding:xyz123")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope }),
  });
  for (const [scope, expected] of [
    ["lakehouse", "email profile"], ["openid", "openid email profile"], ["openid lakehouse web-origins", "openid email profile"],
  ]) {
    const response = await ask(scope);
    assert.equal(response.status, 200, scope);
    const { access_token, scope: granted } = await response.json();
    assert.equal(granted, expected, scope);
    const claims = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
    assert.equal(claims.scope, expected, scope);
  }
  for (const scope of ["unknown", "lakehouse unknown"]) assert.equal((await ask(scope)).status, 400, scope);
});

test("what has no place here is left out, with the reason", () => {
  const { taken, left_out, wrong } = print(file("left.json", keycloak([
    app1,
    { ...app1, clientId: "saml", protocol: "saml" },
    { ...app1, clientId: "bearer", bearerOnly: true },
    { ...app1, clientId: "spa", publicClient: true, secret: undefined },
    { ...app1, clientId: "web", serviceAccountsEnabled: false },
    { ...app1, clientId: "jwt", clientAuthenticatorType: "client-jwt" },
  ])));
  assert.deepEqual([taken, wrong], [["app1"], []]);
  assert.deepEqual(Object.fromEntries(left_out.map(({ client_id, why }) => [client_id, why])), {
    saml: "its protocol is not openid-connect",
    bearer: "it only verifies tokens",
    spa: "it is public and has no secret",
    web: "it has no service account, so no client credentials",
    jwt: "it does not authenticate by a secret",
  });
});

const CSV = `client_id,client_secret,client_name,scope,grant_types,audience,access_token_ttl,disabled,claims
f7d42348,f6h1FTI8Q3-7UScPZDzfXA,"Pet, store",petstore.r petstore.w,,urn:com.networknt,60,,"{""tier"":1}"
other,"a ""quoted"" secret",,,client_credentials refresh_token,,,true,
`;

test("plain lists, as JSON and as CSV, give the same records", () => {
  const list = [
    { client_id: "f7d42348", client_secret: "f6h1FTI8Q3-7UScPZDzfXA", client_name: "Pet, store",
      scope: "petstore.r petstore.w", audience: ["urn:com.networknt"], access_token_ttl: 60, claims: { tier: 1 } },
    { client_id: "other", client_secret: 'a "quoted" secret',
      grant_types: ["client_credentials", "refresh_token"], disabled: true },
  ];
  const records = (path) => print(path, "--auth-method", "client_secret_post").kv.map(({ key, value }) => {
    const { secrets, updated_at, ...record } = JSON.parse(value);
    return [key, record];
  });
  const fromJson = records(file("list.json", list));
  assert.deepEqual(records(file("list.csv", CSV)), fromJson);
  const [[key, record], [, other]] = fromJson;
  assert.equal(key, "client/dx/f7d42348");
  assert.deepEqual([record.client_name, record.scope, record.access_token_ttl, record.claims, record.token_endpoint_auth_method],
    ["Pet, store", "petstore.r petstore.w", 60, { tier: 1 }, "client_secret_post"]);
  assert.deepEqual([other.disabled, other.grant_types], [true, ["client_credentials", "refresh_token"]]);
});

test("anything wrong writes nothing; --partial takes the rest", () => {
  const state = join(folder, "state");
  const target = ["--local", "--persist-to", state, "--realm", "dx"];
  const good = { client_id: "good", client_secret: "s" };
  const path = file("wrong.json", [good, { client_id: "bad", client_secret: "s", colour: "red" }]);
  const refused = runTool("client", "import", ...target, path);
  assert.notEqual(refused.status, 0);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /Wrong: `bad`: member `colour` is unknown\.\n.*nothing was written/s);
  assert.deepEqual(tool("client", "list", ...target), []);
  assert.deepEqual(tool("client", "import", ...target, path, "--partial"), {
    taken: ["good"], left_out: [], wrong: [{ client_id: "bad", why: "member `colour` is unknown" }],
  });
  assert.deepEqual(tool("client", "list", ...target).map(({ client_id }) => client_id), ["good"]);
  const again = runTool("client", "import", ...target, file("again.json", [good]));
  assert.notEqual(again.status, 0);
  assert.match(again.stderr, /`good`: exists in the realm already/);
});

test("each thing that can be wrong is told, and no secret with it", () => {
  const secret = "hunter2-hunter2";
  const one = { client_id: "x", client_secret: secret };
  for (const [content, message] of [
    ["", /neither JSON nor CSV/],
    ["{", /is not JSON/],
    ["[", /is not JSON/],
    ["7", /neither a list nor a Keycloak realm export/],
    [{ realm: "dx" }, /neither a list nor a Keycloak realm export/],
    [[7], /the list must be one of objects/],
    ['[{"client_id":"x","client_id":"y"}]', /the list must be one of objects, no member twice/],
    [`name,secret\nx,${secret}\n`, /whose first line names a column client_id/],
    [`client_id,client_secret\nx,${secret},more\n`, /record 1 .*3 fields|found record with 3 fields/],
    [[{ client_secret: secret }], /member `client_id` is missing/],
    [[{ client_id: "x" }], /member `client_secret` is missing/],
    [[{ ...one, client_id: "ä" }], /member `client_id` must be/],
    [[{ ...one, scope: "a  b" }], /member `scope` must be/],
    [[{ ...one, scope: "a", default_scope: "b" }], /`default_scope` exceeds `scope`/],
    [[{ ...one, access_token_ttl: 0 }], /member `access_token_ttl` must be/],
    [[{ ...one, claims: { iss: "x" } }], /sets the reserved claim `iss`/],
    [[one, one], /stands twice in the file/],
    [keycloak([{ ...app1, secret: undefined }]), /it has no secret/],
    [keycloak([{ ...app1, secret: "**********" }]), /its secret is masked: export with `kc.sh export`/],
    [keycloak([{ ...app1, attributes: { "access.token.lifespan": "never" } }]), /access.token.lifespan/],
    [keycloak([{ ...app1, defaultClientScopes: ["a b\t"] }]), /a scope is/],
  ]) {
    const run = runTool("client", "import", "--print", "--realm", "dx", file("case", content));
    assert.notEqual(run.status, 0, message);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, message);
    assert.ok(!run.stderr.includes(secret), run.stderr);
  }
});

test("without CLIENT_SECRETS_KEY nothing is imported", () => {
  const { CLIENT_SECRETS_KEY: _, ...env } = process.env;
  const path = file("one.json", [{ client_id: "x", client_secret: "s" }]);
  const run = spawnSync("target/debug/edge-token", ["client", "import", "--print", "--realm", "dx", path],
    { env, encoding: "utf8" });
  assert.notEqual(run.status, 0);
  assert.match(run.stderr, /imported secrets need CLIENT_SECRETS_KEY in the environment/);
});

// After `client import`, a client of each kind gets its token by the way that it used before: what it sends,
// and what it gets, in its realm's dialect.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { spawnSync } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { assertion, ASSERTION_TYPE, CERTIFICATE, newKey, now, postWith, proof } from "./keys.mjs";
import { basic, registerIn, start, tool } from "./worker.mjs";

const folder = mkdtempSync(join(tmpdir(), "edge-token-import-"));
let worker;
let key;
let certified;
let holder;
let login;

const client = (clientId, members = {}) => ({
  clientId, enabled: true, protocol: "openid-connect", publicClient: false, serviceAccountsEnabled: true,
  standardFlowEnabled: false, secret: `of-${clientId}-in-keycloak`, redirectUris: [], attributes: {}, ...members,
});
const CALLBACK = "https://app.acme.example/cb";

before(async () => {
  const people = { login_url: "https://login.example/", login_clients: ["login"] };
  worker = await start({
    realms: (url) => ({
      dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, client_max_age: 0, ...people },
      "light-oauth2": { dialect: "light-oauth2", issuer: `${url}/realms/light-oauth2`, client_max_age: 0 },
    }),
  });
  [key, holder] = [await newKey(), await newKey()];
  certified = newCertificate();
  login = await registerIn(worker, "dx", "--client-id", "login", "--grant-types", "");
  const report = imported("dx", "keycloak.json", {
    realm: "dx",
    accessTokenLifespan: 120,
    users: [
      { id: "b7639928-1b6b-48ba-9a2f-b2b709265d84", serviceAccountClientId: "billing" },
      { id: "0d6c2a1e-7f0b-4f4e-8d07-5a3f4f0c9a11", serviceAccountClientId: "clerk", realmRoles: ["default-roles-dx", "clerk"] },
    ],
    roles: {
      realm: [
        { name: "default-roles-dx", composite: true, composites: { realm: ["offline_access"], client: { account: ["view-profile"] } } },
        { name: "clerk", composite: true, composites: { client: { ledger: ["read", "write"] } } },
        { name: "offline_access" },
      ],
      client: { ledger: [{ name: "read" }, { name: "write" }], account: [{ name: "view-profile" }] },
    },
    clients: [
      client("billing", {
        name: "Billing", attributes: { "access.token.lifespan": 600 },
        protocolMappers: [
          { name: "a", protocolMapper: "oidc-audience-mapper", config: { "included.client.audience": "ledger", "access.token.claim": "true" } },
          { name: "c", protocolMapper: "oidc-hardcoded-claim-mapper", config: { "claim.name": "plan.tier", "claim.value": "3", "jsonType.label": "int", "access.token.claim": "true" } },
        ],
      }),
      client("rotating", {
        attributes: { "client.secret.rotated": "the-secret-before-this-one", "client.secret.rotated.expiration.time": "4000000000" },
      }),
      client("signer", {
        secret: undefined, clientAuthenticatorType: "client-jwt",
        attributes: { "use.jwks.string": "true", "jwks.string": JSON.stringify({ keys: [key.jwk] }) },
      }),
      client("certified", {
        secret: undefined, clientAuthenticatorType: "client-jwt", attributes: { "jwt.credential.certificate": certified.certificate },
      }),
      client("clerk"),
      client("gateway", {
        secret: undefined, clientAuthenticatorType: "client-x509",
        attributes: { "x509.subjectdn": CERTIFICATE.certSubjectDNRFC2253, "tls.client.certificate.bound.access.tokens": "true" },
      }),
      client("holder", { attributes: { "dpop.bound.access.tokens": "true" } }),
      client("off", { enabled: false }),
      client("quiet", { defaultClientScopes: ["profile", "roles"], optionalClientScopes: ["phone"] }),
      client("web", { serviceAccountsEnabled: false, standardFlowEnabled: true, redirectUris: [CALLBACK] }),
      client("app", {
        secret: undefined, publicClient: true, standardFlowEnabled: true, redirectUris: ["com.acme.app:/cb"],
        attributes: { "pkce.code.challenge.method": "S256" },
      }),
      client("ledger", { serviceAccountsEnabled: false }),
    ],
  });
  assert.deepEqual([report.left_out, report.wrong], [[], []]);
  for (const pair of report.kv) await worker.put(pair);
});
after(async () => {
  await worker.stop();
  rmSync(folder, { recursive: true });
});

/** A key on P-256 in a certificate, as a line of base64, and what Keycloak calls it by. */
function newCertificate() {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=certified"], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const privateKey = createPrivateKey(readFileSync(key));
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return {
    privateKey, kid: createHash("sha256").update(spki).digest("base64url"),
    certificate: readFileSync(certificate, "utf8").replaceAll(/-----.*-----|\n/g, ""),
  };
}

function imported(realm, name, content, ...args) {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return tool("client", "import", "--print", "--realm", realm, path, ...args);
}

const PATH = "/realms/dx/protocol/openid-connect";
const post = (form, headers = {}, path = `${PATH}/token`) =>
  fetch(worker.url + path, { method: "POST", headers, body: new URLSearchParams(form) });
const machine = { grant_type: "client_credentials" };
const credentials = (id, secret = `of-${id}-in-keycloak`) => ({ authorization: basic(id, secret) });
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

/** The body of an answer of 200. */
async function good(response) {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

test("a secret, by Basic and in the form: members and claims as they were", async () => {
  const form = { ...machine, client_id: "billing", client_secret: "of-billing-in-keycloak" };
  for (const response of [await post(machine, credentials("billing")), await post(form)]) {
    const { access_token, ...rest } = await good(response);
    assert.deepEqual(rest, { expires_in: 600, refresh_expires_in: 0, token_type: "Bearer", "not-before-policy": 0, scope: "profile email" });
    const { sub, aud, plan, azp, preferred_username } = claims(access_token);
    assert.deepEqual({ sub, aud, plan, azp, preferred_username }, {
      sub: "b7639928-1b6b-48ba-9a2f-b2b709265d84", aud: "ledger", plan: { tier: 3 }, azp: "billing",
      preferred_username: "service-account-billing",
    });
  }
  assert.equal((await post(machine, credentials("billing", "another-secret-of-it"))).status, 401);
});

test("a secret and the one before it", async () => {
  for (const secret of ["of-rotating-in-keycloak", "the-secret-before-this-one"]) {
    assert.equal((await good(await post(machine, credentials("rotating", secret)))).expires_in, 120);
  }
});

test("an assertion by its key", async () => {
  const form = await assertion({ client_id: "signer", ...key }, `${worker.url}/realms/dx`);
  await good(await post({ ...machine, ...form }));
});

test("an assertion by the key in a certificate, with the `kid` that Keycloak knows and without one", async () => {
  const payload = () => ({
    iss: "certified", sub: "certified", aud: `${worker.url}/realms/dx`, iat: now(), exp: now() + 60, jti: randomBytes(16).toString("hex"),
  });
  const asked = async (kid) => {
    const client_assertion = await new SignJWT(payload()).setProtectedHeader({ alg: "ES256", kid }).sign(certified.privateKey);
    return post({ ...machine, client_assertion_type: ASSERTION_TYPE, client_assertion });
  };
  for (const kid of [certified.kid, undefined]) await good(await asked(kid));
  assert.equal((await asked("another")).status, 401);
});

test("the roles of a service account, and the clients of which they are", async () => {
  const { access_token } = await good(await post(machine, credentials("clerk")));
  const { aud, realm_access, resource_access } = claims(access_token);
  assert.deepEqual({ aud, realm_access, resource_access }, {
    aud: ["account", "ledger"], realm_access: { roles: ["clerk", "default-roles-dx", "offline_access"] },
    resource_access: { account: { roles: ["view-profile"] }, ledger: { roles: ["read", "write"] } },
  });
});

test("a certificate, to which its tokens are bound", async () => {
  const body = () => ({ body: new URLSearchParams({ ...machine, client_id: "gateway" }) });
  const { access_token } = await good(await postWith(worker, CERTIFICATE, `${PATH}/token`, body()));
  assert.ok(claims(access_token).cnf["x5t#S256"]);
  const other = { ...CERTIFICATE, certSubjectDNRFC2253: "CN=other,O=Example" };
  assert.equal((await postWith(worker, other, `${PATH}/token`, body())).status, 401);
});

test("a client whose tokens had to be bound gets no others", async () => {
  assert.equal((await post(machine, credentials("holder"))).status, 400);
  const shown = async (nonce) => post(machine, { ...credentials("holder"), dpop: await proof(holder, `${worker.url}${PATH}/token`, nonce) });
  const first = await shown();
  const { token_type } = await good(await shown(first.headers.get("dpop-nonce")));
  assert.equal(token_type, "DPoP");
});

test("a disabled client stays so", async () => {
  assert.equal((await post(machine, credentials("off"))).status, 401);
});

test("scopes: default ones are added, hidden ones may be asked for, others are invalid", async () => {
  for (const [scope, granted] of [["phone", "phone profile"], ["roles", "profile"], ["openid roles phone", "openid phone profile"]]) {
    assert.equal((await good(await post({ ...machine, scope }, credentials("quiet")))).scope, granted, scope);
  }
  assert.equal((await post({ ...machine, scope: "address" }, credentials("quiet"))).status, 400);
});

/** A code of a person for a client. */
async function code(client_id, redirect_uri, parameters) {
  const query = new URLSearchParams({ response_type: "code", client_id, redirect_uri, scope: "openid", ...parameters });
  const began = await fetch(`${worker.url}${PATH}/auth?${query}`, { redirect: "manual" });
  assert.equal(began.status, 303, await began.text());
  const ticket = new URL(began.headers.get("location")).searchParams.get("ticket");
  const accepted = await fetch(`${worker.url}${PATH}/auth/accept`, {
    method: "POST", headers: { authorization: basic(login.client_id, login.client_secret), "content-type": "application/json" },
    body: JSON.stringify({ ticket, sub: "1302" }),
  });
  const { redirect_to } = await good(accepted);
  const resumed = await fetch(redirect_to, { redirect: "manual", headers: { cookie: began.headers.get("set-cookie").split(";")[0] } });
  return new URL(resumed.headers.get("location")).searchParams.get("code");
}

test("codes, of a client with a secret and of a public one with PKCE; and refresh tokens", async () => {
  const web = { grant_type: "authorization_code", code: await code("web", CALLBACK), redirect_uri: CALLBACK };
  const tokens = await good(await post(web, credentials("web")));
  assert.equal(claims(tokens.access_token).sub, "1302");
  await good(await post({ grant_type: "refresh_token", refresh_token: tokens.refresh_token }, credentials("web")));

  const [uri, verifier] = ["com.acme.app:/cb", randomBytes(32).toString("base64url")];
  const code_challenge = createHash("sha256").update(verifier).digest("base64url");
  const form = { grant_type: "authorization_code", redirect_uri: uri, client_id: "app", code_verifier: verifier };
  await good(await post({ ...form, code: await code("app", uri, { code_challenge, code_challenge_method: "S256" }) }));
});

test("a client without a flow asks about tokens for it", async () => {
  const { access_token } = await good(await post(machine, credentials("billing")));
  const ask = (id) => post({ token: access_token }, credentials(id), `${PATH}/token/introspect`);
  assert.equal((await good(await ask("ledger"))).active, true);
  assert.equal((await post(machine, credentials("ledger"))).status, 403);
});

test("clients of light-oauth2 get tokens with new secrets, and trusted ones name the person", async () => {
  const hash = `1000:${"5b".repeat(16)}:${"94".repeat(32)}`;
  const rows = ["client_id,client_secret,client_type,client_profile,client_name,scope,custom_claim,redirect_uri,owner_id",
    `machine,${hash},confidential,service,Machine,petstore.r petstore.w,"{""c1"":""361""}",,admin`,
    `portal,${hash},trusted,webserver,Portal,petstore.r,,,admin`].join("\n");
  const report = imported("light-oauth2", "client.csv", rows);
  assert.deepEqual([report.taken, report.wrong], [["machine", "portal"], []]);
  for (const pair of report.kv) await worker.put(pair);
  const secrets = Object.fromEntries(report.client_secrets.map(({ client_id, client_secret }) => [client_id, client_secret]));
  const token = (id, form) => post(form, credentials(id, secrets[id]), "/oauth2/token");
  const { access_token } = await good(await token("machine", machine));
  const { scope, c1 } = claims(access_token);
  assert.deepEqual({ scope, c1 }, { scope: ["petstore.r", "petstore.w"], c1: "361" });
  const person = { grant_type: "client_authenticated_user", userId: "1302", userType: "staff" };
  assert.equal(claims((await good(await token("portal", person))).access_token).user_id, "1302");
  assert.equal((await token("machine", person)).status, 400);
});

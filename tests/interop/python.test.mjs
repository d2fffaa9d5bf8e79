// Runs the Python clients in the virtual environment that the Makefile made.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { newKey, registerWithKey } from "../e2e/keys.mjs";
import { change, register, registerIn, start } from "../e2e/worker.mjs";

const python = ".tools/venv/bin/python";
const skip = !existsSync(python) && !process.env.CI
  && "no Python with venv: apt-get install -y python3-venv";
if (skip) console.error(`Skipped: Authlib, PyJWT and python-keycloak. ${skip}`);

let worker;
let partner;

const PARTNER = "https://partner.example";
const people = { login_url: "https://login.example/", login_clients: ["login"] };

before(async () => {
  partner = await newKey();
  const trusted_issuers = { partner: { issuer: PARTNER, jwks: { keys: [partner.jwk] } } };
  worker = await start({
    realm: () => ({ scopes: "read write openid profile email", trusted_issuers, ...people }),
    realms: (url) => ({
      dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, trusted_issuers, ...people },
      lenient: { issuer: `${url}/realms/lenient`, assertion_audience_may_be_token_endpoint: true },
    }),
  });
});
after(() => worker.stop());

/** Runs a script and fails with what it said unless it succeeds. */
async function run(script, ...args) {
  const env = { ...process.env, AUTHLIB_INSECURE_TRANSPORT: "1" };
  const child = spawn(python, [`tests/interop/${script}`, ...args], { env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { said += data; });
  const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  assert.equal(status, 0, said);
  console.log(said.trim());
}

test("Authlib gets tokens and PyJWT verifies them", { skip }, async () => {
  const basic = await register(worker, "--client-id", "my app +%");
  const post = await register(worker, "--auth-method", "client_secret_post");
  await run("clients.py", worker.issuer, basic.client_id, basic.client_secret, post.client_id, post.client_secret);
});

test("Authlib signs who it is, for the issuer, or where the realm lets it for the token endpoint", { skip }, async () => {
  for (const [realm, isLenient] of [["default", false], ["dx", false], ["lenient", true]]) {
    const { client_id, privateJwk } = await registerWithKey(worker, realm);
    await run("machine_client.py", `${worker.url}/realms/${realm}`, client_id, JSON.stringify(privateJwk), isLenient);
  }
});

test("Authlib introspects, revokes, exchanges, and grants by another's assertion", { skip }, async () => {
  const [api, backend] = ["https://api.example", "https://backend.example"];
  const credentials = ({ client_secret, privateJwk }) => client_secret ?? JSON.stringify(privateJwk);
  const withSecret = (realm) => registerIn(worker, realm, "--scope", "read");
  const withKey = (realm) => registerWithKey(worker, realm);
  for (const [realm, typ] of [["default", "at+jwt"], ["dx", "JWT"]]) {
    for (const registerAt of [withSecret, withKey]) {
      const [client, service] = [await registerAt(realm), await registerAt(realm)];
      await change(worker, client, { audience: [api] });
      await change(worker, service, {
        grant_types: ["token-exchange", "jwt-bearer"].map((name) => `urn:ietf:params:oauth:grant-type:${name}`),
        resources: [api], audience: [backend], exchange_audience: [backend], trusted_issuers: ["partner"],
      });
      await run("after_client.py", `${worker.url}/realms/${realm}`, typ, client.client_id, credentials(client),
        service.client_id, credentials(service), PARTNER, JSON.stringify(partner.privateJwk));
      await worker.line((line) => line.outcome === "revoked" && line.client_id === client.client_id);
      const text = worker.logs.join("\n");
      for (const { client_secret, privateJwk } of [client, service, partner]) {
        assert.ok(!text.includes(client_secret ?? privateJwk.d));
      }
      assert.doesNotMatch(text, /eyJ[\w-]+\.[\w-]+\./, "a signed token is in the log");
    }
  }
});

test("Authlib signs people in, in both realms, with and without a secret", { skip }, async () => {
  const redirectUri = "https://app.example/callback";
  for (const [realm, issuer] of [["default", worker.issuer], ["dx", `${worker.url}/realms/dx`]]) {
    const login = await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
    for (const method of ["client_secret_basic", "none"]) {
      const client = await registerIn(worker, realm, "--scope", "openid profile email", "--auth-method", method,
        "--grant-types", "authorization_code,refresh_token", "--redirect-uri", redirectUri);
      await run("people_client.py", issuer, redirectUri, login.client_secret,
        client.client_id, client.client_secret ?? "");
    }
  }
});

test("python-keycloak gets a token of a Keycloak realm and decodes it", { skip }, async () => {
  const client = await registerIn(worker, "dx", "--scope", "openid email profile",
    "--auth-method", "client_secret_post");
  await run("keycloak_client.py", worker.url, client.client_id, client.client_secret);
});

// Client registration as an operator or a client does it by hand: with curl.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { CERTIFICATE, postWith } from "./keys.mjs";
import { CLOCK } from "./shims.mjs";
import { basic, change, registerIn, start } from "./worker.mjs";

// As docs/clients.md shows them.
const INITIAL = `
  curl -s -u registrar:$SECRET -d grant_type=client_credentials -d scope=client_registration $ISSUER/token`;
const REGISTER = `
  curl -s -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d @metadata.json $ISSUER/register`;
const TOKEN = `
  curl -s -u $CLIENT_ID:$CLIENT_SECRET -d grant_type=client_credentials $ISSUER/token`;

/** A module before the worker's own, in which a write to KV does what the header `fault` says. */
const MAIN = `${CLOCK}
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  export default class extends worker {
    constructor(ctx, env) {
      const kv = env.CLIENTS;
      let fault;
      const faults = {
        throw: () => { throw new Error("KV PUT failed: 500 Internal Server Error"); },
        reject: async () => { throw new Error("KV PUT failed: 429 Too Many Requests"); },
        hang: () => new Promise(() => {}),
      };
      super(ctx, { ...env, CLIENTS: {
        get: (...args) => kv.get(...args),
        put: (...args) => fault ? faults[fault]() : kv.put(...args),
      } });
      this.setFault = (name) => { fault = name; };
    }
    fetch(request) {
      setClock(request.headers.get("clock"));
      this.setFault(request.headers.get("fault"));
      return super.fetch(request);
    }
  };
`;

let worker;
let registrar;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  const registration = {
    grant_types: ["client_credentials"], auth_methods: ["client_secret_basic", "tls_client_auth"], scopes: "read",
  };
  const scopes = "read write client_registration";
  worker = await start({
    main: MAIN,
    realm: () => ({ scopes, registration }),
    realms: (url) => ({
      other: { issuer: `${url}/realms/other`, scopes, registration },
      closed: { issuer: `${url}/realms/closed`, scopes },
    }),
  });
  registrar = await registerIn(worker, "default", "--client-id", "registrar", ...MAY_REGISTER);
});
after(async () => {
  await worker?.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a command as its reader would paste it, with these variables, and reads what it prints. */
async function paste(command, variables = {}) {
  const env = { ...process.env, ISSUER: worker.issuer, ...variables };
  const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: folder, env });
  return JSON.parse(stdout);
}

const initialToken = async () => (await paste(INITIAL, { SECRET: registrar.client_secret })).access_token;

/** Posts metadata to the endpoint of a realm. */
const post = async (token, metadata, headers = {}, realm = "default") =>
  fetch(`${worker.url}/realms/${realm}/register`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(metadata),
  });

const MAY_REGISTER = ["--scope", "client_registration"];
const METADATA = { client_name: "Billing", grant_types: ["client_credentials"] };

const records = async () => (await worker.kv.list({ prefix: "client/" })).keys.map(({ name }) => name);

test("curl: an initial access token, a client registered with it, and a token for that client", async () => {
  writeFileSync(join(folder, "metadata.json"), JSON.stringify(METADATA));
  const client = await paste(REGISTER, { TOKEN: await initialToken() });
  const { client_id, client_secret, client_id_issued_at, ...rest } = client;
  assert.match(client_id, /^[0-9a-f-]{36}$/);
  assert.match(client_secret, /^[A-Za-z0-9_-]{43}$/);
  assert.ok(Math.abs(client_id_issued_at - Date.now() / 1000) < 60);
  assert.deepEqual(rest, {
    client_name: "Billing", client_secret_expires_at: 0, grant_types: ["client_credentials"],
    response_types: [], token_endpoint_auth_method: "client_secret_basic", scope: "read", redirect_uris: [],
    post_logout_redirect_uris: [], dpop_bound_access_tokens: false, tls_client_certificate_bound_access_tokens: false,
    require_pushed_authorization_requests: false,
  });

  const stored = await worker.kv.get(`client/default/${client_id}`);
  assert.ok(!stored.includes(client_secret));
  const record = JSON.parse(stored);
  assert.deepEqual([record.client_name, record.scope, record.updated_by], ["Billing", "read", "client registrar"]);
  const line = await worker.line(({ registered }) => registered === client_id);
  assert.deepEqual([line.status, line.outcome, line.client_id], [201, "registered", "registrar"]);
  assert.ok(!worker.logs.join("\n").includes(client_secret));

  const token = await paste(TOKEN, { CLIENT_ID: client_id, CLIENT_SECRET: client_secret });
  assert.deepEqual([token.token_type, token.scope], ["Bearer", "read"]);
  assert.equal((await post(token.access_token, METADATA)).status, 403);
});

test("without an initial access token of this realm, for this, there is nothing", async () => {
  const token = await initialToken();
  const elsewhere = await registerIn(worker, "other", "--client-id", "registrar", ...MAY_REGISTER);
  const foreign = await paste(INITIAL,
    { SECRET: elsewhere.client_secret, ISSUER: `${worker.url}/realms/other` });
  const distant = await registerIn(worker, "default", ...MAY_REGISTER, "--audience", "https://api.example");
  const misdirected = await (await worker.token(distant.client_id, distant.client_secret)).json();
  const before = await records();
  for (const [name, status, response] of [
    ["no token", 401, await fetch(`${worker.issuer}/register`, { method: "POST", body: "{}" })],
    ["garbage", 401, await post("x", METADATA)],
    ["another realm's", 401, await post(foreign.access_token, METADATA)],
    ["another audience's", 401, await post(misdirected.access_token, METADATA)],
    ["as DPoP", 401, await post(token, METADATA, { authorization: `DPoP ${token}` })],
    ["an expired one", 401, await post(token, METADATA, { clock: Math.floor(Date.now() / 1000) + 301 })],
    ["no JSON", 400, await post(token, METADATA, { "content-type": "text/plain" })],
    ["scopes of which none is to be had", 400, await post(token, { ...METADATA, scope: "write admin" })],
    ["that very scope", 400, await post(token, { ...METADATA, scope: "client_registration" })],
    ["a grant that is not to be had", 400, await post(token, { ...METADATA, grant_types: ["refresh_token"] })],
    ["a realm without registration", 404, await post(token, METADATA, {}, "closed")],
    ["GET", 405, await fetch(`${worker.issuer}/register`)],
  ]) {
    assert.equal(response.status, status, `${name}: ${await response.text()}`);
    assert.equal(response.headers.has("www-authenticate"), status === 401, name);
  }
  assert.deepEqual(await records(), before);
});

test("who may no more get initial access tokens cannot use those that they have", async () => {
  const client = await registerIn(worker, "default", ...MAY_REGISTER);
  const { access_token } = await (await worker.token(client.client_id, client.client_secret)).json();
  assert.equal((await post(access_token, METADATA)).status, 201);
  await change(worker, client, { disabled: true });
  assert.equal((await post(access_token, METADATA)).status, 401);
});

test("KV that cannot write is a 503, and nothing is registered", async () => {
  const token = await initialToken();
  const before = await records();
  for (const [fault, reason] of [["throw", "PUT failed: 500"], ["reject", "PUT failed: 429"], ["hang", "did not answer in time"]]) {
    const response = await post(token, METADATA, { fault });
    assert.equal(response.status, 503, fault);
    assert.ok(Number(response.headers.get("retry-after")) > 0);
    const answer = await response.json();
    assert.deepEqual([answer.error, answer.client_secret], ["temporarily_unavailable", undefined]);
    const line = await worker.line((line) => line.reason?.includes(reason));
    assert.deepEqual([line.level, line.endpoint], ["error", "registration"]);
    assert.deepEqual(await records(), before);
  }
  assert.equal((await post(token, METADATA)).status, 201);
});

test("an initial access token that is bound to a certificate is good with that alone", async () => {
  const client = await registerIn(worker, "default", ...MAY_REGISTER);
  await change(worker, client, { tls_client_certificate_bound_access_tokens: true });
  const send = (path, certificate, init) => postWith(worker, certificate, `/realms/default${path}`, init);
  const authorization = basic(client.client_id, client.client_secret);
  const ask = (certificate) => send("/token", certificate,
    { headers: { authorization }, body: new URLSearchParams({ grant_type: "client_credentials" }) });
  assert.equal((await ask(undefined)).status, 400);
  const { access_token } = await (await ask(CERTIFICATE)).json();
  const init = {
    headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
    body: JSON.stringify(METADATA),
  };
  for (const [shown, status] of [
    [undefined, 401],
    [{ ...CERTIFICATE, certFingerprintSHA256: "5f".repeat(32) }, 401],
    [{ ...CERTIFICATE, certVerified: "NONE" }, 401],
    [CERTIFICATE, 201],
  ]) {
    assert.equal((await send("/register", shown, init)).status, status, JSON.stringify(shown));
  }
});

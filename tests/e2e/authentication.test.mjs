// Assertions, proofs of possession and certificates on real workerd: what is accepted once, by
// whom it is remembered, and what becomes of requests when it cannot be.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { assertion, CERTIFICATE, newKey, now, oldKey, postWith, proof, registerWithKey } from "./keys.mjs";
import { count, onlyOnce, PARALLEL } from "./once.mjs";
import { FAULTS } from "./shims.mjs";
import { basic, change, register, start } from "./worker.mjs";

let worker;
let keyed;
let holder;

before(async () => {
  worker = await start({ main: FAULTS, bindings: { SIGNING_KEYS: oldKey() } });
  keyed = await registerWithKey(worker);
  holder = { ...(await register(worker)), ...(await newKey()) };
});
after(() => worker.stop());

/** Asks for a token with these members of the form. */
const ask = (form, headers = {}) => fetch(`${worker.url}/token`, {
  method: "POST", headers, body: new URLSearchParams({ grant_type: "client_credentials", ...form }),
});

/** The same as the client that has a secret and shows a proof. */
const askWith = (dpop, headers = {}) =>
  ask({}, { authorization: basic(holder.client_id, holder.client_secret), dpop, ...headers });

/** A nonce of the service: it tells one to whoever shows a proof without. */
async function nonce() {
  const response = await askWith(await proof(holder, `${worker.url}/token`));
  assert.deepEqual([response.status, (await response.json()).error], [400, "use_dpop_nonce"]);
  return response.headers.get("dpop-nonce");
}

const freshProof = async () => proof(holder, `${worker.url}/token`, await nonce());

test(`${PARALLEL} uses of one assertion at once: one is good, all others get the same 401`, async (t) => {
  const form = await assertion(keyed, worker.issuer);
  const refused = onlyOnce(await count(() => ask(form)), t);
  assert.deepEqual(refused, [401, "invalid_client", 'Basic realm="default"']);
  assert.equal((await ask(form)).status, 401);
  assert.equal((await ask(await assertion(keyed, worker.issuer))).status, 200);
  await worker.line((line) => line.reason?.includes("its `jti` was used before"));
});

test(`${PARALLEL} uses of one proof at once: one is good, all others are invalid_dpop_proof`, async (t) => {
  const dpop = await freshProof();
  const refused = onlyOnce(await count(() => askWith(dpop)), t);
  assert.deepEqual(refused, [400, "invalid_dpop_proof", undefined]);
  const token = await (await askWith(await freshProof())).json();
  assert.equal(token.token_type, "DPoP");
});

/** What the object that remembers an assertion's `jti` stores. */
async function peek(jti) {
  const name = ["default", "client", keyed.client_id, jti].join("\0");
  const object = createHash("sha256").update(name).digest("base64url");
  return (await fetch(worker.url, { headers: { peek: object } })).json();
}

test("what was used is remembered for as long as it would be good, and then removes itself", async () => {
  // By a clock that is 80 s behind, so that the real alarm comes after three seconds.
  const clock = now() - 80;
  const jti = "short";
  const until = clock + 15 + 8 + 60;
  const form = await assertion(keyed, worker.issuer, { iat: clock, exp: clock + 15, jti });
  const askAt = (clock) => ask(form, { clock });
  assert.equal((await askAt(clock)).status, 200);
  const { names, alarm } = await peek(jti);
  assert.deepEqual([names, alarm], [["used_until"], until * 1000]);
  assert.equal((await askAt(clock + 22)).status, 401);
  await worker.line((line) => line.time === clock + 22 && line.reason.includes("used before"));
  for (let waited = 0; waited < 80 && (await peek(jti)).names.length > 0; waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await peek(jti), { names: [], alarm: null });
  assert.equal((await askAt(clock + 23)).status, 401);
  await worker.line((line) => line.time === clock + 23 && line.reason.includes("expired at"));
});

test("an object that fails, hangs or answers garbage: 503 in time, and never a 401 or a token", async () => {
  const faults = ["before", "after", "retryable", "overloaded", "garbage", "status", "binding", "hang"];
  for (const fault of faults) {
    for (const send of [
      async (headers) => ask(await assertion(keyed, worker.issuer), headers),
      async (headers) => askWith(await freshProof(), headers),
    ]) {
      const began = Date.now();
      const response = await send({ fault });
      const took = Date.now() - began;
      assert.equal(response.status, 503, fault);
      assert.ok(Number(response.headers.get("retry-after")) > 0, fault);
      assert.equal(response.headers.get("www-authenticate"), null, fault);
      assert.equal((await response.json()).error, "temporarily_unavailable", fault);
      assert.ok(took < 5000, `${fault}: ${took} ms`);
      assert.equal((await send()).status, 200, `after ${fault}`);
    }
  }
});

/** Registers a client that shows a certificate. */
async function registerWithCertificate(members = {}) {
  const client = await register(worker);
  await change(worker, client, {
    token_endpoint_auth_method: "tls_client_auth", secrets: [],
    tls_client_auth_subject_dn: CERTIFICATE.certSubjectDNRFC2253, ...members,
  });
  return client.client_id;
}

const askByCertificate = (client_id, certificate) => postWith(worker, certificate, "/token",
  { body: new URLSearchParams({ grant_type: "client_credentials", client_id }) });

test("a client with a certificate gets a token, bound to it if its record wants that", async () => {
  for (const [tls_client_certificate_bound_access_tokens, cnf] of [
    [false, undefined],
    [true, { "x5t#S256": Buffer.from(CERTIFICATE.certFingerprintSHA256, "hex").toString("base64url") }],
  ]) {
    const client_id = await registerWithCertificate({ tls_client_certificate_bound_access_tokens });
    const response = await askByCertificate(client_id, CERTIFICATE);
    const { access_token, token_type } = await response.json();
    assert.deepEqual([response.status, token_type], [200, "Bearer"]);
    const claims = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
    assert.deepEqual([claims.sub, claims.cnf], [client_id, cnf]);
  }
});

test("a certificate that is missing, revoked, of nobody's authority or another's is the same 401", async () => {
  const client_id = await registerWithCertificate();
  const answers = new Set();
  for (const certificate of [
    undefined,
    {},
    { ...CERTIFICATE, certPresented: "0" },
    { ...CERTIFICATE, certVerified: "NONE" },
    { ...CERTIFICATE, certVerified: "FAILED:self signed certificate" },
    { ...CERTIFICATE, certRevoked: "1" },
    { ...CERTIFICATE, certSubjectDNRFC2253: "CN=billing" },
    { ...CERTIFICATE, certSubjectDNRFC2253: "" },
    { ...CERTIFICATE, certSubjectDNRFC2253: undefined, certSubjectDN: CERTIFICATE.certSubjectDNRFC2253 },
  ]) {
    const response = await askByCertificate(client_id, certificate);
    answers.add(JSON.stringify([response.status, [...response.headers], await response.text()]));
  }
  const secret = await askByCertificate(holder.client_id, CERTIFICATE);
  answers.add(JSON.stringify([secret.status, [...secret.headers], await secret.text()]));
  assert.equal(answers.size, 1, [...answers].join("\n"));
  assert.match([...answers][0], /^\[401,.*Basic realm=/);
  // What the client says by itself is no certificate.
  const form = { client_id };
  const said = await ask(form, { "cf-client-cert-sha256": CERTIFICATE.certFingerprintSHA256 });
  assert.equal(said.status, 401);
});

test("the cron trigger warns of keys that near their end, and of nothing else", async () => {
  const soon = oldKey("--lifetime", "10");
  const watched = await start({
    bindings: { SOON: soon },
    realms: (url) => ({
      soon: { issuer: `${url}/realms/soon`, signing_keys: ["SOON"] },
      relieved: { issuer: `${url}/realms/relieved`, signing_keys: ["SOON", "SIGNING_KEYS"] },
      none: { issuer: `${url}/realms/none`, signing_keys: ["NONE"] },
    }),
  });
  try {
    const { outcome } = await (await watched.miniflare.getWorker()).scheduled({ cron: "17 3 * * *" });
    assert.equal(outcome, "ok");
    await watched.line(({ event, realm }) => event === "keys" && realm === "soon");
    const lines = watched.logs.map((line) => JSON.parse(line)).toSorted((a, b) => a.level.localeCompare(b.level));
    const [error, warning] = lines;
    assert.equal(lines.length, 2, watched.logs.join("\n"));
    assert.deepEqual([error.level, error.event, error.realm], ["error", "keys", "none"]);
    assert.match(error.reason, /^realm `none`: .*NONE/);
    assert.deepEqual([warning.level, warning.event, warning.realm], ["warning", "keys", "soon"]);
    const { kid, exp } = JSON.parse(soon).keys[0];
    assert.match(warning.reason, new RegExp(`^its newest key ${kid} ends at ${exp}, in (9|10) days: `));
  } finally {
    await watched.stop();
  }
});

// Trusted issuers whose keys are at a URL, on real workerd: how often they are fetched, and what
// becomes of requests when they cannot be had.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { SignJWT } from "jose";
import { newKey, now } from "./keys.mjs";
import { FAULTS } from "./shims.mjs";
import { basic, change, register, start } from "./worker.mjs";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

// The clock of the isolate is moved, so that no test waits for a copy to grow old.
const [MAX_AGE, COOLDOWN] = [300, 30];
/** For how long what failed is not fetched again. */
const RETRY = 5;

/** The issuers, one for each test: by name, what their URL gives and how often it was asked. */
const issuers = Object.fromEntries(["many", "rotating", "guessed", "failing", "cached", "cold", "down", "renamed", "mixed"].map((name) =>
  [name, { asked: 0, keys: [], answer: "keys" }]));

/** How often the URL was asked to which a redirect leads. */
let elsewhere = 0;

const json = (response, keys, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ keys }));

/** How many octets of an answer without an end were taken. */
let flooded = 0;

function* flood() {
  const chunk = " ".repeat(1 << 16);
  for (; flooded < 1 << 30; flooded += chunk.length) yield chunk;
}

/** What an issuer's URL may give. */
const ANSWERS = {
  keys: (response, { keys }) => json(response, keys),
  "no answer": () => {},
  "half an answer": (response) => response.setHeader("content-length", 1000).write('{"keys":['),
  "a broken connection": (response) => response.destroy(),
  "status 500": (response, { keys }) => json(response, keys, 500),
  "status 404": (response, { keys }) => json(response, keys, 404),
  "a redirect": (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  "a page": (response) => response.end("<html>"),
  "keys that are none": (response) => response.end('{"keys":{}}'),
  nothing: (response) => response.end(),
  "1 MB": (response, { keys }) => json(response, [...keys, { kty: "oct", padding: "x".repeat(1 << 20) }]),
  "no end": (response) => Readable.from(flood()).pipe(response),
  "a private key": (response, { privateJwk }) => json(response, [privateJwk]),
  "bad points": (response, { keys }) => json(response, keys.map((key) => ({ ...key, x: "AAAA" }))),
  slowly: (response, { keys }) => void setTimeout(() => json(response, keys), 700),
};

let server;
let worker;
let client;

before(async () => {
  server = createServer((request, response) => {
    if (request.url === "/elsewhere") {
      elsewhere += 1;
      return json(response, Object.values(issuers).flatMap(({ keys }) => keys));
    }
    const issuer = issuers[request.url.slice(1)];
    issuer.asked += 1;
    return ANSWERS[issuer.answer](response, issuer);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  for (const [name, issuer] of Object.entries(issuers)) {
    issuer.url = `${origin}/${name}`;
    await rotate(issuer);
  }
  const trusted_issuers = Object.fromEntries(Object.entries(issuers).map(([name, { url }]) =>
    [name, { issuer: `https://${name}.example`, jwks_uri: url }]));
  worker = await start({ main: FAULTS, realm: () => ({ trusted_issuers }) });
  client = await register(worker);
  await change(worker, client, { grant_types: [JWT_BEARER, EXCHANGE], trusted_issuers: Object.keys(issuers) });
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await worker.stop();
});

/** Gives an issuer a new key and publishes that one alone. Returns the old one. */
async function rotate(issuer) {
  const old = { ...issuer };
  const { jwk, privateKey, privateJwk } = await newKey();
  const kid = randomUUID();
  Object.assign(issuer, { kid, privateKey, privateJwk, keys: [{ ...jwk, kid }] });
  return old;
}

/** What an issuer signs about somebody at a moment, with its key or another that it names. */
const assertion = (name, clock, { kid, privateKey } = issuers[name]) =>
  new SignJWT({ iss: `https://${name}.example`, sub: "77", aud: worker.issuer, exp: clock + 60, jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);

/** Asks for a token by an assertion, at a moment, by either grant. */
async function ask(name, clock, key, grant = JWT_BEARER) {
  const text = await assertion(name, clock, key);
  const form = grant === JWT_BEARER
    ? { assertion: text } : { subject_token: text, subject_token_type: "urn:ietf:params:oauth:token-type:jwt" };
  return fetch(`${worker.url}/token`, {
    method: "POST",
    headers: { authorization: basic(client.client_id, client.client_secret), clock: String(clock) },
    body: new URLSearchParams({ grant_type: grant, ...form }),
  });
}

async function isGood(response) {
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  const { sub } = JSON.parse(Buffer.from(body.access_token.split(".")[1], "base64url"));
  assert.match(sub, /^\w+:77$/);
}

async function isRefused(response) {
  assert.deepEqual([response.status, (await response.json()).error], [400, "invalid_grant"]);
}

test("an issuer's keys are fetched once for many tokens, and again when the copy is old", async () => {
  const began = now();
  for (let times = 0; times < 50; times += 1) await isGood(await ask("many", began + times));
  assert.equal(issuers.many.asked, 1);
  await isGood(await ask("many", began + MAX_AGE - 1));
  assert.equal(issuers.many.asked, 1);
  await isGood(await ask("many", began + MAX_AGE));
  assert.equal(issuers.many.asked, 2);
});

test("a rotated key is found after the cool-down, and the key that is gone is no longer good", async () => {
  const issuer = issuers.rotating;
  const began = now();
  await isGood(await ask("rotating", began));
  const old = await rotate(issuer);
  await isRefused(await ask("rotating", began + COOLDOWN - 1));
  await isGood(await ask("rotating", began + COOLDOWN - 1, old));
  assert.equal(issuer.asked, 1);
  await isGood(await ask("rotating", began + COOLDOWN));
  assert.equal(issuer.asked, 2);
  await isRefused(await ask("rotating", began + COOLDOWN, old));
  assert.equal(issuer.asked, 2);
});

test("made-up names of keys do not become as many fetches", async (t) => {
  const { privateKey } = issuers.guessed;
  const began = now();
  await isGood(await ask("guessed", began));
  for (const [seconds, asked] of [[0, 1], [COOLDOWN - 1, 1], [COOLDOWN, 2], [2 * COOLDOWN, 3]]) {
    for (let times = 0; times < 50; times += 1) {
      await isRefused(await ask("guessed", began + seconds, { kid: randomUUID(), privateKey }));
    }
    assert.equal(issuers.guessed.asked, asked, `${seconds} s`);
  }
  t.diagnostic(`200 made-up names, ${issuers.guessed.asked} fetches`);
  await isGood(await ask("guessed", began + 2 * COOLDOWN));
});

const WRONG = Object.keys(ANSWERS).filter((answer) => !["keys", "slowly"].includes(answer));
for (const [number, answer] of WRONG.entries()) {
  test(`an issuer that gives ${answer}: 503 in time, its URL in the log, and then it goes on`, async () => {
    const issuer = issuers.failing;
    // Each time later than any copy is good.
    const clock = now() + (number + 1) * 2 * MAX_AGE;
    issuer.answer = answer;
    elsewhere = 0;
    flooded = 0;
    for (const [index, grant] of [JWT_BEARER, EXCHANGE].entries()) {
      const at = clock + index * RETRY;
      const before = worker.logs.length;
      const asked = issuer.asked;
      const began = Date.now();
      const response = await ask("failing", at, issuer, grant);
      const took = Date.now() - began;
      assert.deepEqual([response.status, (await response.json()).error], [503, "temporarily_unavailable"]);
      assert.ok(Number(response.headers.get("retry-after")) > 0);
      assert.ok(took < 5000, `${took} ms`);
      assert.ok(issuer.asked > asked);
      const line = await worker.line(({ outcome, time }) => outcome === "failed" && time === at);
      assert.equal(line.level, "error");
      assert.ok(line.reason.includes(issuer.url), line.reason);
      assert.equal(worker.logs.length, before + 1);
    }
    assert.equal(elsewhere, 0);
    assert.ok(flooded < 1 << 24, `${flooded} octets were taken`);
    issuer.answer = "keys";
    for (const grant of [JWT_BEARER, EXCHANGE]) await isGood(await ask("failing", clock + 2 * RETRY, issuer, grant));
  });
}

test("while the copy is good an issuer that fails is missed only for keys that are not in it", async () => {
  const issuer = issuers.cached;
  const began = now();
  await isGood(await ask("cached", began));
  issuer.answer = "status 500";
  const old = await rotate(issuer);
  await isGood(await ask("cached", began + MAX_AGE - 1, old));
  assert.equal(issuer.asked, 1);
  assert.equal((await ask("cached", began + MAX_AGE - 1)).status, 503);
  await isGood(await ask("cached", began + MAX_AGE - 1, old));
  assert.equal((await ask("cached", began + MAX_AGE, old)).status, 503);
  issuer.answer = "keys";
  await isGood(await ask("cached", began + MAX_AGE + RETRY));
});

/** The statuses of a hundred requests at once, and how long all of them took. */
async function hundred(name, clock, key) {
  const began = Date.now();
  const responses = await Promise.all(Array.from({ length: 100 }, () => ask(name, clock, key)));
  await Promise.all(responses.map((response) => response.text()));
  return { statuses: [...new Set(responses.map(({ status }) => status))], took: Date.now() - began };
}

test("a hundred at once in a cold isolate make one fetch, and all are served", async (t) => {
  const issuer = issuers.cold;
  issuer.answer = "slowly";
  const { statuses, took } = await hundred("cold", now());
  assert.deepEqual([statuses, issuer.asked], [[200], 1]);
  t.diagnostic(`${took} ms with an issuer that takes 700`);
});

test("an issuer that is down is asked once for a hundred, and not for those that come next", async (t) => {
  const issuer = issuers.down;
  const began = now();
  issuer.answer = "no answer";
  const first = await hundred("down", began);
  assert.deepEqual([first.statuses, issuer.asked], [[503], 1]);
  const next = await hundred("down", began + RETRY - 1);
  assert.deepEqual([next.statuses, issuer.asked], [[503], 1]);
  assert.ok(next.took < 2500, `${next.took} ms`);
  issuer.answer = "keys";
  assert.deepEqual((await hundred("down", began + RETRY)).statuses, [200]);
  assert.equal(issuer.asked, 2);
  t.diagnostic(`${first.took} ms while it hangs, then ${next.took} ms`);
});

test("keys are read again once for a hundred with a name that is new", async () => {
  const issuer = issuers.renamed;
  const began = now();
  await isGood(await ask("renamed", began));
  await rotate(issuer);
  issuer.answer = "slowly";
  assert.deepEqual((await hundred("renamed", began + COOLDOWN)).statuses, [200]);
  assert.equal(issuer.asked, 2);
});

test("keys that cannot be used spoil no other, and one line names them", async () => {
  const issuer = issuers.mixed;
  const began = now();
  const [good] = issuer.keys;
  issuer.keys = [{ ...good, kid: "bad", x: "AAAA" }, good, { kty: "RSA", kid: "rsa", n: "AQAB", e: "AQAB" }];
  await isGood(await ask("mixed", began));
  await isGood(await ask("mixed", began));
  const named = worker.logs.filter((line) => line.includes("ignored_keys") && line.includes('"sub":"mixed:77"'));
  assert.equal(named.length, 1);
  const { ignored_keys } = JSON.parse(named[0]);
  assert.match(ignored_keys, /^key 1 "bad": members `x` and `y` must be .*; key 3 "rsa": not for verifying ES256$/);
});

// Families on real Durable Objects: exactly once under concurrency, eviction and failure.

import assert from "node:assert/strict";
import { request } from "node:http";
import { json } from "node:stream/consumers";
import { after, before, beforeEach, test } from "node:test";
import { code, objectOf, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { FAULTS } from "./shims.mjs";
import { basic, register, registerIn, start } from "./worker.mjs";

const PARALLEL = 1000;

/** How often an object was ended in the current test. */
let ends;

let worker;
let people;
let graceless;

beforeEach(() => { ends = 0; });

before(async () => {
  const realm = (url, name, more) => ({ issuer: `${url}/realms/${name}`, ...withPeople, ...more });
  worker = await start({
    main: FAULTS,
    // Longer than 1,000 requests take on a busy machine.
    realm: () => ({ ...withPeople, refresh_token_grace: 60 }),
    realms: (url) => ({ graceless: realm(url, "graceless", { refresh_token_grace: 0 }) }),
  });
  people = await registerPeople(worker);
  graceless = await registerPeople(worker, "graceless");
});
after(() => worker.stop());

/**
 * Sends many requests at once and counts the answers: by status and error, and the distinct refresh
 * tokens. `meanwhile` happens again and again until all are there.
 */
async function count(send, meanwhile) {
  let waiting = PARALLEL;
  const answers = Array.from({ length: PARALLEL }, async () => {
    const response = await send();
    const body = await response.json();
    waiting -= 1;
    return { status: response.status, body };
  });
  while (meanwhile && waiting > 0) await meanwhile();
  const counts = {};
  const tokens = new Set();
  let good;
  for (const { status, body } of await Promise.all(answers)) {
    const kind = [status, body.error].filter(Boolean).join(" ");
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (status === 200) {
      tokens.add(body.refresh_token);
      good = body;
    }
  }
  return { counts, tokens: [...tokens], good };
}

/** Ends the object of a token while it is busy. */
async function end(token) {
  const ended = await fetch(worker.url, { headers: { abort: `default/${objectOf(token)}` } });
  assert.equal(await ended.text(), "ended by the test");
  ends += 1;
}

const userinfo = ({ base }, token) =>
  fetch(`${base}/userinfo`, { headers: { authorization: `Bearer ${token}` } });

async function isRefused(response) {
  assert.equal(response.status, 400);
  assert.equal((await response.json()).error, "invalid_grant");
}

test(`${PARALLEL} redemptions of one code at once: one is good, and then the family is revoked`, async (t) => {
  const one = await code(people);
  const { counts, good } = await count(() => redeem(people, one));
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(counts, { 200: 1, "400 invalid_grant": PARALLEL - 1 });
  await isRefused(await refresh(people, good.refresh_token));
  assert.equal((await userinfo(people, good.access_token)).status, 401);
});

test(`${PARALLEL} redemptions with the object evicted in the middle: at most one is good`, async (t) => {
  const one = await code(people);
  const { counts, good } = await count(() => redeem(people, one), () => end(one));
  t.diagnostic(JSON.stringify({ ...counts, ends }));
  const { 200: ok = 0, "400 invalid_grant": refused = 0, "503 temporarily_unavailable": failed = 0 } = counts;
  assert.equal(ok + refused + failed, PARALLEL);
  assert.ok(ok <= 1);
  assert.ok(refused > 0);
  assert.ok(ends > 0);
  if (good) await isRefused(await refresh(people, good.refresh_token));
  await isRefused(await redeem(people, one));
});

test(`${PARALLEL} uses of one refresh token at once, without grace: one is good`, async (t) => {
  const { refresh_token } = await (await redeem(graceless, await code(graceless))).json();
  const { counts, good } = await count(() => refresh(graceless, refresh_token));
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(counts, { 200: 1, "400 invalid_grant": PARALLEL - 1 });
  await isRefused(await refresh(graceless, good.refresh_token));
});

for (const evicted of [false, true]) {
  const how = evicted ? ", the object evicted in the middle" : "";
  test(`${PARALLEL} uses of one refresh token at once, with a grace${how}: all get one successor`, async (t) => {
    const { refresh_token } = await (await redeem(people, await code(people))).json();
    const { counts, tokens } = await count(() => refresh(people, refresh_token), evicted && (() => end(refresh_token)));
    t.diagnostic(JSON.stringify({ ...counts, successors: tokens.length, ends }));
    const { 200: ok = 0, "503 temporarily_unavailable": failed = 0 } = counts;
    assert.equal(ok + failed, PARALLEL);
    assert.ok(evicted ? ok > 0 && ends > 0 : failed === 0);
    assert.equal(tokens.length, 1);
    const next = await refresh(people, tokens[0]);
    assert.equal(next.status, 200);
    await isRefused(await refresh(people, refresh_token));
  });
}

test("an object that throws, hangs, is overloaded or answers garbage: 503, and a refresh can be retried", async () => {
  const faulty = await start({ main: FAULTS, realm: () => withPeople });
  try {
    const people = await registerPeople(faulty);
    for (const fault of ["before", "after", "overloaded", "garbage", "status", "binding", "hang"]) {
      const { refresh_token } = await (await redeem(people, await code(people))).json();
      const began = Date.now();
      const failed = await refresh(people, refresh_token, { fault });
      const took = Date.now() - began;
      assert.equal(failed.status, 503, fault);
      assert.ok(Number(failed.headers.get("retry-after")) > 0);
      assert.equal((await failed.json()).error, "temporarily_unavailable");
      assert.ok(fault === "hang" ? took >= 2900 && took < 4500 : took < 2900, `${fault}: ${took} ms`);
      const successor = (await (await refresh(people, refresh_token)).json()).refresh_token;
      assert.ok(successor, fault);
      assert.equal((await (await refresh(people, refresh_token)).json()).refresh_token, successor, fault);
    }
    // What the runtime calls retryable is tried again, but never a code: it might be used by now.
    const { refresh_token } = await (await redeem(people, await code(people))).json();
    assert.equal((await refresh(people, refresh_token, { fault: "retryable" })).status, 200);
    const one = await code(people);
    assert.equal((await redeem(people, one, { fault: "retryable" })).status, 503);
    assert.equal((await redeem(people, one)).status, 200);
  } finally {
    await faulty.stop();
  }
});

/** Sends a form whose end comes only after `meanwhile`. Returns status and body of the answer. */
async function dawdle({ base, app }, parameters, meanwhile) {
  const body = new URLSearchParams(parameters).toString();
  const sent = request(`${base}/token`, { method: "POST", headers: {
    authorization: basic(app.client_id, app.client_secret),
    "content-type": "application/x-www-form-urlencoded",
    "content-length": body.length,
  } });
  const answered = new Promise((resolve, reject) => sent.once("response", resolve).once("error", reject));
  sent.write(body.slice(0, 10));
  await meanwhile();
  sent.end(body.slice(10));
  const response = await answered;
  return { status: response.statusCode, body: await json(response) };
}

test("a body that dawdles does not stop the clock", async () => {
  const slow = await start({ realm: () => ({ ...withPeople, refresh_token_grace: 1 }) });
  try {
    const people = await registerPeople(slow);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 2100));
    const { refresh_token } = await (await redeem(people, await code(people))).json();
    const late = await dawdle(people, { grant_type: "refresh_token", refresh_token }, async () => {
      assert.equal((await refresh(people, refresh_token)).status, 200);
      await wait();
    });
    assert.deepEqual([late.status, late.body.error], [400, "invalid_grant"]);
    // A token begins when its request has ended.
    const machine = { base: people.base, app: await register(slow) };
    let ended;
    const { body } = await dawdle(machine, { grant_type: "client_credentials" }, async () => {
      await wait();
      ended = Math.floor(Date.now() / 1000);
    });
    const { iat } = JSON.parse(Buffer.from(body.access_token.split(".")[1], "base64url"));
    assert.ok(iat >= ended, `${iat} is before ${ended}`);
  } finally {
    await slow.stop();
  }
});

test("client_credentials with a secret touch no Durable Object", async () => {
  const faulty = await start({ main: FAULTS });
  try {
    const { client_id, client_secret } = await register(faulty);
    for (const fault of ["binding", "before", "hang"]) {
      const began = Date.now();
      const response = await faulty.token(client_id, client_secret, {}, { fault });
      assert.equal(response.status, 200, fault);
      assert.ok(Date.now() - began < 2900);
    }
  } finally {
    await faulty.stop();
  }
});

test("what has ended removes itself", async () => {
  const brief = await start({ main: FAULTS, realms: (url) => ({
    brief: {
      dialect: "keycloak", issuer: `${url}/realms/brief`, access_token_ttl: 1, offline_token_idle_ttl: 4,
    },
  }) });
  try {
    const app = await registerIn(brief, "brief", "--grant-types", "client_credentials,refresh_token",
      "--scope", "offline_access");
    const form = { grant_type: "client_credentials" };
    const token = (form) => fetch(`${brief.url}/realms/brief/protocol/openid-connect/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${app.client_id}:${app.client_secret}`)}` },
      body: new URLSearchParams(form),
    });
    const { refresh_token, refresh_expires_in } = await (await token(form)).json();
    assert.equal(refresh_expires_in, 0);
    const peek = async () =>
      (await fetch(brief.url, { headers: { peek: `brief/${objectOf(refresh_token)}` } })).json();
    const { names, alarm } = await peek();
    assert.deepEqual(names, ["family"]);
    assert.ok(Math.abs(alarm - Date.now() - 4000) < 2000, String(alarm - Date.now()));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    // It is prolonged: the first alarm finds it alive and comes again.
    const { refresh_token: next } = await (await token({ grant_type: "refresh_token", refresh_token })).json();
    assert.ok(next);
    for (let waited = 0; waited < 100; waited += 1) {
      if ((await peek()).names.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await peek(), { names: [], alarm: null });
    await isRefused(await token({ grant_type: "refresh_token", refresh_token: next }));
    assert.deepEqual(await peek(), { names: [], alarm: null });
  } finally {
    await brief.stop();
  }
});

// What becomes of tokens after they are issued, on real workerd: introspection and revocation on the
// wire, under concurrency, and when storage fails.

import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { SignJWT } from "jose";
import { newKey, now, oldKey } from "./keys.mjs";
import { count, onlyOnce, PARALLEL } from "./once.mjs";
import { code, objectOf, post, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { FAULTS } from "./shims.mjs";
import { basic, change, register, registerIn, start } from "./worker.mjs";

const ROUNDS = 200;
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PARTNER = "https://partner.example";
const API = "https://api.example";

let worker;
let people;
let partner;

/** An introspection client of the realm, which may know of every token. */
let watcher;

before(async () => {
  partner = await newKey();
  worker = await start({
    main: FAULTS,
    bindings: { SIGNING_KEYS: oldKey() },
    realm: () => ({
      ...withPeople,
      introspection_clients: ["watcher"],
      trusted_issuers: { partner: { issuer: PARTNER, jwks: { keys: [partner.jwk] } } },
    }),
    realms: (url) => ({
      other: { issuer: `${url}/realms/other` },
      dx: { dialect: "keycloak", issuer: `${url}/realms/dx` },
    }),
  });
  people = await registerPeople(worker);
  watcher = { base: people.base, app: await register(worker, "--client-id", "watcher") };
});
after(() => worker.stop());

/** The tokens of a person who has just signed in. */
const signIn = async () => (await redeem(people, await code(people, { scope: "openid read" }))).json();

/** Another client of the realm, as a party of its own. */
const newParty = async (...args) => ({ base: people.base, app: await register(worker, ...args) });

/** A token that a client gets for itself. */
async function ownToken(party, headers) {
  const response = await post(party, "/token", { grant_type: "client_credentials" }, headers);
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}

const introspect = (party, token, headers) => post(party, "/introspect", { token }, headers);
const revoke = (party, token, headers) => post(party, "/revoke", { token }, headers);

/** Whether a token is active, for a party. */
async function isActive(party, token, headers) {
  const response = await introspect(party, token, headers);
  assert.equal(response.status, 200);
  return (await response.json()).active;
}

async function isRevoked(response) {
  assert.deepEqual([response.status, await response.json()], [200, {}]);
}

async function isRefused(response, error = "invalid_grant") {
  assert.deepEqual([response.status, (await response.json()).error], [400, error]);
}

/** What the object of that name stores. */
const peek = async (name) => (await fetch(worker.url, { headers: { peek: name } })).json();

/** The name of the object that remembers a revoked token. */
function markOf(token) {
  const { jti } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  return createHash("sha256").update(["default", "token", "", jti].join("\0")).digest("base64url");
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a line that came after so many others. */
async function lineAfter(before, found) {
  for (let waited = 0; waited < 50; waited += 1) {
    const line = worker.logs.slice(before).map((text) => JSON.parse(text)).find(found);
    if (line) return line;
    await sleep(20);
  }
  throw new Error(`no such line in the log:\n${worker.logs.slice(before).join("\n")}`);
}

/** All of an answer to an introspection as it stands on the wire, but for its date. */
async function onTheWire({ base, app }, token, headers) {
  const body = new URLSearchParams({ token }).toString();
  const response = await new Promise((resolve, reject) => {
    request(`${base}/introspect`, { method: "POST", headers: {
      authorization: basic(app.client_id, app.client_secret),
      "content-type": "application/x-www-form-urlencoded",
      "content-length": body.length,
      ...headers,
    } }, resolve).on("error", reject).end(body);
  });
  const { httpVersion, statusCode, statusMessage, rawHeaders } = response;
  const fields = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].toLowerCase() !== "date") fields.push(rawHeaders.slice(i, i + 2).join(": "));
  }
  return [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`, ...fields, "", await text(response)].join("\r\n");
}

test("inactive answers are byte-identical but for Date, whatever the reason, which is in the log", async (t) => {
  const [ended, replayed, kept] = [await signIn(), await signIn(), await signIn()];
  await isRevoked(await revoke(people, ended.refresh_token));
  assert.equal((await refresh(people, replayed.refresh_token)).status, 200);
  const machine = await newParty("--audience", API);
  const elsewhere = { base: `${worker.url}/realms/other`, app: await registerIn(worker, "other") };
  const [revoked, own] = [await ownToken(machine), await ownToken(machine)];
  await isRevoked(await revoke(machine, revoked));
  const [disabled, deleted, braked] = [await newParty(), await newParty(), await newParty()];
  const lost = await Promise.all([disabled, deleted, braked].map((party) => ownToken(party)));
  await change(worker, disabled.app, { disabled: true });
  await worker.kv.delete(deleted.app.kv.key);
  await worker.kv.put("not-before/default",
    JSON.stringify({ version: 1, clients: { [braked.app.client_id]: now() + 10 } }));
  const [head, claims] = own.split(".");
  const unknown = randomBytes(Buffer.from(kept.refresh_token, "base64url").length).toString("base64url");
  const later = { clock: String(now() + 301) };
  const answers = new Set();
  for (const [name, party, token, reason, headers] of [
    ["garbage", people, "garbage", /not one of this realm/],
    ["a forged token", machine, `${head}.${claims}.${"A".repeat(86)}`, /not one of this realm/],
    ["an ID token", people, kept.id_token, /not one of this realm/],
    ["another realm's token", people, await ownToken(elsewhere), /not one of this realm/],
    ["a code", people, await code(people), /not one of this realm/],
    ["an unknown refresh token", people, unknown, /unknown code, ticket or token/],
    ["a family's that has ended", people, ended.access_token, /its family has ended/],
    ["the refresh token of one", people, ended.refresh_token, /unknown code, ticket or token/],
    ["a used refresh token", people, replayed.refresh_token, /has expired/, { clock: String(now() + 11) }],
    ["another client's refresh token", machine, kept.refresh_token, /another client's grant/],
    ["another client's token, for nobody's resource", people, own, /neither issued to the caller nor/],
    ["a revoked token", machine, revoked, /revoked/],
    ["a disabled client's", watcher, lost[0], /disabled or gone/],
    ["a deleted client's", watcher, lost[1], /disabled or gone/],
    ["one before a not-before moment", watcher, lost[2], /before a not-before moment/, { clock: String(now() + 40) }],
    ["an expired token", machine, own, /expired/, later],
  ]) {
    const before = worker.logs.length;
    const answer = await onTheWire(party, token, headers);
    answers.add(answer);
    assert.equal(answers.size, 1, `${name}:\n${[...answers].join("\n")}`);
    const line = await lineAfter(before, ({ outcome }) => outcome === "introspected");
    assert.match(line.reason, reason, name);
  }
  await worker.kv.delete("not-before/default");
  const [answer] = answers;
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(answer.endsWith('\r\n\r\n{"active":false}'), answer);
  t.diagnostic(JSON.stringify(answer));
  assert.equal(await isActive(machine, own), true);
});

test("a revoked token opens nothing, and its sibling does", async () => {
  const api = await newParty();
  await change(worker, api.app, { grant_types: [EXCHANGE], resources: [worker.issuer], exchange_audience: [API] });
  const first = await signIn();
  const second = await (await refresh(people, first.refresh_token)).json();
  await isRevoked(await revoke(people, first.access_token));
  for (const [{ access_token }, isGood] of [[first, false], [second, true]]) {
    const userinfo = await fetch(`${people.base}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } });
    assert.equal(userinfo.status, isGood ? 200 : 401);
    const exchange = { grant_type: EXCHANGE, subject_token: access_token, audience: API,
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token" };
    const exchanged = await post(api, "/token", exchange);
    if (isGood) assert.equal(exchanged.status, 200);
    else await isRefused(exchanged, "invalid_request");
    assert.equal(await isActive(people, access_token), isGood);
    assert.equal(await isActive(api, access_token), isGood);
  }
  assert.equal((await refresh(people, second.refresh_token)).status, 200);
});

test("a revoked token is remembered until it would have ended, and then forgotten", async () => {
  // By a clock that is 80 s behind, so that the real alarm comes after three seconds.
  const clock = now() - 80;
  const at = (seconds) => ({ clock: String(clock + seconds) });
  const brief = await newParty("--access-token-ttl", "23");
  const token = await ownToken(brief, at(0));
  assert.equal(await isActive(brief, token, at(0)), true);
  await isRevoked(await revoke(brief, token, at(0)));
  const { names, alarm } = await peek(markOf(token));
  assert.deepEqual([names, alarm], [["used_until"], (clock + 23 + 60) * 1000]);
  const before = worker.logs.length;
  assert.equal(await isActive(brief, token, at(22)), false);
  await lineAfter(before, ({ reason }) => reason?.includes("revoked"));
  for (let waited = 0; waited < 80 && (await peek(markOf(token))).names.length > 0; waited += 1) await sleep(100);
  assert.deepEqual(await peek(markOf(token)), { names: [], alarm: null });
  assert.equal(await isActive(brief, token, at(23)), false);
  await lineAfter(before, ({ reason }) => reason?.includes("expired"));
});

test("a token with seconds left can be revoked: a floor of 60 s on expirations, as KV's, made that a 500", async () => {
  const clock = now();
  for (const left of [60, 59, 3, 1]) {
    const party = await newParty("--access-token-ttl", "100");
    const token = await ownToken(party, { clock: String(clock) });
    const at = { clock: String(clock + 100 - left) };
    assert.equal(await isActive(party, token, at), true, `${left} s`);
    await isRevoked(await revoke(party, token, at));
    const before = worker.logs.length;
    assert.equal(await isActive(party, token, at), false, `${left} s`);
    await lineAfter(before, ({ reason }) => reason?.includes("revoked"));
    await isRevoked(await revoke(party, token, { clock: String(clock + 100) }));
  }
});

/** Runs an act for each, ten at a time. */
async function inTens(list, act) {
  for (let i = 0; i < list.length; i += 10) await Promise.all(list.slice(i, i + 10).map((one, j) => act(one, i + j)));
}

/** Asserts that nothing of a family is left, and no token of it is good. */
async function hasEnded(tokens) {
  const { refresh_token } = tokens[0];
  assert.deepEqual(await peek(`default/${objectOf(refresh_token)}`), { names: [], alarm: null });
  for (const { refresh_token } of tokens) {
    await isRefused(await refresh(people, refresh_token));
    assert.equal(await isActive(people, refresh_token), false);
  }
  assert.equal(await isActive(people, tokens.at(-1).access_token), false);
}

test(`a refresh and a revocation at once, ${ROUNDS} times: the family has always ended`, async (t) => {
  const families = [];
  await inTens(Array.from({ length: ROUNDS }), async () => families.push([await signIn()]));
  const counts = { "refreshed, then revoked": 0, "revoked, then refused": 0 };
  await inTens(families, async (tokens, round) => {
    // In every other two rounds it is a token that was used before that is revoked.
    const [first] = tokens;
    if (round % 4 > 1) tokens.push(await (await refresh(people, first.refresh_token)).json());
    const send = {
      refresh: () => refresh(people, tokens.at(-1).refresh_token),
      revoke: () => revoke(people, first.refresh_token),
    };
    const order = round % 2 ? ["refresh", "revoke"] : ["revoke", "refresh"];
    const answers = await Promise.all(order.map((name) => send[name]()));
    const [refreshed, revoked] = round % 2 ? answers : answers.toReversed();
    await isRevoked(revoked);
    if (refreshed.status === 200) {
      counts["refreshed, then revoked"] += 1;
      tokens.push(await refreshed.json());
    } else {
      counts["revoked, then refused"] += 1;
      await isRefused(refreshed);
    }
    await hasEnded(tokens);
  });
  t.diagnostic(JSON.stringify(counts));
  for (const [name, times] of Object.entries(counts)) assert.ok(times > 0, name);
});

test("the same with the object ended in the middle: whoever revokes until a 200 has ended the family", async (t) => {
  const families = [];
  await inTens(Array.from({ length: 40 }), async () => families.push([await signIn()]));
  const counts = {};
  let ends = 0;
  for (const [round, tokens] of families.entries()) {
    const { refresh_token } = tokens[0];
    const end = async (ms) => {
      await sleep(ms);
      const ended = await fetch(worker.url, { headers: { abort: `default/${objectOf(refresh_token)}` } });
      assert.equal(await ended.text(), "ended by the test");
      ends += 1;
    };
    const revokeUntilDone = async (ms) => {
      await sleep(ms);
      for (let times = 1; ; times += 1) {
        const response = await revoke(people, refresh_token);
        counts[`revoke ${response.status}`] = (counts[`revoke ${response.status}`] ?? 0) + 1;
        if (response.status === 200) return;
        assert.equal(response.status, 503);
        assert.ok(times < 20);
      }
    };
    const [refreshed] = await Promise.all(
      [refresh(people, refresh_token), revokeUntilDone(round % 3), end(round % 4), end(round % 7)]);
    counts[`refresh ${refreshed.status}`] = (counts[`refresh ${refreshed.status}`] ?? 0) + 1;
    assert.ok([200, 400, 503].includes(refreshed.status), String(refreshed.status));
    if (refreshed.status === 200) tokens.push(await refreshed.json());
    await hasEnded(tokens);
  }
  t.diagnostic(JSON.stringify({ ...counts, ends }));
});

test(`${PARALLEL} uses of one assertion as a grant at once: one is good, all others are invalid_grant`, async (t) => {
  const client = await newParty();
  await change(worker, client.app, { grant_types: [JWT_BEARER], trusted_issuers: ["partner"] });
  const assertion = (claims) => new SignJWT({
    iss: PARTNER, sub: "77", aud: worker.issuer, exp: now() + 60, ...claims,
  }).setProtectedHeader({ alg: "ES256" }).sign(partner.privateKey);
  const once = await assertion({ jti: randomUUID() });
  const ask = (assertion) => post(client, "/token", { grant_type: JWT_BEARER, assertion });
  const refused = onlyOnce(await count(() => ask(once)), t);
  assert.deepEqual(refused, [400, "invalid_grant", undefined]);
  await isRefused(await ask(once));
  await worker.line(({ reason }) => reason?.includes("its `jti` was used before"));
  // Without a name it can be used again, and another name is another use.
  const nameless = await assertion();
  for (const good of [nameless, nameless, await assertion({ jti: randomUUID() })]) {
    assert.equal((await ask(good)).status, 200);
  }
});

/** Asserts that an answer says in time that the service cannot answer now. */
async function isUnavailable(send, name) {
  const began = Date.now();
  const response = await send();
  const took = Date.now() - began;
  assert.equal(response.status, 503, name);
  assert.ok(Number(response.headers.get("retry-after")) > 0, name);
  assert.equal(response.headers.get("www-authenticate"), null, name);
  const body = await response.json();
  assert.deepEqual([body.error, body.active], ["temporarily_unavailable", undefined], name);
  assert.ok(took < 5000, `${name}: ${took} ms`);
}

test("an object that throws, hangs or answers garbage: 503 in time, never 200, and then it goes on", async () => {
  const machine = await newParty();
  for (const fault of ["before", "after", "overloaded", "garbage", "status", "binding", "hang", "retryable"]) {
    const [family, own] = [await signIn(), await ownToken(machine)];
    for (const [name, party, act, token] of [
      ["introspect a refresh token", people, introspect, family.refresh_token],
      ["introspect a person's token", people, introspect, family.access_token],
      ["introspect a client's token", machine, introspect, own],
      ["revoke an access token", machine, revoke, own],
      ["revoke a person's token", people, revoke, family.access_token],
      ["revoke a refresh token", people, revoke, family.refresh_token],
    ]) {
      const what = `${fault}: ${name}`;
      // What the runtime calls retryable is tried again, but for the use of a name.
      const isTriedAgain = fault === "retryable" && !(act === revoke && token.includes("."));
      if (isTriedAgain) assert.equal((await act(party, token, { fault })).status, 200, what);
      else await isUnavailable(() => act(party, token, { fault }), what);
      const good = await act(party, token);
      assert.deepEqual([good.status, (await good.json()).active], [200, act === introspect ? true : undefined], what);
      if (act === revoke) assert.equal(await isActive(party, token), false, what);
    }
  }
});

test("not-before moments that cannot be read: 503 where they count, and the rest goes on", async () => {
  const machine = await newParty();
  const keycloak = { base: `${worker.url}/realms/dx/protocol/openid-connect`, app: await registerIn(worker, "dx") };
  const form = { grant_type: "client_credentials" };
  let { access_token, refresh_token } = await signIn();
  const own = await ownToken(machine);
  // A copy is good for 30 s. The clock goes on more than that with each brake.
  let clock = now();
  for (const brake of ["throw", "reject", "garbage", "hang"]) {
    clock += 40;
    const at = { clock: String(clock) };
    const braked = { ...at, brake };
    for (const [name, send] of [
      ["introspection", () => introspect(machine, own, braked)],
      ["introspection of a person's token", () => introspect(people, access_token, braked)],
      ["introspection of a refresh token", () => introspect(people, refresh_token, braked)],
      ["refresh", () => refresh(people, refresh_token, braked)],
      ["userinfo", () =>
        fetch(`${people.base}/userinfo`, { headers: { authorization: `Bearer ${access_token}`, ...braked } })],
      ["client_credentials that tell the moment", () => post(keycloak, "/token", form, braked)],
    ]) {
      await isUnavailable(send, `${brake}: ${name}`);
    }
    assert.equal((await post(machine, "/token", form, braked)).status, 200, brake);
    await isRevoked(await revoke(machine, await ownToken(machine, at), braked));
    assert.equal(await isActive(machine, own, at), true, `after ${brake}`);
    assert.equal((await post(keycloak, "/token", form, at)).status, 200, `after ${brake}`);
    const refreshed = await refresh(people, refresh_token, at);
    assert.equal(refreshed.status, 200, `after ${brake}`);
    ({ access_token, refresh_token } = await refreshed.json());
  }
});

test("a not-before moment counts within 30 s, and ends families that began before", async () => {
  const { access_token, refresh_token } = await signIn();
  // Later than all that is issued meanwhile. The copy is read anew at a moment of which there is none.
  const clock = now() + 1000;
  const at = (seconds) => ({ clock: String(clock + seconds) });
  const machine = await newParty("--access-token-ttl", "3600");
  const own = await ownToken(machine, at(0));
  assert.equal(await isActive(machine, own, at(0)), true);
  const moments = {
    version: 1, realm: 0, clients: { [machine.app.client_id]: clock + 10 }, subjects: { 1302: clock + 10 },
  };
  await worker.kv.put("not-before/default", JSON.stringify(moments));
  try {
    assert.equal(await isActive(machine, own, at(29)), true);
    assert.equal(await isActive(machine, own, at(30)), false);
    assert.equal(await isActive(machine, await ownToken(machine, at(30)), at(30)), true);
    await isRefused(await refresh(people, refresh_token, at(30)));
    assert.deepEqual(await peek(`default/${objectOf(refresh_token)}`), { names: [], alarm: null });
  } finally {
    await worker.kv.delete("not-before/default");
  }
  assert.equal(await isActive(people, access_token), false);
});

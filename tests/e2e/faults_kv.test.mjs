// Workers KV that fails as the runtime tells it, at every endpoint that reads or writes it: what is
// answered and logged, that nothing is used up or revoked by it, and that then all goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLOCK } from "./shims.mjs";
import { code, post, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { serve } from "./workerd.mjs";
import { register, registerIn } from "./worker.mjs";

/**
 * The clock runs on from where the header `clock` last set it. Since then every message to an object takes
 * as many milliseconds as the header `slow` said.
 */
const MAIN = `${CLOCK}
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  let slow = 0;
  export default class extends worker {
    constructor(ctx, env) {
      const object = (name) => ({
        fetch: async (request) => {
          if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
          return env.GRANTS.getByName(name).fetch(request);
        },
      });
      const idFromName = (name) => env.GRANTS.idFromName(name);
      const grants = { constructor: { name: "DurableObjectNamespace" }, idFromName, getByName: object };
      super(ctx, { ...env, GRANTS: grants });
    }
    fetch(request) {
      if (request.headers.has("clock")) startClock(request.headers.get("clock"));
      if (request.headers.has("slow")) slow = Number(request.headers.get("slow"));
      return super.fetch(request);
    }
  };
`;

let worker;
let people;
let machine;
let keycloak;
let clock = Math.floor(Date.now() / 1000);

const set = (headers) => fetch(worker.url, { headers });

before(async () => {
  worker = await serve({
    main: MAIN,
    realm: () => ({
      ...withPeople, scopes: `${withPeople.scopes} client_registration`,
      registration: { grant_types: ["client_credentials"], auth_methods: ["client_secret_basic"], scopes: "read" },
    }),
    realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx` } }),
  });
  people = await registerPeople(worker);
  machine = { base: people.base, app: await register(worker) };
  keycloak = { base: `${worker.url}/realms/dx/protocol/openid-connect`, app: await registerIn(worker, "dx") };
});
after(() => worker.stop());

const form = { grant_type: "client_credentials" };

/** The tokens of a person who has just signed in. */
const signIn = async () => (await redeem(people, await code(people, { scope: "openid read" }))).json();

/** What each request that reads KV is sent with, and what a good answer to it is. */
async function requests() {
  const [one, person, other, own] = [await code(people), await signIn(), await signIn(),
    (await (await post(machine, "/token", form)).json()).access_token];
  const authorize = new URLSearchParams({ response_type: "code", client_id: people.app.client_id,
    redirect_uri: "https://app.example/cb", scope: "openid" });
  return {
    "token, client_credentials": [() => post(machine, "/token", form), 200],
    "token, authorization_code": [() => redeem(people, one), 200],
    "token, refresh_token": [() => refresh(people, person.refresh_token), 200],
    "token, keycloak": [() => post(keycloak, "/token", form), 200],
    "introspection": [() => post(machine, "/introspect", { token: own }), 200, ({ active }) => active],
    "introspection, of a person's": [() => post(people, "/introspect", { token: other.access_token }), 200, ({ active }) => active],
    "revocation": [() => post(people, "/revoke", { token: other.refresh_token }), 200],
    "userinfo": [() => fetch(`${people.base}/userinfo`, { headers: { authorization: `Bearer ${person.access_token}` } }), 200],
    "authorize": [() => fetch(`${people.base}/authorize?${authorize}`, { redirect: "manual" }), 303],
  };
}

/** What reads each kind of record. */
const READERS = {
  "client/": ["token, client_credentials", "token, authorization_code", "token, refresh_token", "token, keycloak",
    "introspection", "introspection, of a person's", "revocation", "authorize"],
  "not-before/": ["token, refresh_token", "token, keycloak", "introspection", "introspection, of a person's", "userinfo"],
};

/** A record changed. */
const changed = (members) => (value) => ({ value: JSON.stringify({ ...JSON.parse(value), ...members }) });

const FAULTS = {
  "client/": {
    "an older record": [changed({ version: 0 }), /unusable record at key `client\/\S+`: record version 0 is not 1/],
    "a newer record": [changed({ version: 2 }), /unusable record at key `client\/\S+`: record version 2 is not 1/],
    "another client's record": [changed({ client_id: "somebody" }), /unusable record at key `client\//],
    "a record with an unknown member": [changed({ only_on_mondays: true }), /unusable record at key `client\//],
  },
  "not-before/": {
    "an older record": [() => ({ value: '{"version":0}' }), /unusable record at key `not-before\/\S+`: record version 0 is not 1/],
    "a newer record": [() => ({ value: '{"version":2}' }), /unusable record at key `not-before\/\S+`: record version 2 is not 1/],
    "moments that are none": [() => ({ value: '{"version":1,"realm":"now"}' }), /unusable record at key `not-before\//],
  },
};
for (const [prefix, faults] of Object.entries(FAULTS)) {
  for (const status of [500, 503, 429, 401]) faults[`KV GET failed: ${status}`] = [() => status, new RegExp(`KV GET failed: ${status}`)];
  Object.assign(faults, {
    "a lost connection": [() => "reset", /storage failed: /],
    "garbage": [() => ({ value: "<html>" }), new RegExp(`unusable record at key \`${prefix}`)],
    "half a record": [() => ({ value: '{"version":1,"client_i' }), new RegExp(`unusable record at key \`${prefix}`)],
    "nothing": [() => ({ value: "" }), new RegExp(`unusable record at key \`${prefix}`)],
    "octets that are no text": [() => ({ value: Uint8Array.of(0x7b, 0xff, 0xfe, 0x00) }), new RegExp(`unusable record at key \`${prefix}`)],
    "no answer": [() => "hang", /did not answer/],
  });
}

/** Sends a request and tells its status, body and time, which is never more than 5 s. */
async function timed(send) {
  const began = performance.now();
  const response = await send();
  const body = await response.text();
  const ms = Math.round(performance.now() - began);
  assert.ok(ms < 5000, `${ms} ms`);
  return { response, status: response.status, body, ms };
}

function isUnavailable({ response, status, body }, name) {
  assert.equal(status, 503, `${name}: ${body}`);
  assert.ok(Number(response.headers.get("retry-after")) > 0, name);
  assert.equal(response.headers.get("www-authenticate"), null, name);
  if (name === "authorize") assert.equal(response.headers.get("location"), null);
  else assert.equal(JSON.parse(body).error, "temporarily_unavailable", name);
}

/** Waits until so many lines of the log tell of failures. */
async function failures(count) {
  const failed = () => worker.logs.map((line) => JSON.parse(line)).filter(({ outcome }) => outcome === "failed");
  for (let waited = 0; waited < 100 && failed().length < count; waited += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  return failed();
}

for (const [prefix, faults] of Object.entries(FAULTS)) {
  for (const [name, [fault, reason]] of Object.entries(faults)) {
    test(`reads of ${prefix}…: ${name}`, async (t) => {
      // Later than any copy of the moments is good.
      clock += 40;
      await set({ clock });
      const all = await requests();
      clock += 40;
      await set({ clock });
      worker.logs.length = 0;
      worker.kv.fault = (method, key, value) =>
        method === "GET" && key.startsWith(prefix) ? fault(value) : undefined;
      const readers = READERS[prefix];
      const answers = await Promise.all(readers.map((reader) => timed(all[reader][0])));
      worker.kv.fault = () => undefined;
      for (const [index, reader] of readers.entries()) isUnavailable(answers[index], reader);
      const lines = await failures(readers.length);
      assert.equal(lines.length, readers.length);
      for (const line of lines) {
        assert.deepEqual([line.level, line.status], ["error", 503]);
        assert.match(line.reason, reason);
      }
      const slowest = Math.max(...answers.map(({ ms }) => ms));
      t.diagnostic(`${readers.length} endpoints: 503, at most ${slowest} ms | ${lines[0].reason}`);
      // Nothing was used up: the same requests are good now.
      for (const reader of readers) {
        const [send, expected, isGood = () => true] = all[reader];
        const { status, body } = await timed(send);
        assert.equal(status, expected, `${reader}: ${body}`);
        assert.ok(isGood(status === 200 ? JSON.parse(body) : {}), reader);
      }
    });
  }
}

test("what reads no moments goes on without them", async () => {
  worker.kv.fault = (_, key) => (key.startsWith("not-before/") ? 500 : undefined);
  const all = await requests();
  for (const name of ["token, client_credentials", "token, authorization_code", "revocation", "authorize"]) {
    const [send, expected] = all[name];
    assert.equal((await timed(send)).status, expected, name);
  }
  worker.kv.fault = () => undefined;
});

for (const [name, fault, reason] of [
  ...[500, 503, 429, 401].map((status) => [`KV PUT failed: ${status}`, status, new RegExp(`KV PUT failed: ${status}`)]),
  ["a lost connection", "reset", /storage failed: /],
  ["no answer", "hang", /did not answer/],
]) {
  test(`a registration whose record cannot be written, ${name}: 503, nobody is registered, and again works`, async (t) => {
    const registrar = await registerIn(worker, "default", "--scope", "client_registration");
    const { access_token } = await (await worker.token(registrar.client_id, registrar.client_secret)).json();
    const send = () => fetch(`${people.base}/register`, {
      method: "POST",
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
      body: JSON.stringify({ client_name: "Billing", grant_types: ["client_credentials"] }),
    });
    worker.logs.length = 0;
    const before = [...worker.kv.values.keys()];
    worker.kv.fault = (method) => (method === "PUT" ? fault : undefined);
    const answer = await timed(send);
    worker.kv.fault = () => undefined;
    isUnavailable(answer, name);
    assert.doesNotMatch(answer.body, /client_secret/);
    const [line] = await failures(1);
    assert.match(line.reason, reason);
    t.diagnostic(`registration: 503 in ${answer.ms} ms | ${line.reason}`);
    assert.deepEqual([...worker.kv.values.keys()], before);
    const { status, body } = await timed(send);
    assert.equal(status, 201);
    const { client_id, client_secret } = JSON.parse(body);
    assert.equal((await worker.token(client_id, client_secret)).status, 200);
  });
}

test("storage that takes 2 s for every call: an answer within 5 s, and nothing is lost", async (t) => {
  clock += 40;
  await set({ clock });
  const all = await requests();
  clock += 40;
  await set({ clock, slow: 2000 });
  worker.kv.fault = () => ({ delay: 2000 });
  const names = Object.keys(all);
  const answers = await Promise.all(names.map(async (name) => {
    const began = performance.now();
    const response = await all[name][0]();
    return { name, response, status: response.status, body: await response.text(), ms: Math.round(performance.now() - began) };
  }));
  worker.kv.fault = () => undefined;
  await set({ slow: 0 });
  for (const { name, status, ms } of answers) t.diagnostic(`${name}: ${status} in ${ms} ms`);
  for (const answer of answers) {
    assert.ok(answer.ms < 5000, `${answer.name}: ${answer.ms} ms`);
    if (answer.status !== all[answer.name][1]) isUnavailable(answer, answer.name);
  }
  // A refresh whose answer was lost is retried; a lost answer to a code costs a new authorization.
  const [retried, again] = [await timed(all["token, refresh_token"][0]), await timed(all["token, refresh_token"][0])];
  assert.deepEqual([retried.status, again.status], [200, 200]);
  assert.equal(JSON.parse(retried.body).refresh_token, JSON.parse(again.body).refresh_token);
  assert.equal((await redeem(people, await code(people))).status, 200);
});

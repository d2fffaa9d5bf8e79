// A clock that steps back, by seconds, an hour or a year, and then goes on: nothing is issued twice,
// nothing breaks, and what was good is good again.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertion, newKey, proof, registerWithKey } from "./keys.mjs";
import { code, post, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { CLOCK } from "./shims.mjs";
import { basic, register, registerIn, start, tool } from "./worker.mjs";

/** The clock stands where the header `clock` last set it. */
const MAIN = `${CLOCK}
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  export default class extends worker {
    fetch(request) {
      if (request.headers.has("clock")) setClock(request.headers.get("clock"));
      return super.fetch(request);
    }
  };
`;

const YEAR = 365 * 24 * 3600;
const NOW = Math.floor(Date.now() / 1000);

let worker;
let people;
let keyed;
let holder;
let newcomer;

before(async () => {
  const { keys: [key] } = tool("key", "generate", "--print");
  worker = await start({
    main: MAIN,
    // The realm `default` has a key for all these years, the realm `young` one that begins now.
    bindings: {
      SIGNING_KEYS: JSON.stringify({ keys: [{ ...key, nbf: NOW - 3 * YEAR, exp: NOW + 3 * YEAR }] }),
      YOUNG: JSON.stringify({ keys: tool("key", "generate", "--print").keys.map((key) => ({ ...key, nbf: NOW })) }),
    },
    realm: () => ({ ...withPeople, refresh_token_grace: 0 }),
    realms: (url) => ({ young: { issuer: `${url}/realms/young`, signing_keys: ["YOUNG"] } }),
  });
  people = await registerPeople(worker);
  keyed = await registerWithKey(worker);
  holder = { ...(await register(worker)), ...(await newKey()) };
  newcomer = await registerIn(worker, "young");
});
after(() => worker.stop());

const set = (clock) => fetch(worker.url, { headers: { clock: String(clock) } });

const own = (members, headers) => fetch(`${worker.url}/token`, {
  method: "POST", headers, body: new URLSearchParams({ grant_type: "client_credentials", ...members }),
});
const withProof = (dpop) => own({}, { authorization: basic(holder.client_id, holder.client_secret), dpop });

async function freshProof(clock) {
  const htu = `${worker.url}/token`;
  const nonce = (await withProof(await proof(holder, htu, undefined, { iat: clock }))).headers.get("dpop-nonce");
  return proof(holder, htu, nonce, { iat: clock });
}

const freshAssertion = (clock) => assertion(keyed, worker.issuer, { iat: clock, exp: clock + 60 });

const status = async (sent) => (await sent).status;

for (const [name, back] of [["5 seconds", 5], ["an hour", 3600], ["a year", YEAR]]) {
  test(`the clock steps back by ${name}`, async (t) => {
    const began = Date.now();
    await set(NOW);
    const machine = { base: people.base, app: await register(worker) };
    const issue = async () => (await (await post(machine, "/token", { grant_type: "client_credentials" })).json()).access_token;
    const isActive = async (token) => (await (await post(machine, "/introspect", { token })).json()).active;
    const [one, form, dpop] = [await code(people), await freshAssertion(NOW), await freshProof(NOW)];
    const first = await (await redeem(people, one)).json();
    const second = await (await refresh(people, first.refresh_token)).json();
    assert.deepEqual([await status(own(form)), await status(withProof(dpop))], [200, 200]);
    const [token, revoked] = [await issue(), await issue()];
    assert.equal(await status(post(machine, "/revoke", { token: revoked })), 200);
    assert.deepEqual([await isActive(token), await isActive(revoked)], [true, false]);

    await set(NOW - back);
    worker.logs.length = 0;
    // Used before is used now. Whether it is told so, or that it is from the future, is the same.
    assert.equal(await status(own(form)), 401);
    assert.equal(await status(withProof(dpop)), 400);
    assert.equal(await isActive(revoked), false);
    // What is new by this clock is good.
    const now = NOW - back;
    assert.deepEqual([await status(own(await freshAssertion(now))), await status(withProof(await freshProof(now)))], [200, 200]);
    const early = await issue();
    assert.equal(JSON.parse(Buffer.from(early.split(".")[1], "base64url")).iat, now);
    assert.equal(await isActive(early), true);
    const family = await (await redeem(people, await code(people))).json();
    const next = await (await refresh(people, family.refresh_token)).json();
    assert.ok(next.refresh_token);
    // A key that has not begun does not sign, and says so.
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    const young = await fetch(`${worker.url}/realms/young/token`, { method: "POST", body,
      headers: { authorization: basic(newcomer.client_id, newcomer.client_secret) } });
    assert.equal(await status(fetch(`${worker.url}/health`)), 503);
    assert.equal(await status(fetch(`${worker.url}/realms/young/jwks`)), 200);
    assert.equal(young.status, 503);
    // The second of a family goes on; the first is a replay, and ends it.
    const third = await (await refresh(people, second.refresh_token)).json();
    assert.ok(third.refresh_token);
    assert.equal(await status(refresh(people, second.refresh_token)), 400);
    assert.equal(await status(refresh(people, third.refresh_token)), 400);
    assert.equal(await status(redeem(people, one)), 400);

    await set(NOW + 1);
    assert.deepEqual([await isActive(token), await isActive(revoked)], [true, false]);
    for (const again of [own(form), withProof(dpop), redeem(people, one), refresh(people, first.refresh_token)]) {
      assert.ok([400, 401].includes(await status(again)));
    }
    assert.equal(await status(fetch(`${worker.url}/health`)), 200);
    assert.deepEqual([await status(own(await freshAssertion(NOW + 1))), await status(withProof(await freshProof(NOW + 1)))], [200, 200]);
    // A refresh token that was not used for an hour by this clock has ended.
    assert.equal(await status(refresh(people, next.refresh_token)), back < 60 ? 200 : 400);
    const kinds = Object.groupBy(worker.logs.map((line) => JSON.parse(line)), ({ outcome }) => outcome);
    t.diagnostic(JSON.stringify(Object.fromEntries(Object.entries(kinds).map(([kind, { length }]) => [kind, length]))));
    for (const line of kinds.failed ?? []) assert.match(line.reason, /has no key that signs/, JSON.stringify(line));
    assert.ok(Date.now() - began < 60_000);
  });
}

test("copies from the future are read anew when the clock steps back", async () => {
  await set(NOW + 7200);
  const machine = { base: people.base, app: await register(worker, "--access-token-ttl", "86400") };
  const issue = async () => (await (await post(machine, "/token", { grant_type: "client_credentials" })).json()).access_token;
  const isActive = async (token) => (await (await post(machine, "/introspect", { token })).json()).active;
  await set(NOW);
  const token = await issue();
  await set(NOW + 7200);
  assert.equal(await isActive(token), true);
  await set(NOW + 60);
  await worker.kv.put("not-before/default", JSON.stringify({ version: 1, clients: { [machine.app.client_id]: NOW + 1 } }));
  assert.equal(await isActive(token), false);
  await worker.kv.delete("not-before/default");
  await set(NOW);
  assert.equal(await isActive(token), true);
});

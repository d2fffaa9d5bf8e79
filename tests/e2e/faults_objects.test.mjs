// Durable Objects that fail, at each act that must happen exactly once: there is never a token without
// its use being recorded, never a 401, and what may be tried again can be.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertion, newKey, oldKey, proof, registerWithKey } from "./keys.mjs";
import { code, post, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { FAULTS } from "./shims.mjs";
import { basic, register, start } from "./worker.mjs";

/** What each fault does: whether the act has happened, and what the log says. */
const WHAT = {
  before: [false, /storage failed: object reset/],
  overloaded: [false, /storage failed: object reset/],
  retryable: [false, /storage failed: object reset/],
  binding: [false, /storage failed: Env does not contain binding `GRANTS`/],
  hang: [false, /did not answer/],
  after: [true, /storage failed: object reset/],
  died: [true, /storage failed: ended by the test/],
  status: [true, /storage failed: an object answered 500/],
  garbage: [true, /do not understand one another/],
};

let worker;
let people;
let keyed;
let holder;

before(async () => {
  worker = await start({ main: FAULTS, bindings: { SIGNING_KEYS: oldKey() }, realm: () => withPeople });
  people = await registerPeople(worker);
  keyed = await registerWithKey(worker);
  holder = { ...(await register(worker)), ...(await newKey()) };
});
after(() => worker.stop());

/** A client's request for a token for itself. */
const own = (members, headers) => fetch(`${worker.url}/token`, {
  method: "POST", headers, body: new URLSearchParams({ grant_type: "client_credentials", ...members }),
});

const withProof = (dpop, headers) =>
  own({}, { authorization: basic(holder.client_id, holder.client_secret), dpop, ...headers });

const error = async (response) => [response.status, (await response.json()).error];

const signIn = async () => (await redeem(people, await code(people))).json();

/**
 * Each act: what makes it ready to be sent, with the headers of a fault; whether a call that the
 * runtime calls retryable is tried again at once; and what must be so when it `happened` or did not.
 */
const ACTS = {
  "a code": {
    ready: async () => {
      const one = await code(people);
      return (headers) => redeem(people, one, headers);
    },
    then: async (send, happened) => {
      assert.deepEqual(await error(await send()), happened ? [400, "invalid_grant"] : [200, undefined]);
      assert.deepEqual(await error(await send()), [400, "invalid_grant"]);
      assert.equal((await redeem(people, await code(people))).status, 200);
    },
  },
  "a refresh token": {
    isTriedAgain: true,
    ready: async () => {
      const { refresh_token } = await signIn();
      return (headers) => refresh(people, refresh_token, headers);
    },
    then: async (send) => {
      const [first, second] = [await (await send()).json(), await (await send()).json()];
      assert.ok(first.refresh_token);
      assert.equal(first.refresh_token, second.refresh_token);
      assert.equal((await refresh(people, first.refresh_token)).status, 200);
      assert.deepEqual(await error(await send()), [400, "invalid_grant"]);
    },
  },
  "an assertion": {
    ready: async () => {
      const form = await assertion(keyed, worker.issuer);
      return (headers) => own(form, headers);
    },
    then: async (send, happened) => {
      assert.deepEqual(await error(await send()), happened ? [401, "invalid_client"] : [200, undefined]);
      assert.deepEqual(await error(await send()), [401, "invalid_client"]);
      assert.equal((await own(await assertion(keyed, worker.issuer))).status, 200);
    },
  },
  "a proof of possession": {
    ready: async () => {
      const nonce = async () => (await withProof(await proof(holder, `${worker.url}/token`))).headers.get("dpop-nonce");
      const dpop = await proof(holder, `${worker.url}/token`, await nonce());
      return (headers) => withProof(dpop, headers);
    },
    then: async (send, happened) => {
      assert.deepEqual(await error(await send()), happened ? [400, "invalid_dpop_proof"] : [200, undefined]);
      assert.deepEqual(await error(await send()), [400, "invalid_dpop_proof"]);
    },
  },
  "the revocation of a refresh token": {
    isTriedAgain: true,
    ready: async () => {
      const { refresh_token } = await signIn();
      return Object.assign((headers) => post(people, "/revoke", { token: refresh_token }, headers), { refresh_token });
    },
    then: async (send) => {
      assert.equal((await send()).status, 200);
      assert.deepEqual(await error(await refresh(people, send.refresh_token)), [400, "invalid_grant"]);
    },
  },
  "the revocation of an access token": {
    ready: async () => {
      const { access_token } = await signIn();
      return Object.assign((headers) => post(people, "/revoke", { token: access_token }, headers), { access_token });
    },
    then: async (send, happened) => {
      const isActive = async () => (await (await post(people, "/introspect", { token: send.access_token })).json()).active;
      assert.equal(await isActive(), !happened);
      assert.equal((await send()).status, 200);
      assert.equal(await isActive(), false);
    },
  },
};

for (const [act, { ready, then, isTriedAgain = false }] of Object.entries(ACTS)) {
  for (const [fault, [happened, reason]] of Object.entries(WHAT)) {
    test(`${act}: ${fault}`, async (t) => {
      const send = await ready();
      worker.logs.length = 0;
      const began = performance.now();
      const response = await send({ fault });
      const ms = Math.round(performance.now() - began);
      assert.ok(ms < 5000, `${ms} ms`);
      const body = await response.json();
      if (fault === "retryable" && isTriedAgain) {
        t.diagnostic(`${response.status} in ${ms} ms`);
        assert.equal(response.status, 200);
        return then(send, true);
      }
      assert.deepEqual([response.status, body.error], [503, "temporarily_unavailable"]);
      assert.ok(Number(response.headers.get("retry-after")) > 0);
      assert.equal(response.headers.get("www-authenticate"), null);
      const line = await worker.line(({ outcome }) => outcome === "failed");
      assert.equal(line.level, "error");
      assert.match(line.reason, reason);
      t.diagnostic(`${response.status} in ${ms} ms | ${line.reason}`);
      await then(send, happened);
    });
  }
}

test("codes and refresh tokens that somebody made up ask no object", async () => {
  const failing = { fault: "before" };
  const held = [[redeem, await code(people)], [refresh, (await signIn()).refresh_token]];
  for (const [send, text] of held) {
    assert.equal((await send(people, text, failing)).status, 503);
    // Of its family's id the first, the last before the tag, and the tag's first and last.
    for (const at of [0, 11, 12, 15]) {
      const octets = Buffer.from(text, "base64url");
      octets[at] ^= 1;
      assert.deepEqual(await error(await send(people, octets.toString("base64url"), failing)), [400, "invalid_grant"]);
    }
  }
});

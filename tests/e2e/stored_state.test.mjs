// What a real object does with what another version of the service stored, and when its alarm rings too
// early: nothing is lost, and nothing goes on that this version does not understand.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { now, oldKey } from "./keys.mjs";
import { code, objectOf, post, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { CLOCK } from "./shims.mjs";
import { start } from "./worker.mjs";

/**
 * Before the worker's own module: a request with the header `object` goes to the object of that name.
 * There `/put` stores the members of its body, `/ring` rings its alarm, and both tell what is stored.
 */
const MAIN = `${CLOCK}
  import worker, { GrantStore as Store } from "./index.js";
  export class GrantStore extends Store {
    constructor(ctx, env) {
      super(ctx, env);
      this.context = ctx;
    }
    async fetch(request) {
      const { storage } = this.context;
      const { pathname } = new URL(request.url);
      if (!["/put", "/ring"].includes(pathname)) return super.fetch(request);
      if (pathname === "/put") await storage.put(await request.json());
      if (pathname === "/ring") await super.alarm();
      return Response.json({ stored: Object.fromEntries(await storage.list()), alarm: await storage.getAlarm() });
    }
  }
  export default class extends worker {
    constructor(ctx, env) {
      super(ctx, env);
      this.grants = env.GRANTS;
    }
    fetch(request) {
      const { headers } = request;
      setClock(headers.get("clock"));
      if (!headers.has("object")) return super.fetch(request);
      return this.grants.getByName(headers.get("object")).fetch(request);
    }
  };
`;

let worker;
let people;

before(async () => {
  worker = await start({ main: MAIN, bindings: { SIGNING_KEYS: oldKey() }, realm: () => withPeople });
  people = await registerPeople(worker);
});
after(() => worker.stop());

async function ask(path, object, at, body = {}) {
  const headers = { object, clock: String(at) };
  return (await fetch(worker.url + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

/** Rings the alarm of an object. */
const ring = (object, at) => ask("/ring", object, at);
/** Stores members in an object, as another version does. */
const put = (object, members) => ask("/put", object, now(), members);

const tokens = async () => (await redeem(people, await code(people))).json();
const introspect = (token) => post(people, "/introspect", { token });

/** Asserts that an answer is a 503 and that the log says why. */
async function isUnavailable(asked, why) {
  const before = worker.logs.length;
  const response = await asked();
  assert.deepEqual([response.status, (await response.json()).error], [503, "temporarily_unavailable"]);
  for (let waited = 0; waited < 50; waited += 1) {
    if (worker.logs.slice(before).some((line) => why.test(line))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${why}: ${worker.logs.slice(before).join("\n")}`);
}

/** The object of a revoked access token, and when it may forget. */
function recordOf(token) {
  const { jti, exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  const name = createHash("sha256").update(["default", "token", "", jti].join("\0")).digest("base64url");
  return { name, until: exp + 60 };
}

test("an alarm that rings early forgets no revoked token", async () => {
  const { access_token: token } = await tokens();
  assert.equal((await post(people, "/revoke", { token })).status, 200);
  const { name, until } = recordOf(token);
  const kept = { stored: { used_until: String(until) }, alarm: until * 1000 };
  for (const at of [until - 300, until - 1]) assert.deepEqual(await ring(name, at), kept);
  assert.deepEqual(await (await introspect(token)).json(), { active: false });
  assert.deepEqual(await ring(name, until), { stored: {}, alarm: null });
});

test("an alarm that rings early ends no family", async () => {
  const { refresh_token } = await tokens();
  const object = `default/${objectOf(refresh_token)}`;
  const { stored, alarm } = await ring(object, now());
  assert.equal(JSON.parse(stored.family).format, 1);
  assert.ok(alarm > Date.now() + 60_000, String(alarm));
  assert.equal((await refresh(people, refresh_token)).status, 200);
  assert.deepEqual(await ring(object, now() + 40_000_000), { stored: {}, alarm: null });
});

test("a family of a later format is a 503, outlives its alarm, and goes on with the version that knows it", async () => {
  const { refresh_token } = await tokens();
  const object = `default/${objectOf(refresh_token)}`;
  const { stored: { family } } = await ring(object, now());
  const later = JSON.stringify({ ...JSON.parse(family), format: 2 });
  await put(object, { family: later });
  await isUnavailable(() => refresh(people, refresh_token), /a family of format 2, which only a later version/);
  await isUnavailable(() => introspect(refresh_token), /a family of format 2/);
  const at = now() + 40_000_000;
  assert.deepEqual(await ring(object, at), { stored: { family: later }, alarm: (at + 24 * 60 * 60) * 1000 });
  await put(object, { family });
  assert.equal((await refresh(people, refresh_token)).status, 200);
});

test("a family that says no format, as the first versions wrote them, goes on", async () => {
  const { refresh_token } = await tokens();
  const object = `default/${objectOf(refresh_token)}`;
  const { stored } = await ring(object, now());
  const { format, begun_at, ...plain } = JSON.parse(stored.family);
  assert.ok(format === 1 && begun_at > 0, stored.family);
  await put(object, { family: JSON.stringify(plain) });
  assert.equal((await refresh(people, refresh_token)).status, 200);
});

test("a replay record of a later format is a 503 and outlives its alarm", async () => {
  const { access_token: token } = await tokens();
  const { name, until } = recordOf(token);
  for (const [used_until, why] of [
    [JSON.stringify({ format: 2, until }), /a replay record of format 2, which only a later version/],
    ["soon", /a replay record that is of no format/],
  ]) {
    await put(name, { used_until });
    await isUnavailable(() => introspect(token), why);
    await isUnavailable(() => post(people, "/revoke", { token }), why);
    const at = until + 1000;
    assert.deepEqual(await ring(name, at), { stored: { used_until }, alarm: (at + 24 * 60 * 60) * 1000 });
  }
});

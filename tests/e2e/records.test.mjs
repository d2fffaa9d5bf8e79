// Client records that change under a warm isolate, over HTTP: what a record has by now is allowed at
// once, although the isolate has an older one in its cache, and refusals do not read as often as they
// come.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serve } from "./workerd.mjs";
import { basic, register } from "./worker.mjs";

let worker;
let reads = 0;

before(async () => {
  worker = await serve({ realm: () => ({ client_max_age: 60, scopes: "read write admin" }) });
  worker.kv.fault = (method, key) => {
    if (method === "GET" && key.startsWith("client/")) reads += 1;
  };
});
after(() => worker.stop());

/** Changes a record where it is stored, as the tool would. */
function change(id, members) {
  const key = `client/default/${id}`;
  const record = JSON.parse(worker.kv.values.get(key));
  worker.kv.values.set(key, JSON.stringify({ ...record, ...members }));
}

const ask = (app, form, endpoint = "token") => fetch(`${worker.issuer}/${endpoint}`, {
  method: "POST",
  headers: { authorization: basic(app.client_id, app.client_secret) },
  body: new URLSearchParams(endpoint === "token" ? { grant_type: "client_credentials", ...form } : form),
});

test("a scope, an audience, a resource and a grant are allowed at once", async () => {
  const app = await register(worker, "--client-id", "app");
  const first = await ask(app, {});
  assert.equal(first.status, 200);
  const { access_token } = await first.json();
  for (const [members, form] of [
    [{ scope: "read write admin" }, { scope: "admin" }],
    [{ audience: ["urn:a"] }, { audience: "urn:a" }],
    [{ audience: ["urn:a", "urn:b"] }, { resource: "urn:b" }],
  ]) {
    assert.equal((await ask(app, form)).status, 400);
    change("app", members);
    const answer = await ask(app, form);
    assert.equal(answer.status, 200, JSON.stringify(members));
  }
  // A record that says no more may be used from the cache.
  change("app", { grant_types: [] });
  assert.equal((await ask(app, {})).status, 200);

  const other = await register(worker, "--client-id", "other");
  const { active } = await (await ask(other, { token: access_token }, "introspect")).json();
  assert.equal(active, false);
  change("other", { resources: [worker.issuer] });
  change("app", { disabled: false });
  const told = await (await ask(other, { token: access_token }, "introspect")).json();
  assert.equal(told.active, true);
});

test("a thousand refusals at once read ten times, and once for each second that they take", async () => {
  const app = await register(worker, "--client-id", "busy");
  assert.equal((await ask(app, {})).status, 200);
  const [before, began] = [reads, Date.now()];
  for (let sent = 0; sent < 1000; sent += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(app, { scope: "nothing" })));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400]);
  }
  const seconds = Math.ceil((Date.now() - began) / 1000) + 1;
  console.log(`reads for 1,000 refusals: ${reads - before} in ${seconds} s`);
  assert.ok(reads - before >= 10 && reads - before <= 10 + seconds, `${reads - before} in ${seconds} s`);
});

test("two secrets within a second: each is good at once", async () => {
  const app = await register(worker, "--client-id", "rotated");
  const record = worker.kv.values.get("client/default/rotated");
  assert.equal((await ask(app, {})).status, 200);
  for (let round = 0; round < 3; round += 1) {
    const next = await register(worker, "--client-id", `next-${round}`);
    const { secrets } = JSON.parse(worker.kv.values.get(`client/default/next-${round}`));
    // The same moment in each: a version in seconds would not tell them apart.
    worker.kv.values.set("client/default/rotated", JSON.stringify({ ...JSON.parse(record), secrets }));
    const answer = await ask({ ...next, client_id: "rotated" }, {});
    assert.equal(answer.status, 200, `${round}`);
  }
});

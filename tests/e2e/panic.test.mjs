// A panic, in a build that panics on demand: what the request gets, what becomes of the others that are
// in flight in the same isolate, and that the service goes on.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { code, redeem, refresh, registerPeople, withPeople } from "./people.mjs";
import { register, start } from "./worker.mjs";

const MESSAGE = "a request to /panic-on-demand";
const PATHS = ["/panic-on-demand", "/panic-on-demand/later"];
const build = new URL("../../target/panic/", import.meta.url);

/**
 * A module before the worker's own. The header `kv` says how many milliseconds a read of KV takes,
 * `call` those before a message to an object, `answer` those after its answer. The header `stored` says
 * those that an object waits after it has stored something.
 */
const SLOW = `
  import worker, { GrantStore as Store } from "./index.js";
  const wait = (ms) => ms && new Promise((resolve) => setTimeout(resolve, Number(ms)));
  let stored;
  export class GrantStore extends Store {
    constructor(ctx, env) {
      const put = ctx.storage.put.bind(ctx.storage);
      ctx.storage.put = async (...args) => {
        await put(...args);
        await ctx.storage.sync();
        await wait(stored);
      };
      super(ctx, env);
    }
  }
  export default class extends worker {
    constructor(ctx, env) {
      let slow = new Map();
      const get = async (...args) => {
        await wait(slow.get("kv"));
        return env.CLIENTS.get(...args);
      };
      const object = (name) => ({
        fetch: async (request) => {
          await wait(slow.get("call"));
          const answer = await env.GRANTS.getByName(name).fetch(request);
          await wait(slow.get("answer"));
          return answer;
        },
      });
      const idFromName = (name) => env.GRANTS.idFromName(name);
      const grants = { constructor: { name: "DurableObjectNamespace" }, idFromName, getByName: object };
      super(ctx, { ...env, CLIENTS: { get }, GRANTS: grants });
      this.slow = (headers) => { slow = headers; };
    }
    fetch(request) {
      stored = request.headers.get("stored");
      this.slow(request.headers);
      return super.fetch(request);
    }
  };
`;

let worker;
let client;
let people;

before(async () => {
  assert.ok(existsSync(new URL("index.js", build)), "make target/panic/index.js builds it");
  worker = await start({ build, main: SLOW, realm: () => ({ ...withPeople, refresh_token_grace: 10 }) });
  client = await register(worker);
  people = await registerPeople(worker);
});
after(() => worker.stop());

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a request got: its status, how long it took, and its body. */
async function timed(send) {
  const began = performance.now();
  const answered = send().then(async (response) => ({ status: response.status, body: await response.text() }));
  const answer = await Promise.race([answered, sleep(5000).then(() => ({ status: "no answer", body: "" }))]);
  const ms = Math.round(performance.now() - began);
  assert.ok(ms < 5000, `${answer.status} in ${ms} ms`);
  return { ...answer, ms };
}

const token = (headers) => worker.token(client.client_id, client.client_secret, {}, headers);
const panic = (path) => timed(() => fetch(worker.url + path));

/** Asserts that a token is good. */
async function verify({ status, body }) {
  assert.equal(status, 200, body);
  const keys = createRemoteJWKSet(new URL(`${worker.issuer}/jwks`));
  await jwtVerify(JSON.parse(body).access_token, keys, { issuer: worker.issuer, typ: "at+jwt" });
}

const worst = (answers) => Math.max(...answers.map(({ ms }) => ms));

/** Asserts that a request that died with the others got an error of the runtime, or else a good answer. */
async function diedOrVerifies(answer) {
  if (answer.status === 200) return verify(answer);
  assert.ok(answer.status === 500 || answer.status === 503, `${answer.status} ${answer.body}`);
  assert.doesNotMatch(answer.body, /access_token|eyJ/);
}

for (const path of PATHS) {
  for (const kv of [300, 1500]) {
    test(`20 requests are in flight, in ${kv} ms reads of KV, and one to ${path} panics`, async (t) => {
      await verify(await timed(() => token()));
      const flying = Array.from({ length: 20 }, () => timed(() => token({ kv: String(kv) })));
      await sleep(100);
      const panicked = await panic(path);
      assert.equal(panicked.status, 500);
      assert.doesNotMatch(panicked.body, new RegExp(MESSAGE));
      const next = await timed(() => token());
      await verify(next);
      const answers = await Promise.all(flying);
      for (const answer of answers) await diedOrVerifies(answer);
      const by = Object.groupBy(answers, ({ status }) => status);
      const told = Object.entries(by).map(([status, all]) => `${all.length} got ${status} in at most ${worst(all)} ms`);
      t.diagnostic(`the one got ${panicked.status} in ${panicked.ms} ms: ${panicked.body.slice(0, 90)}`);
      t.diagnostic(`the others: ${told.join(", ")}; the next got 200 in ${next.ms} ms`);
      await verify(await timed(() => token()));
    });
  }
}

test("50 panics in a row, with good requests between and beside them", async (t) => {
  const good = [];
  for (let times = 0; times < 50; times += 1) {
    const [panicked, beside] = await Promise.all([panic(PATHS[times % 2]), timed(() => token())]);
    assert.equal(panicked.status, 500);
    await diedOrVerifies(beside);
    const next = await timed(() => token());
    await verify(next);
    good.push(beside, next);
  }
  const by = Object.groupBy(good, ({ status }) => status);
  const told = Object.entries(by).map(([status, all]) => `${all.length} got ${status} in at most ${worst(all)} ms`);
  t.diagnostic(`of the good ones ${told.join(", ")}`);
  const panics = worker.logs.filter((line) => line.includes(MESSAGE));
  t.diagnostic(`${panics.length} lines of the log tell of panics: ${panics[0].split("\n").slice(0, 2).join(" ")}`);
  assert.ok(panics.length >= 50);
});

/** What a token or code of a family gets while a request panics. */
async function whilePanicking(send, headers, path) {
  const flying = timed(() => send(headers));
  await sleep(150);
  assert.equal((await panic(path)).status, 500);
  const answer = await flying;
  assert.ok(answer.status === 500 || answer.status === 503, `${answer.status} ${answer.body}`);
  return answer;
}

for (const [when, headers] of [
  ["before its object is asked", { call: "400" }],
  ["while its object has stored the use and not yet answered", { stored: "400" }],
  ["after its object has answered", { answer: "400" }],
]) {
  test(`a panic ${when}: a refresh can be retried, and a code is good once at most`, async (t) => {
    for (const path of PATHS) {
      const { refresh_token } = JSON.parse((await timed(async () => redeem(people, await code(people)))).body);
      const died = await whilePanicking((headers) => refresh(people, refresh_token, headers), headers, path);
      const retried = [await timed(() => refresh(people, refresh_token)), await timed(() => refresh(people, refresh_token))];
      const successors = retried.map(({ status, body }) => {
        assert.equal(status, 200, body);
        return JSON.parse(body).refresh_token;
      });
      assert.equal(new Set(successors).size, 1);
      await verify(await timed(() => refresh(people, successors[0])));

      const one = await code(people);
      const lost = await whilePanicking((headers) => redeem(people, one, headers), headers, path);
      const again = await timed(() => redeem(people, one));
      assert.deepEqual([again.status, JSON.parse(again.body).error], [400, "invalid_grant"]);
      await verify(await timed(async () => redeem(people, await code(people))));
      t.diagnostic(`${path}: refresh ${died.status} in ${died.ms} ms, then one successor; `
        + `code ${lost.status} in ${lost.ms} ms, then ${again.status}`);
    }
  });
}

test("what is deployed has no such path", async () => {
  const wasm = (folder) => readFileSync(new URL("index_bg.wasm", folder));
  assert.ok(wasm(build).includes(MESSAGE));
  assert.ok(!wasm(new URL("../../build/", import.meta.url)).includes("panic-on-demand"));
  const deployed = await start();
  try {
    for (const path of PATHS) assert.equal((await fetch(deployed.url + path)).status, 404);
  } finally {
    await deployed.stop();
  }
});

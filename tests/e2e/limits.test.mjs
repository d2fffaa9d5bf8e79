// The brakes on the built wasm: rate-limit bindings as the platform has them, and ones that break.

import assert from "node:assert/strict";
import { test } from "node:test";
import { register, start } from "./worker.mjs";

const from = (address) => ({ "cf-connecting-ip": address });

/** Asks until it is too much, which is after `limit` answers of another status, or twice as many if the
 * period ended meanwhile. */
async function assertLimit(limit, status, send) {
  let response = await send();
  let count = 0;
  for (; response.status !== 429 && count <= 2 * limit; count += 1) {
    assert.equal(response.status, status);
    response = await send();
  }
  assert.ok(count >= limit && count <= 2 * limit, `${count} answers of ${status}`);
  assert.equal(response.headers.get("retry-after"), "60");
  assert.equal(response.headers.get("www-authenticate"), null);
  assert.deepEqual(await response.json(), {
    error: "temporarily_unavailable",
    error_description: "Too many requests; try again later.",
  });
}

test("a fleet behind an address goes on while one of it fails", async () => {
  const worker = await start({ limits: { FAILURE_LIMITER: 10 } });
  try {
    const fleet = Array.from({ length: 4 }, (_, index) => register(worker, "--client-id", `machine-${index}`));
    const machines = await Promise.all(fleet);
    const wrong = () => worker.token("machine-0", "wrong", {}, from("192.0.2.1"));
    await assertLimit(10, 401, wrong);
    const line = await worker.line((line) => line.status === 429);
    assert.match(line.reason, /^over the address's limit of failed authentications: wrong secret$/);
    // 200 good ones at the same time from that address, each of them served.
    const good = await Promise.all(Array.from({ length: 200 }, (_, index) => {
      const { client_id, client_secret } = machines[index % machines.length];
      return worker.token(client_id, client_secret, {}, from("192.0.2.1"));
    }));
    assert.deepEqual([...new Set(good.map(({ status }) => status))], [200]);
    assert.equal((await worker.token("machine-0", "wrong", {}, from("192.0.2.2"))).status, 401);
  } finally {
    await worker.stop();
  }
});

test("a client has a limit of its own", async () => {
  const worker = await start({ limits: { RATE_LIMITER: 20 } });
  try {
    const app = await register(worker, "--client-id", "app");
    const other = await register(worker, "--client-id", "other");
    for (let count = 0; count < 30; count += 1) assert.equal((await worker.token("app", "wrong")).status, 401);
    await assertLimit(20, 200, () => worker.token("app", app.client_secret));
    assert.equal((await worker.token("other", other.client_secret)).status, 200);
  } finally {
    await worker.stop();
  }
});

/** A module before the worker's own whose limiters do what the header `fault` says. */
const FAULTS = `
  import worker from "./index.js";
  const faults = {
    throw: () => { throw new Error("limiter broke"); },
    reject: async () => { throw new Error("limiter broke"); },
    hang: () => new Promise(() => {}),
    garbage: async () => "yes",
    nothing: async () => undefined,
  };
  export default class extends worker {
    constructor(ctx, env) {
      let fault;
      const limiter = { limit: (asked) => faults[fault](asked) };
      super(ctx, { ...env, RATE_LIMITER: limiter, FAILURE_LIMITER: limiter });
      this.setFault = (name) => { fault = name; };
    }
    fetch(request) {
      this.setFault(request.headers.get("fault"));
      return super.fetch(request);
    }
  };
`;

test("limiters that fail, hang or answer garbage hold up nobody", async () => {
  const worker = await start({ main: FAULTS });
  try {
    const { client_secret } = await register(worker, "--client-id", "app");
    for (const [fault, said] of [
      ["throw", "limiter broke"],
      ["reject", "limiter broke"],
      ["hang", "did not answer in time"],
      ["garbage", "gave no answer"],
      ["nothing", "gave no answer"],
    ]) {
      for (const [secret, status, limiter] of [[client_secret, 200, "Rate"], ["wrong", 401, "Failure"]]) {
        worker.logs.length = 0;
        const began = Date.now();
        const response = await worker.token("app", secret, {}, { fault });
        const took = Date.now() - began;
        assert.equal(response.status, status, `${fault}: ${limiter}`);
        assert.ok(took < 2000, `${fault}: ${took} ms`);
        const line = await worker.line((line) => line.limiter_error?.startsWith(limiter));
        assert.equal(line.level, "warning");
        assert.ok(line.limiter_error.includes(said), line.limiter_error);
      }
    }
  } finally {
    await worker.stop();
  }
});

test("a header with too many fields, or too long a one", async () => {
  const worker = await start();
  try {
    const { client_secret } = await register(worker, "--client-id", "app");
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, "1"]));
    for (const [headers, status] of [
      [{ "x-1": "1", "x-2": "2" }, 200],
      [many, 431],
      [{ cookie: "c".repeat(15_000) }, 200],
      [{ cookie: "c".repeat(16_385) }, 431],
    ]) {
      assert.equal((await worker.token("app", client_secret, {}, headers)).status, status);
    }
    const ray = { "cf-ray": "8f1a2b3c4d5e6f70-AMS" };
    assert.equal((await worker.token("app", client_secret, {}, ray)).status, 200);
    const line = await worker.line((line) => line.ray_id === "8f1a2b3c4d5e6f70");
    assert.equal(line.colo, "AMS");
  } finally {
    await worker.stop();
  }
});

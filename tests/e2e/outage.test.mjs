// An outage of KV on the built wasm: who goes on, for how long a request waits, and what the log says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { CLOCK } from "./shims.mjs";
import { register, start } from "./worker.mjs";

/** A module before the worker's own: the header `fault` says what KV does, `clock` what the time is. */
const OUTAGE = `${CLOCK}
  import worker from "./index.js";
  export default class extends worker {
    constructor(ctx, env) {
      let fault;
      let reads = 0;
      const faults = {
        reject: async () => { throw new Error("KV GET failed: 503 Service Unavailable"); },
        hang: () => new Promise(() => {}),
      };
      super(ctx, { ...env, CLIENTS: { get: (...args) => {
        reads += 1;
        return fault ? faults[fault]() : env.CLIENTS.get(...args);
      } } });
      this.begin = (name) => { fault = name; reads = 0; };
      this.reads = () => reads;
    }
    async fetch(request) {
      startClock(request.headers.get("clock"));
      this.begin(request.headers.get("fault"));
      const response = await super.fetch(request);
      const headers = new Headers(response.headers);
      headers.set("reads", this.reads());
      return new Response(response.body, { status: response.status, headers });
    }
  };
`;

test("a realm that says so goes on to serve whom it knows, and says how old that is", async () => {
  const realms = (url) => ({ strict: { issuer: `${url}/realms/strict` } });
  const worker = await start({ main: OUTAGE, realm: () => ({ stale_if_error: 300 }), realms });
  try {
    const { client_secret } = await register(worker, "--client-id", "app");
    const now = Math.floor(Date.now() / 1000);
    const keys = createRemoteJWKSet(new URL(`${worker.issuer}/jwks`));
    const ask = async (second, fault, secret = client_secret, id = "app") => {
      worker.logs.length = 0;
      const began = Date.now();
      const headers = { clock: String(now + second), ...(fault && { fault }) };
      const response = await worker.token(id, secret, {}, headers);
      const took = Date.now() - began;
      assert.ok(took < 5000, `${took} ms`);
      return { status: response.status, reads: Number(response.headers.get("reads")), took, body: await response.json() };
    };
    assert.equal((await ask(0)).status, 200);
    for (const [second, fault, status, reads] of [
      [10, "reject", 200, 1],
      // Storage that failed is left alone for 5 s: nobody waits for it meanwhile.
      [14, "reject", 200, 0],
      [15, "hang", 200, 1],
      [16, "hang", 200, 0],
      [299, "reject", 200, 1],
      [310, "reject", 503, 1],
    ]) {
      const answer = await ask(second, fault);
      assert.equal(answer.status, status, `${second} ${fault}`);
      assert.equal(answer.reads, reads, `${second} ${fault}`);
      assert.ok(reads === 1 && fault === "hang" ? answer.took >= 2900 : answer.took < 2000, `${answer.took} ms`);
      if (status === 200) {
        const { payload } = await jwtVerify(answer.body.access_token, keys, {
          issuer: worker.issuer, currentDate: new Date((now + second) * 1000),
        });
        assert.equal(payload.client_id, "app");
        const line = await worker.line((line) => line.outcome === "issued");
        assert.equal(line.record_age, second);
        assert.equal(line.level, "warning");
        if (reads) assert.match(line.storage_error, fault === "hang" ? /in time/ : /KV GET failed: 503/);
      }
    }
    assert.equal((await ask(20, "reject", "wrong")).status, 401);
    assert.equal((await ask(20, "reject", "wrong", "nobody")).status, 503);
    // It is over: the record is read anew.
    const after = await ask(330);
    assert.deepEqual([after.status, after.reads], [200, 1]);
    assert.equal((await worker.line((line) => line.outcome === "issued")).record_age, undefined);
  } finally {
    await worker.stop();
  }
});

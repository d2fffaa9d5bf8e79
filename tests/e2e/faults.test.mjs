// What storage and configuration can do to the built wasm: never a 401, never a token, and the
// next good request succeeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { register, start } from "./worker.mjs";

/** A module before the worker's own whose KV reads do what the header `fault` says. */
const FAULTS = `
  import worker from "./index.js";
  const faults = {
    throw: () => { throw new Error("KV GET failed: 500 Internal Server Error"); },
    reject: async () => { throw new Error("KV GET failed: 503 Service Unavailable"); },
    hang: () => new Promise(() => {}),
    garbage: async () => "<html>",
    empty: async () => "",
  };
  export default class extends worker {
    constructor(ctx, env) {
      const kv = env.CLIENTS;
      let fault;
      super(ctx, { ...env, CLIENTS: {
        get: (...args) => fault ? faults[fault]() : kv.get(...args),
        getWithMetadata: () => { throw new Error("not used"); },
        put: () => { throw new Error("nothing writes"); },
        list: () => { throw new Error("nothing lists"); },
        delete: () => { throw new Error("nothing deletes"); },
      } });
      this.setFault = (name) => { fault = name; };
    }
    fetch(request) {
      this.setFault(request.headers.get("fault"));
      return super.fetch(request);
    }
  };
`;

async function unavailable(response, worker, reason) {
  assert.equal(response.status, 503, reason);
  assert.ok(Number(response.headers.get("retry-after")) > 0);
  assert.equal(response.headers.get("www-authenticate"), null);
  assert.equal((await response.json()).error, "temporarily_unavailable");
  const line = await worker.line((line) => line.outcome === "failed" && line.reason.includes(reason));
  assert.equal(line.level, "error");
}

test("KV that fails, hangs or answers garbage", async () => {
  const worker = await start({ main: FAULTS });
  try {
    const { client_secret } = await register(worker, "--client-id", "app");
    for (const [fault, reason] of [
      ["throw", "KV GET failed: 500"],
      ["reject", "KV GET failed: 503"],
      ["garbage", "unusable record at key `client/default/app`"],
      ["empty", "unusable record at key `client/default/app`"],
      ["hang", "did not answer in time"],
    ]) {
      worker.logs.length = 0;
      const began = Date.now();
      await unavailable(await worker.token("app", client_secret, {}, { fault }), worker, reason);
      const took = Date.now() - began;
      assert.ok(fault === "hang" ? took >= 2900 && took < 4500 : took < 2900, `${fault}: ${took} ms`);
      assert.equal((await worker.token("app", client_secret)).status, 200, `after ${fault}`);
    }
  } finally {
    await worker.stop();
  }
});

test("bindings that are missing or malformed", async () => {
  for (const [bindings, reason] of [
    [{ SIGNING_KEYS: undefined }, "upload secret SIGNING_KEYS"],
    [{ SIGNING_KEYS: "" }, "secret SIGNING_KEYS: not a JSON object"],
    [{ SIGNING_KEYS: "{\"keys\":[" }, "secret SIGNING_KEYS: not a JSON object"],
    [{ SIGNING_KEYS_NEXT: "half" }, "secret SIGNING_KEYS_NEXT: not a JSON object"],
    [{ REALMS: undefined }, "no realm is configured"],
    [{ REALMS: 7 }, "variable REALMS: not a JSON object"],
    [{ REALMS: { default: { issuer: "http://auth.example/realms/default" } } }, "https, or http on loopback"],
  ]) {
    const worker = await start({ bindings });
    try {
      await unavailable(await worker.token("app", "x"), worker, reason);
      await unavailable(await fetch(`${worker.url}/health`), worker, reason);
      await unavailable(await fetch(`${worker.url}/.well-known/jwks.json`), worker, reason);
    } finally {
      await worker.stop();
    }
  }
});

test("the demo's http issuer is not served under another host", async () => {
  const worker = await start();
  try {
    for (const [host, status] of [["127.0.0.1", 200], ["localhost", 200], ["auth.example", 503]]) {
      const { request } = await import("node:http");
      const { port } = new URL(worker.url);
      const answer = await new Promise((resolve, reject) => {
        request({ host: "127.0.0.1", port, path: "/health", headers: { host } }, resolve)
          .on("error", reject).end();
      });
      answer.resume();
      assert.equal(answer.statusCode, status, host);
    }
  } finally {
    await worker.stop();
  }
});

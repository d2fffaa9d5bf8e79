// What storage and configuration can do to the built wasm: never a 401, never a token, and the
// next good request succeeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { register, registerIn, start, tool } from "./worker.mjs";

/** A module before the worker's own whose KV reads do what the header `fault` says. */
const FAULTS = `
  import worker from "./index.js";
  const faults = {
    throw: () => { throw new Error("KV GET failed: 500 Internal Server Error"); },
    reject: async () => { throw new Error("KV GET failed: 503 Service Unavailable"); },
    hang: () => new Promise(() => {}),
    garbage: async () => "<html>",
    empty: async () => "",
    number: async () => 7,
    object: async () => ({ client_id: "app" }),
    undefined: async () => undefined,
    "no promise": () => "{}",
    "no error": async () => { throw undefined; },
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
      ["number", "KV gave no text"],
      ["object", "KV gave no text"],
      ["undefined", "KV gave no text"],
      ["no promise", "storage failed"],
      ["no error", "storage failed"],
      ["hang", "did not answer"],
    ]) {
      worker.logs.length = 0;
      const began = Date.now();
      await unavailable(await worker.token("app", client_secret, {}, { fault }), worker, reason);
      const took = Date.now() - began;
      assert.ok(fault === "hang" ? took >= 2900 && took < 5000 : took < 2900, `${fault}: ${took} ms`);
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

const now = () => Math.floor(Date.now() / 1000);

/** A new signing key that begins and ends so many seconds from now. */
function key(begin, end) {
  const { keys: [key] } = tool("key", "generate", "--print");
  return { ...key, nbf: now() + begin, exp: now() + end };
}

const set = (...keys) => JSON.stringify({ keys });
const kids = async (worker) => (await (await fetch(`${worker.url}/.well-known/jwks.json`)).json()).keys?.map(({ kid }) => kid);
const kidOf = async (response) =>
  JSON.parse(Buffer.from((await response.json()).access_token.split(".")[0], "base64url")).kid;

/** Many keys, cut where a secret ends that holds no more than 5 KB. */
function cut() {
  const { keys: [key] } = tool("key", "generate", "--print");
  const text = set(...Array.from({ length: 20 }, () => key));
  assert.ok(text.length > 5120);
  return text.slice(0, 5120);
}

test("signing keys that are half rotated: the good one signs, and without one nothing does", async (t) => {
  const [good, expired, late, other] = [key(-60, 9999), key(-9999, -60), key(3600, 99999), key(-90, 9999)];
  const unpaired = { ...good, d: other.d };
  for (const [name, SIGNING_KEYS, SIGNING_KEYS_NEXT, signs, published, reason] of [
    ["overwritten with what has expired, the next is good", set(expired), set(good), good, [good]],
    ["overwritten with what begins later, the next is good", set(late), set(good), good, [good, late]],
    ["overwritten with nothing, the next is good", set(), set(good), good, [good]],
    ["the same key in both", set(good), set(good), good, [good]],
    ["the good one in the first, what has expired in the next", set(good), set(expired), good, [good]],
    ["overwritten with what has expired, and no next", set(expired), undefined, undefined, undefined, /has no key that signs/],
    ["overwritten with what begins later, and no next", set(late), undefined, undefined, [late], /has no key that signs/],
    ["what has expired, and what begins later", set(expired), set(late), undefined, [late], /has no key that signs/],
    ["a set of none", set(), undefined, undefined, undefined, /has no key that signs/],
    ["a private part of another key", set(unpaired), set(good), undefined, undefined, /secret SIGNING_KEYS: key 1: members `d`, `x` and `y`/],
    ["half a set in the next", set(good), set(late).slice(0, -20), undefined, undefined, /secret SIGNING_KEYS_NEXT: not a JSON object/],
    ["cut at 5 KB", cut(), set(good), undefined, undefined, /secret SIGNING_KEYS: not a JSON object/],
  ]) {
    const worker = await start({ bindings: { SIGNING_KEYS, SIGNING_KEYS_NEXT } });
    try {
      const { client_id, client_secret } = await register(worker);
      const [token, health] = [await worker.token(client_id, client_secret), await fetch(`${worker.url}/health`)];
      t.diagnostic(`${name}: token ${token.status}, health ${health.status}, ${(await kids(worker))?.length ?? "no"} keys`);
      assert.deepEqual([token.status, health.status], signs ? [200, 200] : [503, 503], name);
      if (signs) assert.equal(await kidOf(token), signs.kid, name);
      else await unavailable(token, worker, (await worker.line(({ reason: told }) => reason.test(told ?? ""))).reason);
      assert.deepEqual(await kids(worker), published?.map(({ kid }) => kid), name);
    } finally {
      await worker.stop();
    }
  }
});

test("without a CLIENT_SECRETS_KEY imported secrets are a 503, and generated ones go on", async () => {
  for (const CLIENT_SECRETS_KEY of [undefined, "", "31 octets are one octet too few", 7]) {
    const worker = await start({ bindings: { CLIENT_SECRETS_KEY } });
    try {
      const imported = await register(worker, "--client-secret", "an imported secret");
      const generated = await register(worker);
      await unavailable(await worker.token(imported.client_id, imported.client_secret), worker,
        "CLIENT_SECRETS_KEY is missing or shorter than 32 octets");
      assert.equal((await worker.token(generated.client_id, generated.client_secret)).status, 200);
      assert.equal((await worker.token(generated.client_id, "wrong")).status, 401);
      assert.equal((await fetch(`${worker.url}/health`)).status, 200);
    } finally {
      await worker.stop();
    }
  }
});

test("a realm that is broken in any way: 503 there and for /health, and the others go on", async (t) => {
  const good = key(-60, 9999);
  for (const [name, broken, reason, bindings = {}] of [
    ["no issuer", {}, /member `issuer`/],
    ["an issuer that is no URL", { issuer: "bad" }, /member `issuer`/],
    ["no table", "bad", /must be a table/],
    ["an unknown member", { only_on_mondays: true }, /`only_on_mondays`/],
    ["a member of another type", { scopes: 7 }, /`scopes`/],
    ["an unknown dialect", { dialect: "esperanto" }, /`esperanto` is unknown/],
    ["a reserved claim", { claims: { iss: "other" } }, /reserved claim `iss`/],
    ["people without a login application", { login_url: "https://login.example/" }, /`login_clients`/],
    ["a login application in plain http", { login_url: "http://login.example/", login_clients: ["login"] }, /`login_url`/],
    ["a trusted issuer without keys", { trusted_issuers: { a: { issuer: "https://a.example" } } }, /trusted issuer `a`/],
    ["a lifetime of nothing", { access_token_ttl: 0 }, /`access_token_ttl`/],
    ["no secret with its keys", { signing_keys: ["NONE"] }, /upload secret NONE/],
    ["a secret that holds no keys", { signing_keys: ["HALF"] }, /secret HALF: not a JSON object/, { HALF: '{"keys":[' }],
    ["keys that have expired", { signing_keys: ["OLD"] }, /has no key that signs/, { OLD: set(key(-9999, -60)) }],
    ["tokens of another realm", { iss: (url) => `${url}/realms/twin`, signing_keys: ["TWIN"] }, /has its `iss` too/, { TWIN: set(good) }],
  ]) {
    const worker = await start({
      bindings,
      realms: (url) => {
        const issuer = { issuer: `${url}/realms/broken` };
        const twin = bindings.TWIN && { twin: { issuer: `${url}/realms/twin`, signing_keys: ["TWIN"] } };
        const members = typeof broken === "string" ? broken : { ...(name === "no issuer" ? {} : issuer), ...broken };
        if (bindings.TWIN) members.iss = broken.iss(url);
        return { broken: members, other: { dialect: "keycloak", issuer: `${url}/realms/other` }, ...twin };
      },
    });
    try {
      const [app, other] = [await register(worker), await registerIn(worker, "other")];
      const inBroken = await registerIn(worker, "broken");
      const at = (path, client) => fetch(worker.url + path, { method: "POST",
        headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials" }) });
      const began = Date.now();
      const refused = await at("/realms/broken/token", inBroken);
      const line = await worker.line(({ reason: told }) => reason.test(told ?? ""));
      await unavailable(refused, worker, line.reason);
      await unavailable(await fetch(`${worker.url}/health`), worker, "");
      assert.equal((await at("/realms/default/token", app)).status, 200, name);
      assert.equal((await at("/realms/other/protocol/openid-connect/token", other)).status, 200, name);
      for (const path of ["/realms/default/jwks", "/realms/other/protocol/openid-connect/certs",
        "/realms/default/.well-known/openid-configuration", "/realms/other/.well-known/openid-configuration"]) {
        assert.equal((await fetch(worker.url + path)).status, 200, `${name}: ${path}`);
      }
      const took = Date.now() - began;
      assert.ok(took < 5000, `${took} ms`);
      t.diagnostic(`${name}: 503 | ${line.reason}`);
    } finally {
      await worker.stop();
    }
  }
});

test("a variable of realms that is broken, or a realm in two: the others go on", async () => {
  for (const [REALMS_2, broken, reason] of [
    ["{\"x\":", "/realms/x/jwks", "variable REALMS_2: not a JSON object"],
    [7, "/realms/x/jwks", "variable REALMS_2: not a JSON object"],
    [{ "no name": {} }, "/realms/x/jwks", "`no name` is no realm name"],
    [{ other: { issuer: "https://auth.example/realms/other" } }, "/realms/other/jwks", "is configured twice"],
  ]) {
    const worker = await start({
      bindings: { REALMS_2 }, realms: (url) => ({ other: { issuer: `${url}/realms/other` } }),
    });
    try {
      const { client_id, client_secret } = await register(worker);
      await unavailable(await fetch(worker.url + broken), worker, reason);
      await unavailable(await fetch(`${worker.url}/health`), worker, reason);
      assert.equal((await worker.token(client_id, client_secret)).status, 200);
      assert.equal((await fetch(`${worker.url}/realms/default/jwks`)).status, 200);
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

// Signing keys and a client's secret are rotated while clients ask for tokens all the time: nobody is
// refused, and no token meets a verifier that does not know its key, although verifiers keep their
// copy of the keys for as long as they may.
//
// Hours pass in seconds, since the clock of everything here stands still until it is moved. A version
// of the service with other secrets is a workerd of its own; a proxy before them is what its callers
// see, and lets the old and the new one answer in turns for a while, as a deployment does.

import assert from "node:assert/strict";
import { Agent, createServer, request } from "node:http";
import { test } from "node:test";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { CLOCK } from "./shims.mjs";
import { basic, freePort, start, tool } from "./worker.mjs";

const CLIENTS = 10;
const VERIFIERS = 3;
/** How far the clock is moved at once, in seconds, and how often each client asks in between. */
const STEP = 60;
const TOKENS_A_STEP = 2;
/** How long a deployment takes, and access tokens live. */
const ROLL_OUT = 2 * STEP;
const TTL = 300;
/** From when a key is published until it signs: more than a copy's age and a deployment. */
const LEAD = 3600;

const MAIN = `${CLOCK}
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  export default class extends worker {
    fetch(request) {
      setClock(request.headers.get("clock"));
      return super.fetch(request);
    }
  };
`;

/** Waits until something is so. */
async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A signing key that begins at that moment, as a private JWK Set. */
function makeKey(begin) {
  const { keys: [key] } = tool("key", "generate", "--print");
  return { kid: key.kid, jwks: JSON.stringify({ keys: [{ ...key, nbf: begin, exp: key.exp + begin - key.nbf }] }) };
}

/** A secret for the client, as it is and as its record has it. */
function makeSecret() {
  const { client_secret, kv } = tool("client", "create", "--print", "--realm", "default", "--client-id", "app",
    "--scope", "read write");
  return { text: client_secret, record: JSON.parse(kv.value) };
}

/** The client's record with these secrets. */
const recordOf = (...secrets) => ({
  key: "client/default/app",
  value: JSON.stringify({ ...secrets[0].record,
    secrets: secrets.map(({ record, expires_at }) => ({ ...record.secrets[0], expires_at })) }),
});

/** The proxy. `versions` is who answers in turns; it sends all of them the time. */
async function startProxy(time) {
  const agent = new Agent({ keepAlive: true });
  const port = await freePort();
  const proxy = { url: `http://127.0.0.1:${port}`, versions: [], stop: () => server.close() };
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    turn += 1;
    const version = proxy.versions[turn % proxy.versions.length];
    version.waiting += 1;
    outgoing.once("close", () => { version.waiting -= 1; });
    const { method, headers } = incoming;
    const outward = request(version.worker.url + incoming.url,
      { agent, method, headers: { ...headers, clock: time() } }, (answer) => {
        if (method === "POST" && answer.statusCode === 200) version.tokens += 1;
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      });
    outward.once("error", (error) => outgoing.writeHead(502).end(String(error)));
    incoming.pipe(outward);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return proxy;
}

/** A verifier that takes the keys anew only when its copy is too old, the first a little earlier. */
function newVerifier(issuer, share) {
  let copy = { end: 0 };
  const take = async (time) => {
    const response = await fetch(`${issuer}/jwks`);
    const age = Number(response.headers.get("cache-control").match(/^public, max-age=(\d+)$/)[1]);
    copy.end = time + age * share;
    share = 1;
    return createLocalJWKSet(await response.json());
  };
  return async (token, time) => {
    if (time >= copy.end) {
      copy = { end: Infinity };
      copy.keys = take(time);
    }
    const currentDate = new Date(time * 1000);
    await jwtVerify(token, await copy.keys, { issuer, audience: issuer, typ: "at+jwt", currentDate });
  };
}

/**
 * Starts the service with one key and one secret, and clients that ask for tokens until `stop()`.
 * `advance` moves the clock, `deploy` brings other signing keys, `setRecord` another record.
 */
async function startLoad() {
  let time = Math.floor(Date.now() / 1000);
  let running = true;
  const proxy = await startProxy(() => time);
  const issuer = `${proxy.url}/realms/default`;
  const verifiers = Array.from({ length: VERIFIERS }, (_, index) => newVerifier(issuer, (index + 1) / VERIFIERS));
  const first = { key: makeKey(time), secret: makeSecret() };
  const secrets = Array(CLIENTS).fill(first.secret);
  let record = recordOf(first.secret);
  const got = Array(CLIENTS).fill(0);
  /** How many tokens a client may have got by now: while the clock stands still, nobody asks. */
  let due = { tokens: 0, ...Promise.withResolvers() };
  const logs = [];
  const refused = [];
  const failures = [];
  let alive = [];

  const token = (secret) => fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: basic("app", secret.text) },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const verify = (text, at) => Promise.all(verifiers.map(async (verifier) => {
    try {
      await verifier(text, at);
    } catch ({ code }) {
      failures.push({ code, at, kid: decodeProtectedHeader(text).kid });
    }
  }));
  const clients = async (index) => {
    while (running) {
      if (got[index] >= due.tokens) {
        await due.promise;
        continue;
      }
      const response = await token(secrets[index]);
      const { access_token, expires_in, error } = await response.json();
      if (response.status === 200) {
        assert.equal(expires_in, TTL);
        const { exp } = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
        await verify(access_token, time);
        alive.push({ access_token, last: exp - 1 });
      } else {
        refused.push({ status: response.status, error, at: time });
      }
      got[index] += 1;
    }
  };

  /** Verifies the tokens whose last second comes by then, each in that second. */
  const verifyLast = async (end) => {
    const dying = alive.filter(({ last }) => last <= end).toSorted((a, b) => a.last - b.last);
    alive = alive.filter(({ last }) => last > end);
    for (const [second, tokens] of Map.groupBy(dying, ({ last }) => last)) {
      time = second;
      await Promise.all(tokens.map(({ access_token }) => verify(access_token, second)));
    }
  };
  const advance = async (seconds, meanwhile = () => {}) => {
    for (const end = time + seconds; time < end;) {
      const next = Math.min(time + STEP, end);
      await verifyLast(next);
      time = next;
      meanwhile();
      const { tokens, resolve } = due;
      due = { tokens: tokens + TOKENS_A_STEP, ...Promise.withResolvers() };
      resolve();
      // The last request of each may still be on its way when the next step begins.
      await until(() => !running || got.every((count) => count >= due.tokens - 1));
    }
  };

  const startVersion = async (bindings) => {
    const worker = await start({ main: MAIN, bindings, realm: () => ({ issuer }) });
    await worker.put(record);
    return { worker, waiting: 0, tokens: 0 };
  };
  const issuedBy = ({ worker }) => worker.logs.filter((line) => line.includes('"outcome":"issued"'));
  const end = async (version) => {
    await until(() => version.waiting === 0 && issuedBy(version).length === version.tokens);
    logs.push(...issuedBy(version).map((line) => JSON.parse(line)));
    await version.worker.stop();
  };
  const deploy = async (bindings) => {
    const [old] = proxy.versions;
    proxy.versions = [old, await startVersion(bindings)];
    await advance(ROLL_OUT);
    proxy.versions.shift();
    await end(old);
  };

  proxy.versions = [await startVersion({ SIGNING_KEYS: first.key.jwks })];
  const ends = Array.from({ length: CLIENTS }, (_, index) => clients(index));
  return {
    ...first, secrets, logs, refused, failures, token, advance, deploy,
    time: () => time,
    setRecord: async (pair) => {
      record = pair;
      for (const { worker } of proxy.versions) await worker.put(pair);
    },
    /** Ends the clients, lets all tokens end, and returns how many each key and secret gave. */
    async stop() {
      running = false;
      due.resolve();
      await Promise.all(ends);
      await advance(TTL);
      assert.equal(alive.length, 0);
      await end(proxy.versions[0]);
      proxy.stop();
    },
  };
}

/** How many lines have each value of a member. */
const countBy = (lines, member) => Object.fromEntries(
  Object.entries(Object.groupBy(lines, (line) => line[member])).map(([value, group]) => [value, group.length]));

test("two rotations of keys and one of a secret under load: nobody is refused, every token verifies", async (t) => {
  const load = await startLoad();
  const { key: a, secret: s1 } = load;
  await load.advance(TTL);

  // The next key is published long before it signs.
  const b = makeKey(load.time() + LEAD);
  await load.deploy({ SIGNING_KEYS: a.jwks, SIGNING_KEYS_NEXT: b.jwks });

  // Both secrets are good while one client after another goes over to the new one.
  const s2 = makeSecret();
  const overlap = (CLIENTS + 2) * STEP;
  const secretEnds = load.time() + overlap;
  await load.setRecord(recordOf({ ...s1, expires_at: secretEnds }, s2));
  let moved = 0;
  await load.advance(overlap - STEP, () => {
    if (moved < CLIENTS) load.secrets[moved] = s2;
    moved += 1;
  });
  assert.ok(load.secrets.every((secret) => secret === s2));
  assert.equal((await load.token(s1)).status, 200);
  await load.advance(STEP);
  assert.equal((await load.token(s1)).status, 401);
  await load.setRecord(recordOf(s2));

  // The new key signs; when the last token of the old one has ended, that one can be overwritten.
  await load.advance(LEAD + TTL + STEP - overlap);
  const c = makeKey(load.time() + LEAD);
  await load.deploy({ SIGNING_KEYS: c.jwks, SIGNING_KEYS_NEXT: b.jwks });
  await load.advance(LEAD + TTL);
  await load.stop();

  const { logs, refused, failures } = load;
  const [kids, ids] = [countBy(logs, "kid"), countBy(logs, "secret_id")];
  t.diagnostic(`${logs.length} tokens in ${(load.time() - logs[0].time) / 3600} h, ${VERIFIERS} verifiers, `
    + `each token verified at once and in its last second`);
  t.diagnostic(`by key: ${JSON.stringify(kids)}`);
  t.diagnostic(`by secret: ${JSON.stringify(ids)}`);
  t.diagnostic(`refused: ${refused.length}, not verified: ${failures.length}`);
  assert.deepEqual(refused, []);
  assert.deepEqual(failures, []);
  assert.ok(logs.length >= 2000);
  assert.deepEqual(Object.keys(kids).toSorted(), [a.kid, b.kid, c.kid].toSorted());
  const [old, next] = [s1, s2].map(({ record }) => record.secrets[0].id);
  assert.deepEqual(Object.keys(ids).toSorted(), [old, next].toSorted());
  const late = logs.filter(({ time, kid }) => time >= secretEnds || kid === c.kid);
  assert.deepEqual(Object.keys(countBy(late, "secret_id")), [next]);
});

test("a key that signs at once, in place of the old one: until copies are too old, tokens do not verify", async (t) => {
  const load = await startLoad();
  await load.advance(TTL);
  const begin = load.time();
  const b = makeKey(begin);
  await load.deploy({ SIGNING_KEYS: b.jwks });
  await load.advance(2 * TTL);
  await load.stop();

  const { logs, refused, failures } = load;
  const kids = countBy(failures, "kid");
  t.diagnostic(`${logs.length} tokens, refused: ${refused.length}, not verified by key: ${JSON.stringify(kids)}`);
  assert.deepEqual(refused, []);
  assert.deepEqual(Object.keys(kids).toSorted(), [load.key.kid, b.kid].toSorted());
  for (const { code, at } of failures) {
    assert.equal(code, "ERR_JWKS_NO_MATCHING_KEY");
    assert.ok(at <= begin + ROLL_OUT + TTL, `${at - begin} s after`);
  }
});

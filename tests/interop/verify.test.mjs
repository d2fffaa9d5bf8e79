// The programs of examples/verify, as docs/verify.md shows them to resource servers: which tokens they
// accept, and how often they fetch the keys.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newKey, now, proof } from "../e2e/keys.mjs";
import { code, redeem, registerPeople, withPeople } from "../e2e/people.mjs";
import { basic, registerIn, start, tool } from "../e2e/worker.mjs";
import { PROGRAMS } from "./verify_programs.mjs";
import { goodClaims, goodHeader, signed, table } from "./verify_table.mjs";

const AUDIENCE = "https://api.example";

// What docs/verify.md says of each dialect, with where its tokens and keys are; `names` is the claim
// that names the client.
const DIALECTS = [
  { realm: "dx", dialect: "keycloak", typ: "JWT", path: "/realms/dx/protocol/openid-connect/token",
    jwks: "/realms/dx/protocol/openid-connect/certs", scope: "scope", names: "azp" },
  { realm: "eagle", dialect: "screening-eagle", typ: "JWT", iss: "Screening Eagle ID",
    path: "/api/id/v1/auth/token", jwks: "/realms/eagle/jwks", scope: "scp", names: "client_id" },
  { realm: "light", dialect: "light-oauth2", typ: "", iss: "urn:com:networknt:oauth2:v1",
    path: "/oauth2/token", jwks: "/realms/light/jwks", scope: "scope", names: "client_id" },
];

let worker;
let key;
let client;
let people;

/** A server of the worker's keys that counts how often it is asked, can lose or add keys, and can fail. */
async function serveKeys() {
  const state = { count: 0, change: (set) => set, fails: false };
  const server = createServer(async (_, response) => {
    state.count += 1;
    const answer = await fetch(`${worker.issuer}/jwks`);
    const set = state.change((await answer.json()).keys);
    for (const name of ["content-type", "cache-control"]) response.setHeader(name, answer.headers.get(name));
    response.writeHead(state.fails ? 503 : 200).end(JSON.stringify({ keys: set }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${server.address().port}/`;
  state.close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return state;
}

before(async () => {
  const secret = tool("key", "generate", "--print");
  [key] = secret.keys;
  worker = await start({
    bindings: { SIGNING_KEYS: JSON.stringify(secret) },
    realm: () => withPeople,
    realms: (url) => Object.fromEntries(DIALECTS.map(({ realm, dialect, iss }) =>
      [realm, { dialect, issuer: `${url}/realms/${realm}`, ...(iss && { iss }) }])),
  });
  const audiences = ["--audience", AUDIENCE, "--audience", "https://other.example"];
  client = await registerIn(worker, "default", "--scope", "read", ...audiences);
  people = await registerPeople(worker, "default", "--audience", AUDIENCE);
  for (const dialect of DIALECTS) {
    const { realm } = dialect;
    dialect.client = await registerIn(worker, realm, "--scope", "read write", "--audience", AUDIENCE);
  }
});
after(() => worker.stop());

/** Tokens of the service, as the table wants them. */
async function issued() {
  const issue = async (form, headers) => {
    const response = await worker.token(client.client_id, client.client_secret, form, headers);
    return [await response.json(), response.headers];
  };
  const [{ access_token: one }] = await issue({ resource: AUDIENCE });
  const [{ access_token: several }] = await issue({});
  const holder = await newKey();
  const htu = `${worker.url}/token`;
  const [, refusal] = await issue({}, { dpop: await proof(holder, htu) });
  const [{ access_token: bound }] =
    await issue({}, { dpop: await proof(holder, htu, refusal.get("dpop-nonce")) });
  const { access_token: person, id_token } = await (await redeem(people, await code(people))).json();
  const tokens = { one, several, bound, person, id_token, other: await issuedBy(DIALECTS[0]) };
  for (const [name, token] of Object.entries(tokens)) assert.match(token, /^eyJ/, name);
  return tokens;
}

/** A token of a realm that talks in a dialect. */
async function issuedBy({ path, client: { client_id, client_secret } }) {
  const response = await fetch(worker.url + path, {
    method: "POST",
    headers: { authorization: basic(client_id, client_secret) },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  return (await response.json()).access_token;
}

/** A good token of the realm `default`; by another key or of another `kid` if they are named. */
const token = ({ by = key, kid = by.kid, ...claims } = {}) =>
  signed(by, goodHeader(kid), { ...goodClaims(worker.issuer, AUDIENCE), ...claims });

/** A good token's settings. */
const settings = (more) => ({ ISSUER: worker.issuer, AUDIENCE, JWKS_URI: `${worker.issuer}/jwks`, ...more });

/** Runs an act with a started program and with the server of keys. */
async function using(program, env, act) {
  const served = await serveKeys();
  try {
    const running = await program.open(settings({ JWKS_URI: served.url, ...env }));
    try {
      await act(running, served);
    } finally {
      await running.close();
    }
  } finally {
    await served.close();
  }
}

async function accepts(running, token) {
  const { claims, refused } = await running.ask(token);
  assert.equal(refused, undefined);
  return claims;
}

for (const program of PROGRAMS) {
  const { name, skip, eager } = program;
  if (skip) console.error(`Skipped: the verifier in ${name}. ${skip}`);

  test(`${name}: the table`, { skip }, async () => {
    const expected = {};
    const found = {};
    await using(program, {}, async (running) => {
      // Made when it runs: some are about to expire.
      const rows = await table({ issuer: worker.issuer, audience: AUDIENCE, key, issued: await issued() });
      for (const [row, token, isGood] of rows) {
        expected[row] = isGood ? "accepted" : "refused";
        const { refused } = await running.ask(token);
        found[row] = refused ? "refused" : "accepted";
      }
      // Whatever it was shown, it goes on.
      await accepts(running, token());
    });
    assert.deepEqual(found, expected);
    const count = (verdict) => Object.values(found).filter((each) => each === verdict).length;
    console.log(`${name}: ${count("accepted")} accepted, ${count("refused")} refused`);
  });

  test(`${name}: each dialect`, { skip }, async () => {
    for (const dialect of DIALECTS) {
      const { realm, typ: TYP, iss: ISSUER = `${worker.url}/realms/${realm}` } = dialect;
      const JWKS_URI = worker.url + dialect.jwks;
      const access = await issuedBy(dialect);
      const [header, claims] = access.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
      assert.equal(header.typ ?? "", TYP);
      assert.equal([claims[dialect.scope]].flat().join(" "), "read write");
      assert.equal(claims[dialect.names], dialect.names && dialect.client.client_id);
      const running = await program.open(settings({ ISSUER, JWKS_URI, TYP }));
      try {
        await accepts(running, access);
        const bent = (headerOf, claimsOf) => signed(key, { ...header, ...headerOf }, { ...claims, ...claimsOf });
        await accepts(running, bent());
        for (const [what, token] of Object.entries({
          "an ID token": bent({ typ: "JWT" }, { sub: "1302", jti: undefined }),
          "typ of another dialect": bent({ typ: "at+jwt" }),
          "typ of other JWTs, or none": bent({ typ: TYP ? undefined : "JWT" }),
          "another issuer": bent({}, { iss: `${ISSUER}x` }),
          "no jti": bent({}, { jti: undefined }),
          "bound": bent({}, { cnf: { jkt: key.kid } }),
        })) assert.ok((await running.ask(token)).refused, `${realm}: ${what}`);
      } finally {
        await running.close();
      }
    }
  });

  test(`${name}: one fetch for 20 tokens, and none more for 20 unknown kids`, { skip }, async () => {
    await using(program, {}, async (running, served) => {
      for (let times = 0; times < 20; times += 1) await accepts(running, token());
      assert.equal(served.count, 1);
      for (let times = 0; times < 20; times += 1) {
        assert.ok((await running.ask(token({ kid: `unknown-${times}` }))).refused);
      }
      assert.equal(served.count, 1);
    });
  });

  test(`${name}: a new key after the cool-down, and keys that cannot be had`, { skip }, async () => {
    const { privateJwk, jwk } = await newKey();
    const next = { ...privateJwk, kid: "next" };
    await using(program, { COOLDOWN: "1" }, async (running, served) => {
      await accepts(running, token());
      await sleep(1100);
      const begun = Date.now();
      for (let times = 0; times < 20; times += 1) {
        assert.ok((await running.ask(token({ kid: `unknown-${times}` }))).refused);
      }
      const most = 2 + Math.floor((Date.now() - begun) / 1000);
      assert.ok(served.count >= 2 && served.count <= most, `${served.count} fetches, ${most} at most`);

      served.change = (set) => [...set, { ...jwk, kid: next.kid }];
      await sleep(1100);
      const { count } = served;
      await accepts(running, token({ by: next }));
      assert.equal(served.count, count + 1);
      await accepts(running, token());

      served.fails = true;
      await sleep(1100);
      const flooded = Date.now();
      const before = served.count;
      for (let times = 0; times < 20; times += 1) {
        assert.ok((await running.ask(token({ kid: `other-${times}` }))).refused);
        await accepts(running, token());
      }
      assert.ok(served.count > before);
      const limit = eager ? 20 : 1 + Math.floor((Date.now() - flooded) / 1000);
      assert.ok(served.count <= before + limit, `${served.count - before} fetches, ${limit} at most`);
      served.fails = false;
      await accepts(running, token({ by: next }));
    });
  });

  test(`${name}: a key that was taken away is gone when the copy ends`, { skip }, async () => {
    await using(program, { MAX_AGE: "1" }, async (running, served) => {
      await accepts(running, token());
      served.change = (set) => set.map((each) => ({ ...each, kid: "other" }));
      await sleep(1100);
      assert.ok((await running.ask(token())).refused);
      served.change = (set) => set;
      served.fails = true;
      await sleep(1100);
      assert.ok((await running.ask(token())).refused);
      served.fails = false;
      await accepts(running, token());
    });
  });

  test(`${name}: without one of its settings it does not run`, { skip }, async () => {
    for (const absent of ["ISSUER", "AUDIENCE", "JWKS_URI"]) {
      const { [absent]: _, ...rest } = settings();
      const running = await program.open(rest);
      await assert.rejects(running.ask(token()), absent);
      await running.close().catch(() => {});
    }
  });
}

/** Runs README's snippet with a token; whether it verifies. */
async function snippetAccepts(token) {
  const [, code] = readFileSync("README.md", "utf8").match(/## Verify a token[^#]*?```js\n(.*?)```/s);
  const here = code.replace("http://127.0.0.1:8787/realms/default", worker.issuer);
  assert.notEqual(here, code);
  const whole = `const [, token] = process.argv;\n${here}console.log(payload.sub);`;
  // `--` so that no token is taken for an option.
  const child = spawn(process.execPath, ["--input-type=module", "--eval", whole, "--", token]);
  let said = "";
  child.stdout.on("data", (data) => { said += data; });
  const [status] = await once(child, "close");
  return status === 0 && said === "app\n";
}

test("README's snippet", async () => {
  const issuer = worker.issuer;
  assert.ok(await snippetAccepts(token({ aud: issuer })));
  for (const claims of [{}, { exp: now() - 1 }, { iss: `${issuer}x` }, { cnf: {} }, { jti: undefined }]) {
    const aud = Object.keys(claims).length ? issuer : AUDIENCE;
    assert.ok(!await snippetAccepts(token({ aud, ...claims })), JSON.stringify(claims));
  }
});

test("docs/verify.md names each program and the versions that were tested, and each its 300 s", async () => {
  const page = readFileSync("docs/verify.md", "utf8");
  const versions = JSON.parse(readFileSync("package.json", "utf8")).devDependencies;
  const python = readFileSync("tests/interop/requirements.txt", "utf8");
  const cargo = readFileSync("Cargo.toml", "utf8");
  for (const version of [
    `jose@${versions.jose}`,
    python.match(/^PyJWT==.*$/m)[0],
    python.match(/^cryptography==.*$/m)[0],
    cargo.match(/^jsonwebtoken = .*$/m)[0],
    `ureq = "${cargo.match(/^ureq = .*?"(.*?)"/m)[1]}"`,
    `serde_json = "${cargo.match(/^serde_json = .*?"(.*?)"/m)[1]}"`,
  ]) assert.ok(page.includes(version), version);
  const { headers } = await fetch(`${worker.issuer}/jwks`);
  const [, maxAge] = headers.get("cache-control").match(/max-age=(\d+)/);
  for (const { file } of PROGRAMS) {
    assert.ok(page.includes(`(../examples/verify/${file})`), file);
    const program = readFileSync(`examples/verify/${file}`, "utf8");
    assert.match(program, new RegExp(`MAX_AGE\\W+${maxAge}\\b`), file);
    assert.match(program, /COOLDOWN\W+30\b/, file);
  }
});

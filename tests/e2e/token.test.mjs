// The built wasm on real workerd: what only shows there. The rules themselves are in tests/service.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { basic, register, start, tool } from "./worker.mjs";

let worker;
let client;

before(async () => {
  worker = await start();
  client = await register(worker, "--client-id", "app", "--name", "App");
});
after(() => worker.stop());

const decode = (token, index) => JSON.parse(Buffer.from(token.split(".")[index], "base64url"));

test("a client made by the tool gets a token", async () => {
  const response = await worker.token("app", client.client_secret, { scope: "read" });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("pragma"), "no-cache");
  assert.equal(response.headers.get("set-cookie"), null);
  const { access_token, ...rest } = await response.json();
  assert.deepEqual(rest, { token_type: "Bearer", expires_in: 300, scope: "read" });
  const now = Date.now() / 1000;
  const { iat, exp, jti, ...claims } = decode(access_token, 1);
  assert.deepEqual(claims,
    { iss: worker.issuer, sub: "app", aud: worker.issuer, client_id: "app", scope: "read" });
  assert.ok(Math.abs(iat - now) < 5, `iat ${iat}, now ${now}`);
  assert.equal(exp, iat + 300);
  assert.match(jti, /^[A-Za-z0-9_-]{22}$/);
  const line = await worker.line((line) => line.jti === jti);
  assert.equal(line.outcome, "issued");
  assert.equal(line.kid, decode(access_token, 0).kid);
});

test("failed authentications are byte-identical on the wire", async () => {
  const disabled = await register(worker, "--client-id", "disabled", "--disabled");
  const post = await register(worker, "--client-id", "post", "--auth-method", "client_secret_post");
  const expired = await register(worker, "--client-id", "expired", "--secret-expires-at", "1");
  const answers = [];
  for (const authorization of [
    basic("nobody", "x"),
    basic("app", "wrong"),
    basic("disabled", disabled.client_secret),
    basic("post", post.client_secret),
    basic("expired", expired.client_secret),
    "Basic !!!",
    "Basic",
    "Bearer x",
    `${basic("app", client.client_secret)}, ${basic("app", client.client_secret)}`,
  ]) {
    const response = await worker.token("", "", {}, { authorization });
    const headers = [...response.headers].filter(([name]) => name !== "date");
    answers.push(JSON.stringify([response.status, headers, await response.text()]));
  }
  assert.equal(new Set(answers).size, 1, [...new Set(answers)].join("\n"));
  assert.match(answers[0], /^\[401,.*\["www-authenticate","Basic realm=\\"default\\""\]/);
});

test("500 requests at once get 500 tokens with ids of their own", async () => {
  const responses = await Promise.all(
    Array.from({ length: 500 }, () => worker.token("app", client.client_secret)));
  const ids = new Set();
  for (const response of responses) {
    assert.equal(response.status, 200);
    ids.add(decode((await response.json()).access_token, 1).jti);
  }
  assert.equal(ids.size, 500);
});

/** Sends a request as it is and returns status, headers and body of the answer. */
function raw(head, ...chunks) {
  return new Promise((resolve, reject) => {
    const socket = connect(new URL(worker.url).port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("error", reject);
    socket.on("data", (data) => {
      text += data;
      const [headers, body] = text.split("\r\n\r\n");
      const length = Number(headers.match(/content-length: (\d+)/i)?.[1] ?? NaN);
      if (body?.length >= length) {
        socket.destroy();
        resolve({ status: Number(headers.split(" ")[1]), headers, body });
      }
    });
    const authority = new URL(worker.url).host;
    socket.write(`POST /token HTTP/1.1\r\nHost: ${authority}\r\n${head.join("\r\n")}\r\n\r\n`);
    for (const chunk of chunks) socket.write(chunk);
  });
}

test("headers that stand twice are refused, not guessed", async () => {
  const body = "grant_type=client_credentials";
  const authorization = `Authorization: ${basic("app", client.client_secret)}`;
  const type = "Content-Type: application/x-www-form-urlencoded";
  const length = `Content-Length: ${body.length}`;
  assert.equal((await raw([authorization, type, length], body)).status, 200);
  assert.equal((await raw([authorization, authorization, type, length], body)).status, 401);
  assert.equal((await raw([authorization, type, type, length], body)).status, 400);
});

test("a body over 16 KiB is refused without being read to its end", async () => {
  const head = [
    `Authorization: ${basic("app", client.client_secret)}`,
    "Content-Type: application/x-www-form-urlencoded",
  ];
  const x = "x".repeat(16 * 1024);
  const announced = await raw([...head, "Content-Length: 100000000"], x, "y");
  assert.equal(announced.status, 413);
  const chunk = `${x.length.toString(16)}\r\n${x}\r\n`;
  const chunked = await raw([...head, "Transfer-Encoding: chunked"], chunk, "1\r\ny\r\n");
  assert.equal(chunked.status, 413);
  assert.equal(JSON.parse(chunked.body).error, "invalid_request");
});

test("a compressed body is refused", async () => {
  const body = gzipSync("grant_type=client_credentials");
  const response = await fetch(`${worker.url}/token`, {
    method: "POST",
    headers: {
      authorization: basic("app", client.client_secret),
      "content-type": "application/x-www-form-urlencoded",
      "content-encoding": "gzip",
    },
    body,
  });
  assert.equal(response.status, 400);
});

test("credentials in the query are never read", async () => {
  const response = await fetch(
    `${worker.url}/token?grant_type=client_credentials&client_id=app&client_secret=${client.client_secret}`,
    { method: "POST", body: new URLSearchParams({ x: "1" }) });
  assert.equal(response.status, 400);
  assert.equal((await response.json()).error_description, "The parameter grant_type is missing.");
});

test("methods, documents and unknown paths answer on the wire as they do natively", async () => {
  for (const [method, path, status, allow] of [
    ["GET", "/token", 405, "POST"],
    ["HEAD", "/token", 405, "POST"],
    ["OPTIONS", "/token", 405, "POST"],
    ["PUT", "/token", 405, "POST"],
    ["GET", "/health", 200, null],
    ["HEAD", "/health", 200, null],
    ["GET", "/.well-known/jwks.json", 200, null],
    ["HEAD", "/.well-known/jwks.json", 200, null],
    ["POST", "/.well-known/jwks.json", 405, "GET, HEAD, OPTIONS"],
    ["GET", "/realms/default/.well-known/openid-configuration", 200, null],
    ["GET", "/nowhere", 404, null],
    ["POST", "/realms/none/token", 404, null],
  ]) {
    const response = await fetch(worker.url + path, { method });
    assert.equal(response.status, status, `${method} ${path}`);
    assert.equal(response.headers.get("allow"), allow, `${method} ${path}`);
    const text = await response.text();
    if (method === "HEAD") assert.equal(text, "");
    else JSON.parse(text);
  }
});

test("a document that has not changed is a 304", async () => {
  const first = await fetch(`${worker.url}/.well-known/jwks.json`);
  const etag = first.headers.get("etag");
  const second = await fetch(`${worker.url}/.well-known/jwks.json`, { headers: { "if-none-match": etag } });
  assert.equal(second.status, 304);
  assert.equal(await second.text(), "");
  const { keys } = await first.json();
  assert.deepEqual(keys.flatMap(Object.keys).toSorted(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
});

test("an imported secret works under CLIENT_SECRETS_KEY", async () => {
  await register(worker, "--client-id", "imported", "--client-secret", "p%C3%A4ss word+");
  assert.equal((await worker.token("imported", "p%C3%A4ss word+")).status, 200);
  assert.equal((await worker.token("imported", "wrong")).status, 401);
});

test("a changed record is served at once where it was written", async () => {
  const { client_secret, kv } = await register(worker, "--client-id", "changing");
  assert.equal((await worker.token("changing", client_secret)).status, 200);
  await worker.put({ key: kv.key, value: JSON.stringify({ ...JSON.parse(kv.value), disabled: true }) });
  assert.equal((await worker.token("changing", client_secret)).status, 401);
  await worker.kv.delete(kv.key);
  assert.equal((await worker.token("changing", client_secret)).status, 401);
});

test("realms may come as text, and from several variables", async () => {
  const realm = (name) => ({ [name]: { issuer: `https://auth.example/realms/${name}` } });
  const other = await start({ bindings: { REALMS: JSON.stringify(realm("a")), REALMS_2: realm("b") } });
  try {
    for (const [name, status] of [["a", 200], ["b", 200], ["c", 404]]) {
      assert.equal((await fetch(`${other.url}/realms/${name}/jwks`)).status, status, name);
    }
  } finally {
    await other.stop();
  }
});

test("the next key is published before it signs, from its own slot", async () => {
  const [current, next] = [tool("key", "generate", "--print"), tool("key", "generate", "--print")];
  next.keys[0].nbf += 3600;
  const other = await start({
    bindings: { SIGNING_KEYS: JSON.stringify(current), SIGNING_KEYS_NEXT: JSON.stringify(next) },
  });
  try {
    const created = await register(other, "--client-id", "app");
    const { keys } = await (await fetch(`${other.url}/.well-known/jwks.json`)).json();
    assert.deepEqual(keys.map(({ kid }) => kid), [current.keys[0].kid, next.keys[0].kid]);
    const { access_token } = await (await other.token("app", created.client_secret)).json();
    assert.equal(decode(access_token, 0).kid, current.keys[0].kid);
  } finally {
    await other.stop();
  }
});

test("no secret that was sent or stored is in any line of the log", async () => {
  await worker.token(client.client_secret, client.client_secret);
  await worker.token("app", client.client_secret, { scope: client.client_secret });
  await worker.line((line) => line.reason === "scope exceeds the client's");
  const text = worker.logs.join("\n");
  assert.ok(text.includes('"client_id":"app"'));
  assert.ok(!text.includes(client.client_secret));
  assert.ok(!text.includes("sha256$"));
});

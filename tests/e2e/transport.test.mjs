// What comes to workerd by plain http and by https, with the host of a deployment: what is refused, and
// what browsers are told. The URL's scheme is the runtime's word for how a request came.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { basic, register, start } from "./worker.mjs";

const HOST = "auth.example";

let worker;
let app;

before(async () => {
  worker = await start({
    realm: () => ({ issuer: `https://${HOST}/realms/default`, allowed_origins: ["https://app.example"] }),
  });
  app = await register(worker, "--client-id", "app");
});
after(() => worker.stop());

const form = "grant_type=client_credentials";

/** A request over the wire, to workerd's own port, which takes its host from the header. */
function send(path, { host = HOST, method = "POST", headers = {} } = {}) {
  const credentials = basic(app.client_id, app.client_secret);
  const all = { host, authorization: credentials, "content-type": "application/x-www-form-urlencoded", ...headers };
  return new Promise((resolve, reject) => {
    const asked = request(`${worker.url}${path}`, { method, headers: all }, async (answer) => {
      const body = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode, headers: answer.headers, body });
    });
    asked.on("error", reject).end(method === "POST" ? form : undefined);
  });
}

test("by plain http nothing is served but documents and health", async () => {
  for (const path of ["/token", "/realms/default/token", "/realms/default/introspect", "/realms/default/revoke"]) {
    const { status, headers, body } = await send(path);
    assert.equal(status, 403, path);
    assert.deepEqual(JSON.parse(body), {
      error: "invalid_request", error_description: "The request must come by https.",
    });
    assert.equal(headers["strict-transport-security"], undefined);
  }
  const preflight = await send("/token", { method: "OPTIONS", headers: { origin: "https://app.example" } });
  assert.equal(preflight.status, 403);
  for (const path of ["/health", "/realms/default/jwks", "/.well-known/openid-configuration"]) {
    const { status, headers } = await send(path, { method: "GET" });
    assert.equal(status, 200, path);
    assert.equal(headers["strict-transport-security"], undefined);
  }
  await worker.line(({ status, reason }) => status === 403 && reason === "by plain http");
});

test("on loopback plain http is served, without a word to browsers", async () => {
  for (const host of ["127.0.0.1:8787", "localhost"]) {
    const { status, headers, body } = await send("/token", { host });
    assert.equal(status, 200, host);
    assert.ok(JSON.parse(body).access_token);
    assert.equal(headers["strict-transport-security"], undefined);
  }
});

test("by https every answer has browsers come that way again", async () => {
  for (const [method, path, status] of [
    ["POST", "/token", 200], ["GET", "/token", 405], ["POST", "/nowhere", 404], ["GET", "/health", 200],
    ["GET", "/realms/default/jwks", 200], ["HEAD", "/realms/default/jwks", 200], ["GET", "/", 200], ["OPTIONS", "/token", 204],
  ]) {
    const headers = { authorization: basic(app.client_id, app.client_secret) };
    const body = method === "POST" ? new URLSearchParams(form) : undefined;
    const answer = await worker.miniflare.dispatchFetch(`https://${HOST}${path}`, { method, headers, body });
    assert.equal(answer.status, status, `${method} ${path}`);
    assert.equal(answer.headers.get("strict-transport-security"), "max-age=31536000", `${method} ${path}`);
  }
});

test("a preflight of a document is answered with the fields that it names", async () => {
  const answer = await send("/.well-known/oauth-authorization-server", {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "mcp-protocol-version",
    },
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers["access-control-allow-origin"], "*");
  assert.equal(answer.headers["access-control-allow-methods"], "GET, HEAD");
  assert.equal(answer.headers["access-control-allow-headers"], "mcp-protocol-version");
  // That field is read of preflights alone.
  const get = await send("/realms/default/jwks", {
    method: "GET", headers: { "access-control-request-headers": "mcp-protocol-version" },
  });
  assert.equal(get.headers["access-control-allow-headers"], undefined);
});

// npm's oauth4webapi and openid-client get tokens; jose verifies them from the served JWKS.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { register, registerIn, start } from "../e2e/worker.mjs";

let worker;
let client;
let postClient;

before(async () => {
  worker = await start({ realms: (url) => ({
    dx: { dialect: "keycloak", issuer: `${url}/realms/dx` },
    provider: { dialect: "keycloak", issuer: `${url}/auth/realms/provider`, session_state: true },
  }) });
  client = await register(worker, "--client-id", "my app +%", "--audience", "https://api.example");
  postClient = await register(worker, "--auth-method", "client_secret_post");
});
after(() => worker.stop());

const insecure = { [oauth.allowInsecureRequests]: true };

async function oauthServer() {
  const issuer = new URL(worker.issuer);
  const response = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" });
  return oauth.processDiscoveryResponse(issuer, response);
}

async function oauthToken(as, id, authentication, parameters) {
  const c = { client_id: id };
  const response = await oauth.clientCredentialsGrantRequest(as, c, authentication, parameters, insecure);
  return oauth.processClientCredentialsResponse(as, c, response);
}

test("oauth4webapi: RFC 8414 discovery, client_secret_basic, resource and scope", async () => {
  const as = await oauthServer();
  const token = await oauthToken(as, client.client_id, oauth.ClientSecretBasic(client.client_secret),
    new URLSearchParams({ scope: "write", resource: "https://api.example" }));
  assert.equal(token.token_type, "bearer");
  assert.equal(token.scope, "write");
  assert.equal(token.expires_in, 300);
});

test("oauth4webapi: an id with a colon, which only the form-encoded halves of RFC 6749 can carry", async () => {
  const { client_id, client_secret } = await register(worker, "--client-id", "urn:example:app");
  const token = await oauthToken(await oauthServer(), client_id, oauth.ClientSecretBasic(client_secret), {});
  assert.equal(token.scope, "read write");
});

test("oauth4webapi: client_secret_post", async () => {
  const as = await oauthServer();
  const token = await oauthToken(as, postClient.client_id, oauth.ClientSecretPost(postClient.client_secret), {});
  assert.equal(token.scope, "read write");
});

test("oauth4webapi: errors are the ones it knows", async () => {
  const as = await oauthServer();
  const good = oauth.ClientSecretBasic(client.client_secret);
  await assert.rejects(oauthToken(as, client.client_id, good, { scope: "delete" }), (error) =>
    error instanceof oauth.ResponseBodyError && error.error === "invalid_scope" && error.status === 400);
  await assert.rejects(oauthToken(as, client.client_id, good, { resource: "https://other.example" }), (error) =>
    error instanceof oauth.ResponseBodyError && error.error === "invalid_target");
  await assert.rejects(oauthToken(as, client.client_id, oauth.ClientSecretBasic("wrong"), {}), (error) =>
    error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401
      && error.cause[0].scheme === "basic" && error.cause[0].parameters.realm === "default");
});

test("openid-client: discovery by issuer alone, then a token", async () => {
  const options = { execute: [openid.allowInsecureRequests] };
  for (const [id, authentication] of [
    [client.client_id, openid.ClientSecretBasic(client.client_secret)],
    [postClient.client_id, openid.ClientSecretPost(postClient.client_secret)],
  ]) {
    const config = await openid.discovery(new URL(worker.issuer), id, undefined, authentication, options);
    assert.equal(config.serverMetadata().token_endpoint, `${worker.issuer}/token`);
    const token = await openid.clientCredentialsGrant(config, { scope: "read" });
    assert.equal(token.scope, "read");
    assert.equal(token.expires_in, 300);
  }
});

test("openid-client and jose: a Keycloak realm by its issuer alone, in both path generations", async () => {
  for (const [realm, path] of [["dx", "/realms/dx"], ["provider", "/auth/realms/provider"]]) {
    const { client_id, client_secret } = await registerIn(worker, realm, "--scope", "email profile");
    const authentication = openid.ClientSecretBasic(client_secret);
    const options = { execute: [openid.allowInsecureRequests] };
    const issuer = worker.url + path;
    const config = await openid.discovery(new URL(issuer), client_id, undefined, authentication, options);
    const token = await openid.clientCredentialsGrant(config);
    assert.equal(token.scope, "email profile");
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const { payload } = await jwtVerify(token.access_token, keys, { issuer, audience: client_id });
    assert.equal(payload.azp, client_id);
    await assert.rejects(jwtVerify(token.access_token, keys, { issuer: worker.issuer }), errors.JWTClaimValidationFailed);
  }
});

test("jose: verifies from the served JWKS with issuer, audience and typ, and only with them", async () => {
  const { access_token } = await (await worker.token(client.client_id, client.client_secret)).json();
  const { jwks_uri } = await (await fetch(`${worker.issuer}/.well-known/openid-configuration`)).json();
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const right = { issuer: worker.issuer, audience: "https://api.example", typ: "at+jwt", algorithms: ["ES256"] };
  const { payload } = await jwtVerify(access_token, keys, right);
  assert.equal(payload.sub, client.client_id);
  for (const wrong of [{ issuer: `${worker.issuer}x` }, { audience: "https://api.example/" }, { typ: "JWT" }]) {
    await assert.rejects(jwtVerify(access_token, keys, { ...right, ...wrong }), errors.JWTClaimValidationFailed);
  }
  const later = new Date(Date.now() + 301_000);
  await assert.rejects(jwtVerify(access_token, keys, { ...right, currentDate: later }), errors.JWTExpired);
  const [header, body, signature] = access_token.split(".");
  const forged = Buffer.from(JSON.stringify({ ...payload, scope: "admin" })).toString("base64url");
  for (const token of [`${header}.${forged}.${signature}`, `${header}.${body}.${"A".repeat(86)}`]) {
    await assert.rejects(jwtVerify(token, keys, right), errors.JWSSignatureVerificationFailed);
  }
});

// npm's oauth4webapi and openid-client after tokens are issued: introspection (RFC 7662), revocation
// (RFC 7009), token exchange (RFC 8693) and assertions of another issuer (RFC 7523). In a realm of its
// own dialect and in one that talks like Keycloak, by their metadata alone. jose verifies the tokens.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { newKey, now, registerWithKey } from "../e2e/keys.mjs";
import { CALLBACK, withPeople } from "../e2e/people.mjs";
import { change, registerIn, start } from "../e2e/worker.mjs";
import { signInAt } from "./people.mjs";

const REALMS = { default: "at+jwt", dx: "JWT" };
const METHODS = ["client_secret_basic", "private_key_jwt"];
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
const PARTNER = "https://partner.example";
const [API, BACKEND, LEDGER] = ["https://api.example", "https://backend.example", "https://ledger.example"];
const insecure = { [oauth.allowInsecureRequests]: true };

let worker;
let logins;
let partner;

before(async () => {
  partner = await newKey();
  const realm = {
    ...withPeople, trusted_issuers: { partner: { issuer: PARTNER, jwks: { keys: [partner.jwk] }, scopes: "read" } },
  };
  worker = await start({
    realm: () => realm,
    realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, ...realm } }),
  });
  logins = {};
  for (const realm of Object.keys(REALMS)) {
    logins[realm] = await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
  }
});
after(() => worker.stop());

async function discover(realm) {
  const issuer = new URL(`${worker.url}/realms/${realm}`);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
}

/** Registers a service whose record has these members besides. */
async function register(realm, method, members = {}) {
  const client = method === "private_key_jwt"
    ? await registerWithKey(worker, realm) : await registerIn(worker, realm, "--scope", "read write");
  await change(worker, client, { grant_types: ["client_credentials", EXCHANGE, JWT_BEARER], ...members });
  return client;
}

/** What a client can do by oauth4webapi. */
function withOauth4webapi(as, client, method = "client_secret_basic") {
  const authentication = method === "private_key_jwt"
    ? oauth.PrivateKeyJwt(client.privateKey) : oauth.ClientSecretBasic(client.client_secret);
  const introspect = async (token) => oauth.processIntrospectionResponse(as, client,
    await oauth.introspectionRequest(as, client, authentication, token, insecure));
  const revoke = async (token) => oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, authentication, token, insecure));
  const grant = async (grantType, parameters = {}, options = {}) =>
    oauth.processGenericTokenEndpointResponse(as, client, await oauth.genericTokenEndpointRequest(as, client,
      authentication, grantType, parameters, { ...insecure, ...options }));
  return { introspect, revoke, grant };
}

/** The same by openid-client. */
async function withOpenidClient(as, client, method = "client_secret_basic") {
  const authentication = method === "private_key_jwt"
    ? openid.PrivateKeyJwt(client.privateKey) : openid.ClientSecretBasic(client.client_secret);
  const config = await openid.discovery(new URL(as.issuer), client.client_id, undefined, authentication,
    { execute: [openid.allowInsecureRequests] });
  return {
    introspect: (token) => openid.tokenIntrospection(config, token),
    revoke: (token) => openid.tokenRevocation(config, token),
    grant: (grantType, parameters = {}, options = {}) =>
      openid.genericGrantRequest(config, grantType, parameters, options),
  };
}

const LIBRARIES = { oauth4webapi: withOauth4webapi, "openid-client": withOpenidClient };

/** The claims of a token that jose verifies as the resource server of this audience. */
async function verified(as, realm, { access_token }, audience) {
  const keys = createRemoteJWKSet(new URL(as.jwks_uri));
  const checks = { issuer: as.issuer, typ: REALMS[realm], algorithms: ["ES256"], audience };
  return (await jwtVerify(access_token, keys, checks)).payload;
}

const subject = ({ access_token }) => ({ subject_token: access_token, subject_token_type: ACCESS_TOKEN });

const isError = (status, error) => (thrown) => thrown.status === status && thrown.error === error;

const isInvalid = isError(400, "invalid_request");

/** An assertion of the partner about somebody. */
function assertion(as, claims = {}, key = partner.privateKey) {
  const payload = {
    iss: PARTNER, sub: "77", aud: as.issuer, iat: now(), exp: now() + 60, jti: randomUUID(), ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg: "ES256" }).sign(key);
}

/** A person signs in to a new client, whose tokens are for the API. Returns its tokens, and what it can do. */
async function signIn(as, realm, options = {}) {
  const client = await registerIn(worker, realm, "--scope", "openid offline_access read write", "--audience", API,
    "--grant-types", "authorization_code,refresh_token", "--redirect-uri", CALLBACK);
  const authentication = oauth.ClientSecretBasic(client.client_secret);
  const verifier = oauth.generateRandomCodeVerifier();
  const came = await signInAt(as, logins[realm], {
    response_type: "code", client_id: client.client_id, redirect_uri: CALLBACK,
    scope: "openid offline_access read write",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const answer = oauth.validateAuthResponse(as, client, came);
  const redeem = async () => oauth.processAuthorizationCodeResponse(as, client,
    await oauth.authorizationCodeGrantRequest(as, client, authentication, answer, CALLBACK, verifier,
      { ...insecure, ...options }));
  const tokens = await (options.DPoP ? withNonce(redeem) : redeem());
  return { client, tokens, app: withOauth4webapi(as, client) };
}

/** Runs an act with a handle that learns a nonce from the first refusal, as the library tells one to. */
async function withNonce(act) {
  try {
    return await act();
  } catch (error) {
    assert.ok(oauth.isDPoPNonceError(error), error);
    return act();
  }
}

for (const realm of Object.keys(REALMS)) {
  for (const [library, by] of Object.entries(LIBRARIES)) {
    for (const method of METHODS) {
      test(`${realm}: ${library} with ${method}: a token is active until it is revoked`, async () => {
        const as = await discover(realm);
        assert.ok(as.introspection_endpoint_auth_methods_supported.includes(method));
        assert.ok(as.revocation_endpoint_auth_methods_supported.includes(method));
        const client = await register(realm, method, { audience: [API] });
        const { introspect, revoke, grant } = await by(as, client, method);
        const [token, kept] = [await grant("client_credentials"), await grant("client_credentials")];
        const claims = await verified(as, realm, token, API);
        const told = await introspect(token.access_token);
        assert.deepEqual(
          [told.active, told.client_id, told.sub, told.token_type, told.scope, told.exp, told.jti, told.aud],
          [true, client.client_id, claims.sub, "Bearer", "read write", claims.exp, claims.jti, API]);
        // Others are told nothing, but the API that it is for.
        const stranger = withOauth4webapi(as, await register(realm, "client_secret_basic"));
        const api = withOauth4webapi(as, await register(realm, "client_secret_basic", { resources: [API] }));
        assert.deepEqual(await stranger.introspect(token.access_token), { active: false });
        assert.equal((await api.introspect(token.access_token)).active, true);
        await assert.rejects(stranger.revoke(token.access_token), isError(400, "invalid_grant"));
        assert.equal((await introspect(token.access_token)).active, true);
        for (let times = 0; times < 2; times += 1) {
          await revoke(token.access_token);
          for (const party of [{ introspect }, api]) {
            assert.deepEqual(await party.introspect(token.access_token), { active: false });
          }
        }
        await revoke("garbage");
        assert.equal((await introspect(kept.access_token)).active, true);
      });

      test(`${realm}: ${library} with ${method}: token exchange by metadata alone`, async () => {
        const as = await discover(realm);
        assert.ok(as.grant_types_supported.includes(EXCHANGE));
        const { tokens } = await signIn(as, realm);
        const api = await register(realm, method, { resources: [API], exchange_audience: [BACKEND] });
        const { grant, introspect } = await by(as, api, method);
        const token = await grant(EXCHANGE, { ...subject(tokens), scope: "read", audience: BACKEND });
        assert.deepEqual(
          [token.issued_token_type, token.token_type, token.scope, token.refresh_token, token.id_token],
          [ACCESS_TOKEN, "bearer", "read", undefined, undefined]);
        const claims = await verified(as, realm, token, BACKEND);
        assert.deepEqual([claims.sub, claims.act, claims.client_id ?? claims.azp],
          ["1302", { sub: api.client_id }, api.client_id]);
        assert.ok(claims.exp <= (await verified(as, realm, tokens, API)).exp);
        assert.deepEqual((await introspect(token.access_token)).act, claims.act);
        for (const [parameters, error] of [
          [{ ...subject(tokens), audience: LEDGER }, "invalid_target"],
          [{ ...subject(tokens), audience: BACKEND, scope: "openid email" }, "invalid_scope"],
          [{ ...subject({ access_token: "garbage" }), audience: BACKEND }, "invalid_request"],
          [{ ...subject({ access_token: tokens.id_token }), audience: BACKEND }, "invalid_request"],
          [{ ...subject({ access_token: tokens.refresh_token }), audience: BACKEND }, "invalid_request"],
          [{ ...subject(tokens), audience: BACKEND, requested_token_type: REFRESH_TOKEN }, "invalid_request"],
        ]) {
          await assert.rejects(grant(EXCHANGE, parameters), isError(400, error), JSON.stringify(parameters));
        }
        const stranger = await by(as, await register(realm, method, { exchange_audience: [BACKEND] }), method);
        await assert.rejects(stranger.grant(EXCHANGE, { ...subject(tokens), audience: BACKEND }),
          isInvalid);
      });

      test(`${realm}: ${library} with ${method}: another issuer's assertion, and its token exchanged`, async () => {
        const as = await discover(realm);
        assert.ok(as.grant_types_supported.includes(JWT_BEARER));
        const members = { audience: [BACKEND], trusted_issuers: ["partner"] };
        const client = await register(realm, method, members);
        const { grant } = await by(as, client, method);
        const one = await assertion(as);
        const token = await grant(JWT_BEARER, { assertion: one });
        assert.deepEqual([token.scope, token.refresh_token], ["read", undefined]);
        const claims = await verified(as, realm, token, BACKEND);
        assert.deepEqual([claims.sub, claims.act], ["partner:77", undefined]);
        const foreign = { subject_token: await assertion(as, { jti: undefined }), subject_token_type: JWT };
        for (let times = 0; times < 2; times += 1) {
          const exchanged = await verified(as, realm, await grant(EXCHANGE, foreign), BACKEND);
          assert.deepEqual([exchanged.sub, exchanged.act], ["partner:77", { sub: client.client_id }]);
        }
        for (const [parameters, error] of [
          [{ assertion: one }, "invalid_grant"],
          [{ assertion: await assertion(as, { aud: LEDGER }) }, "invalid_grant"],
          [{ assertion: await assertion(as, { exp: now() - 60 }) }, "invalid_grant"],
          [{ assertion: await assertion(as, {}, (await newKey()).privateKey) }, "invalid_grant"],
          [{ assertion: await assertion(as), scope: "read write" }, "invalid_scope"],
        ]) {
          await assert.rejects(grant(JWT_BEARER, parameters), isError(400, error), error);
        }
        const untold = await by(as, await register(realm, method, { audience: [BACKEND] }), method);
        await assert.rejects(untold.grant(JWT_BEARER, { assertion: await assertion(as) }),
          isError(400, "invalid_grant"));
      });
    }
  }

  test(`${realm}: a chain of services says who acts for whom, and ends with the person's refresh token`, async () => {
    const as = await discover(realm);
    const { client, tokens, app } = await signIn(as, realm);
    const service = (members, method) => register(realm, method, members);
    const [apiClient, backendClient, ledgerClient] = [
      await service({ resources: [API], exchange_audience: [BACKEND] }, "private_key_jwt"),
      await service({ resources: [BACKEND], exchange_audience: [LEDGER], scope: "read" }),
      await service({ resources: [LEDGER], grant_types: [] }),
    ];
    const api = withOauth4webapi(as, apiClient, "private_key_jwt");
    const [backend, ledger] = [withOauth4webapi(as, backendClient), withOauth4webapi(as, ledgerClient)];

    const second = await api.grant(EXCHANGE, { ...subject(tokens), audience: BACKEND });
    const third = await backend.grant(EXCHANGE, { ...subject(second), audience: LEDGER });
    const claims = await verified(as, realm, third, LEDGER);
    assert.deepEqual(
      [claims.sub, claims.client_id ?? claims.azp, claims.scope],
      ["1302", backendClient.client_id, "read"]);
    // RFC 8693 §4.1: "the outermost act claim represents the current actor".
    assert.deepEqual(claims.act, { sub: backendClient.client_id, act: { sub: apiClient.client_id } });
    await assert.rejects(verified(as, realm, third, BACKEND), /aud/);
    if (realm === "default") {
      const request = new Request(LEDGER, { headers: { authorization: `Bearer ${third.access_token}` } });
      assert.equal((await oauth.validateJwtAccessToken(as, request, LEDGER, insecure)).sub, "1302");
    }
    // Nobody gets on with a token that was for somebody else, or gets back what is gone.
    await assert.rejects(backend.grant(EXCHANGE, { ...subject(tokens), audience: LEDGER }), isInvalid);
    await assert.rejects(backend.grant(EXCHANGE, { ...subject(second), audience: LEDGER, scope: "write" }),
      isError(400, "invalid_scope"));

    const chain = [
      ["the client's", app, tokens], ["as the API sees it", api, tokens], ["the API's", api, second],
      ["as the backend sees it", backend, second], ["the backend's", backend, third],
      ["as the ledger sees it", ledger, third],
    ];
    for (const [name, party, { access_token }] of chain) {
      const told = await party.introspect(access_token);
      assert.deepEqual([told.active, told.sub], [true, "1302"], name);
    }
    const { active, client_id, scope } = await app.introspect(tokens.refresh_token);
    assert.deepEqual([active, client_id, scope], [true, client.client_id, "openid offline_access read write"]);

    await app.revoke(tokens.refresh_token);
    for (const [name, party, { access_token }] of chain) {
      assert.deepEqual(await party.introspect(access_token), { active: false }, name);
    }
    assert.deepEqual(await app.introspect(tokens.refresh_token), { active: false });
    await assert.rejects(app.grant("refresh_token", { refresh_token: tokens.refresh_token }),
      isError(400, "invalid_grant"));
    await assert.rejects(api.grant(EXCHANGE, { ...subject(tokens), audience: BACKEND }), isInvalid);
    await assert.rejects(backend.grant(EXCHANGE, { ...subject(second), audience: LEDGER }), isInvalid);
  });

  test(`${realm}: an exchanged token is for the key that is shown, and so is one of the client's own`, async () => {
    const as = await discover(realm);
    const apiClient = await register(realm, undefined, {
      resources: [API, BACKEND], audience: [BACKEND], exchange_audience: [BACKEND],
    });
    const api = withOauth4webapi(as, apiClient);
    const [theirs, ours, thief] = await Promise.all([1, 2, 3].map(async () => oauth.DPoP(apiClient, await newKey())));
    // The client's token is for its key; that the API has seen its proof is the API's affair.
    const { tokens, app } = await signIn(as, realm, { DPoP: theirs });
    assert.equal(tokens.token_type, "dpop");
    const exchange = (token, DPoP, audience = BACKEND) =>
      withNonce(() => api.grant(EXCHANGE, { ...subject(token), audience }, DPoP && { DPoP }));
    const bound = await exchange(tokens, ours);
    assert.equal(bound.token_type, "dpop");
    const { cnf, act } = await verified(as, realm, bound, BACKEND);
    assert.deepEqual([cnf, act], [{ jkt: await ours.calculateThumbprint() }, { sub: apiClient.client_id }]);
    const told = await api.introspect(bound.access_token);
    assert.deepEqual([told.active, told.token_type, told.cnf], [true, "DPoP", cnf]);
    // Its own it exchanges with its key alone, and acts no second time.
    const again = await verified(as, realm, await exchange(bound, ours), BACKEND);
    assert.deepEqual([again.cnf, again.act], [cnf, act]);
    await assert.rejects(exchange(bound, thief), isInvalid);
    await assert.rejects(exchange(bound), isInvalid);
    assert.equal((await exchange(tokens)).token_type, "bearer");
    await app.revoke(tokens.refresh_token);
    assert.deepEqual(await api.introspect(bound.access_token), { active: false });
  });
}

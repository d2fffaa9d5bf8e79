// npm's oauth4webapi and openid-client with keys of their own: assertions (private_key_jwt), proofs of
// possession (DPoP), both together, and registration. In a realm of its own dialect and in one that
// talks like Keycloak, by their metadata alone. jose and oauth4webapi verify the tokens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { newKey, registerWithKey } from "../e2e/keys.mjs";
import { CALLBACK, withPeople } from "../e2e/people.mjs";
import { registerIn, start } from "../e2e/worker.mjs";
import { signInAt } from "./people.mjs";

const REALMS = ["default", "dx"];
const insecure = { [oauth.allowInsecureRequests]: true };

let worker;
let logins;

before(async () => {
  const realm = {
    ...withPeople,
    scopes: `${withPeople.scopes} client_registration`,
    registration: {
      grant_types: ["client_credentials", "authorization_code"],
      auth_methods: ["client_secret_basic", "private_key_jwt"],
      scopes: "read",
    },
  };
  worker = await start({
    realm: () => realm,
    realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, ...realm } }),
  });
  logins = {};
  for (const realm of REALMS) {
    logins[realm] = await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
  }
});
after(() => worker.stop());

async function discover(realm) {
  const issuer = new URL(`${worker.url}/realms/${realm}`);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
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

async function clientCredentials(as, client, authentication, options = {}) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication,
    new URLSearchParams({ scope: "read" }), { ...insecure, ...options });
  return oauth.processClientCredentialsResponse(as, client, response);
}

/** The claims of a token that jose verifies. */
async function claimsOf(as, { access_token }) {
  const { payload } = await jwtVerify(access_token, createRemoteJWKSet(new URL(as.jwks_uri)), { issuer: as.issuer });
  return payload;
}

const isInvalidClient = (error) => error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401;

for (const realm of REALMS) {
  test(`${realm}: private_key_jwt by oauth4webapi`, async () => {
    const as = await discover(realm);
    assert.ok(as.token_endpoint_auth_methods_supported.includes("private_key_jwt"));
    const client = await registerWithKey(worker, realm);
    const token = await clientCredentials(as, client, oauth.PrivateKeyJwt(client.privateKey));
    assert.equal(token.token_type, "bearer");
    const claims = await claimsOf(as, token);
    assert.equal(claims.client_id ?? claims.azp, client.client_id);
    assert.equal(claims.cnf, undefined);

    const other = await newKey();
    await assert.rejects(clientCredentials(as, client, oauth.PrivateKeyJwt(other.privateKey)), isInvalidClient);
    const named = { key: client.privateKey, kid: "none" };
    await assert.rejects(clientCredentials(as, client, oauth.PrivateKeyJwt(named)), isInvalidClient);
    const late = { [oauth.modifyAssertion]: (_, payload) => { payload.exp = payload.iat - 60; } };
    await assert.rejects(clientCredentials(as, client, oauth.PrivateKeyJwt(client.privateKey, late)), isInvalidClient);
  });

  for (const method of ["client_secret_basic", "private_key_jwt"]) {
    test(`${realm}: DPoP by oauth4webapi, with ${method}`, async () => {
      const as = await discover(realm);
      assert.deepEqual(as.dpop_signing_alg_values_supported, ["ES256"]);
      const isKeyed = method === "private_key_jwt";
      const client = await (isKeyed ? registerWithKey(worker, realm) : registerIn(worker, realm, "--scope", "read"));
      const authentication = isKeyed
        ? oauth.PrivateKeyJwt(client.privateKey) : oauth.ClientSecretBasic(client.client_secret);
      const DPoP = oauth.DPoP(client, await newKey());
      await assert.rejects(clientCredentials(as, client, authentication, { DPoP }), oauth.isDPoPNonceError);
      // The nonce that came with the refusal is good for more than one proof.
      for (let times = 0; times < 3; times += 1) {
        const token = await clientCredentials(as, client, authentication, { DPoP });
        assert.equal(token.token_type, "dpop");
        assert.deepEqual((await claimsOf(as, token)).cnf, { jkt: await DPoP.calculateThumbprint() });
      }
      const garbage = oauth.DPoP(client, await newKey(), {
        [oauth.modifyAssertion]: (header, payload) => { payload.htu += "x"; },
      });
      const refused = withNonce(() => clientCredentials(as, client, authentication, { DPoP: garbage }));
      await assert.rejects(refused, (error) => error.error === "invalid_dpop_proof" && error.status === 400);
    });
  }

  test(`${realm}: a person's tokens are for the key alone: code, userinfo, refresh`, async () => {
    const as = await discover(realm);
    const client = await registerIn(worker, realm, "--scope", "openid offline_access", "--auth-method", "none",
      "--grant-types", "authorization_code,refresh_token", "--redirect-uri", CALLBACK);
    const DPoP = oauth.DPoP(client, await newKey());
    const thief = oauth.DPoP(client, await newKey());
    const verifier = oauth.generateRandomCodeVerifier();
    const options = (handle) => ({ ...insecure, DPoP: handle });
    const begin = async () => oauth.validateAuthResponse(as, client, await signInAt(as, logins[realm], {
      response_type: "code", client_id: client.client_id, redirect_uri: CALLBACK, scope: "openid",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
      dpop_jkt: await DPoP.calculateThumbprint(),
    }));
    const redeem = async (answer, handle) => oauth.processAuthorizationCodeResponse(as, client,
      await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, CALLBACK, verifier, options(handle)));
    const refresh = async (refresh_token, handle) => oauth.processRefreshTokenResponse(as, client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refresh_token, options(handle)));
    const userinfo = async (access_token, handle) => oauth.processUserInfoResponse(as, client, "1302",
      await oauth.userInfoRequest(as, client, access_token, options(handle)));

    const stolen = await begin();
    await assert.rejects(withNonce(() => redeem(stolen, thief)), oauth.ResponseBodyError);
    const answer = await begin();
    let token = await withNonce(() => redeem(answer, DPoP));
    for (let times = 0; times < 2; times += 1) {
      assert.equal(token.token_type, "dpop");
      assert.deepEqual((await claimsOf(as, token)).cnf, { jkt: await DPoP.calculateThumbprint() });
      assert.equal((await withNonce(() => userinfo(token.access_token, DPoP))).sub, "1302");
      await assert.rejects(withNonce(() => userinfo(token.access_token, thief)), (error) => error.status === 401
        && error.cause[0].scheme === "dpop" && error.cause[0].parameters.error === "invalid_dpop_proof");
      await assert.rejects(userinfo(token.access_token), (error) => error.status === 401);
      await assert.rejects(withNonce(() => refresh(token.refresh_token, thief)), oauth.ResponseBodyError);
      await assert.rejects(refresh(token.refresh_token), oauth.ResponseBodyError);
      token = await withNonce(() => refresh(token.refresh_token, DPoP));
    }
  });

  test(`${realm}: openid-client with private_key_jwt and DPoP, which sees to the nonce itself`, async () => {
    const client = await registerWithKey(worker, realm);
    const config = await openid.discovery(new URL(`${worker.url}/realms/${realm}`), client.client_id, undefined,
      openid.PrivateKeyJwt(client.privateKey), { execute: [openid.allowInsecureRequests] });
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair("ES256"));
    for (let times = 0; times < 2; times += 1) {
      const token = await openid.clientCredentialsGrant(config, {}, { DPoP });
      assert.deepEqual([token.token_type, token.scope], ["dpop", "read write"]);
    }
    assert.equal((await openid.clientCredentialsGrant(config)).token_type, "bearer");
  });

  test(`${realm}: a client is registered by oauth4webapi, and gets tokens`, async () => {
    const as = await discover(realm);
    const registrar = await registerIn(worker, realm, "--scope", "client_registration", "--audience", as.issuer);
    const DPoP = oauth.DPoP(registrar, await newKey());
    const initial = async (options) => (await oauth.processClientCredentialsResponse(as, registrar,
      await oauth.clientCredentialsGrantRequest(as, registrar, oauth.ClientSecretBasic(registrar.client_secret), {},
        { ...insecure, ...options }))).access_token;
    const { jwk, privateKey } = await newKey();
    const metadata = {
      client_name: "Made by itself", grant_types: ["client_credentials"], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] },
    };
    for (const options of [{}, { DPoP }]) {
      const initialAccessToken = await withNonce(() => initial(options));
      const register = async (metadata) => oauth.processDynamicClientRegistrationResponse(
        await oauth.dynamicClientRegistrationRequest(as, metadata, { ...insecure, ...options, initialAccessToken }));
      const client = await withNonce(() => register(metadata));
      assert.deepEqual([client.client_name, client.client_secret], [metadata.client_name, undefined]);
      assert.equal((await clientCredentials(as, client, oauth.PrivateKeyJwt(privateKey))).scope, "read");
      const wide = register({ ...metadata, scope: "write" });
      await assert.rejects(wide, (error) => error.error === "invalid_client_metadata" && error.status === 400);
    }
  });
}

test("oauth4webapi verifies a bound token as a resource server does, and refuses it in other hands", async () => {
  const as = await discover("default");
  const client = await registerWithKey(worker, "default", "--audience", "https://api.example");
  const authentication = oauth.PrivateKeyJwt(client.privateKey);
  const [DPoP, thief] = [oauth.DPoP(client, await newKey()), oauth.DPoP(client, await newKey())];
  const { access_token } = await withNonce(() => clientCredentials(as, client, authentication, { DPoP }));
  const show = async (handle) => {
    let shown;
    await oauth.protectedResourceRequest(access_token, "GET", new URL("https://api.example/x"), undefined, undefined, {
      DPoP: handle,
      [oauth.customFetch]: async (url, init) => {
        shown = new Request(url, init);
        return new Response();
      },
    });
    return oauth.validateJwtAccessToken(as, shown, "https://api.example", { ...insecure, requireDPoP: true });
  };
  assert.equal((await show(DPoP)).client_id, client.client_id);
  await assert.rejects(show(thief), /JWT Access Token confirmation mismatch|cnf/);
});

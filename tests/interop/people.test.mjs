// npm's openid-client signs people in through the example login application; jose verifies the ID
// tokens from the served JWKS. In a realm of its own dialect and in one that talks like Keycloak,
// with a client that has a secret and one that has none.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";
import { PEOPLE } from "../../examples/login/login.mjs";
import { registerApplication, SCOPE, startWithPeople } from "./people.mjs";

const REALMS = ["default", "dx"];
const METHODS = ["client_secret_basic", "none"];

// Nothing is there: the browser stops before it.
const APPLICATION = "https://app.example";
const REDIRECT_URI = `${APPLICATION}/callback`;
const SIGNED_OUT_URI = `${APPLICATION}/signed-out`;

let worker;

before(async () => { worker = await startWithPeople(); });
after(() => worker.stop());

/** Registers a client, and returns what openid-client discovers for it. */
async function discover(realm, method) {
  const client = await registerApplication(worker, realm, method, REDIRECT_URI, SIGNED_OUT_URI);
  const authentication = method === "none" ? openid.None() : openid.ClientSecretBasic(client.client_secret);
  const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
  return openid.discovery(new URL(worker.issuers[realm]), client.client_id, undefined, authentication, { execute });
}

/** The parameters of an authorization request, and what its answer must fit. */
async function authorization(more = {}) {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
  };
  const parameters = {
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  };
  return { parameters, checks };
}

/** A browser without a screen: it keeps cookies, follows redirects, and stops at the client. */
function browser() {
  const cookies = new Map();

  /** Returns where it stopped, and the response unless that is the client. */
  async function open(url, init = {}) {
    for (let redirects = 0; redirects < 10; redirects += 1) {
      const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
      const response = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(";")[0].split("=");
        if (/; *max-age=0/i.test(line)) cookies.delete(name);
        else cookies.set(name, value);
      }
      const location = response.headers.get("location");
      if (!location) return { url, response };
      url = new URL(location, url);
      if (url.origin === APPLICATION) return { url };
      init = {};
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  /** Answers the login page. */
  const answer = (login, sub, act = "continue") =>
    open(new URL(login.pathname, login), {
      method: "POST",
      headers: { origin: login.origin },
      body: new URLSearchParams({ ticket: login.searchParams.get("ticket"), sub, act }),
    });

  /** Opens an authorization URL as this person, who is asked, and returns where it ends. */
  async function signIn(authorizationUrl, sub = "1001", act) {
    const { url: login, response } = await open(authorizationUrl);
    assert.equal(response?.status, 200, `no question at ${login}`);
    const text = await response.text();
    assert.ok(text.includes("<strong>Books &amp; &lt;Co&gt;</strong>"), text);
    assert.ok(text.includes(`<strong>${SCOPE}</strong>`), text);
    const { url, response: refusal } = await answer(login, sub, act);
    assert.equal(refusal, undefined, await refusal?.text());
    return url;
  }

  return { open, answer, signIn };
}

/** Signs somebody in. Returns the tokens, and where the browser came back with which checks. */
async function signedIn(config, more) {
  const { parameters, checks } = await authorization(more);
  const callback = await browser().signIn(openid.buildAuthorizationUrl(config, parameters));
  return { callback, checks, tokens: await openid.authorizationCodeGrant(config, callback, checks) };
}

const userinfo = (config, { access_token }) => openid.fetchUserInfo(config, access_token, "1001");

const isRefused = (error) => error instanceof openid.ResponseBodyError
  && error.error === "invalid_grant" && error.status === 400;
const isInvalidToken = (error) => error instanceof openid.WWWAuthenticateChallengeError
  && error.status === 401 && error.cause[0].scheme === "bearer"
  && error.cause[0].parameters.error === "invalid_token";
const isAnswer = (word) => (error) =>
  error instanceof openid.AuthorizationResponseError && error.error === word;

for (const realm of REALMS) {
  for (const method of METHODS) {
    test(`${realm}, ${method}: code, ID token, userinfo, two refreshes, end session`, async () => {
      const config = await discover(realm, method);
      const { callback, checks, tokens } = await signedIn(config);
      const issuer = worker.issuers[realm];
      const { client_id } = config.clientMetadata();
      assert.equal(callback.searchParams.get("iss"), issuer);
      assert.equal(config.serverMetadata().authorization_response_iss_parameter_supported, true);
      assert.equal(tokens.scope, SCOPE);

      const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
      const { payload } = await jwtVerify(tokens.id_token, keys, { issuer, audience: client_id, algorithms: ["ES256"] });
      const half = createHash("sha256").update(tokens.access_token).digest().subarray(0, 16);
      assert.deepEqual(
        [payload.sub, payload.nonce, payload.azp, payload.at_hash, typeof payload.sid],
        ["1001", checks.expectedNonce, client_id, half.toString("base64url"), "string"]);
      assert.ok(Math.abs(Date.now() / 1000 - payload.auth_time) < 60, `auth_time ${payload.auth_time}`);

      const { name, email, email_verified } = PEOPLE.get("1001");
      const told = await userinfo(config, tokens);
      assert.deepEqual([told.name, told.email, told.email_verified], [name, email, email_verified]);

      const second = await openid.refreshTokenGrant(config, tokens.refresh_token);
      const third = await openid.refreshTokenGrant(config, second.refresh_token);
      assert.equal(new Set([tokens, second, third].map(({ refresh_token }) => refresh_token)).size, 3);
      assert.equal((await userinfo(config, third)).sub, "1001");

      const end = openid.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token, post_logout_redirect_uri: SIGNED_OUT_URI, state: "bye" });
      const { url: signedOut } = await browser().open(end);
      assert.equal(signedOut.href, `${SIGNED_OUT_URI}?state=bye`);
      await assert.rejects(userinfo(config, third), isInvalidToken);
      await assert.rejects(openid.refreshTokenGrant(config, third.refresh_token), isRefused);
    });

    test(`${realm}, ${method}: a pushed authorization request`, async () => {
      const config = await discover(realm, method);
      const { parameters, checks } = await authorization();
      const url = await openid.buildAuthorizationUrlWithPAR(config, parameters);
      assert.deepEqual([...url.searchParams.keys()].toSorted(), ["client_id", "request_uri"]);
      const tokens = await openid.authorizationCodeGrant(config, await browser().signIn(url), checks);
      assert.equal(tokens.claims().sub, "1001");
    });

    test(`${realm}, ${method}: a code that comes twice ends all that came of it`, async () => {
      const config = await discover(realm, method);
      const { callback, checks, tokens } = await signedIn(config);
      assert.equal((await userinfo(config, tokens)).sub, "1001");
      await assert.rejects(openid.authorizationCodeGrant(config, callback, checks), isRefused);
      await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), isRefused);
      await assert.rejects(userinfo(config, tokens), isInvalidToken);
    });
  }

  test(`${realm}: a code is worth nothing with another verifier or to another client`, async () => {
    const config = await discover(realm, "client_secret_basic");
    const other = await discover(realm, "client_secret_basic");
    for (const [redeemer, more] of [[config, { pkceCodeVerifier: openid.randomPKCECodeVerifier() }], [other, {}]]) {
      const { parameters, checks } = await authorization();
      const callback = await browser().signIn(openid.buildAuthorizationUrl(config, parameters));
      await assert.rejects(openid.authorizationCodeGrant(redeemer, callback, { ...checks, ...more }), isRefused);
    }
  });

  test(`${realm}: a person who cancels is access_denied`, async () => {
    const config = await discover(realm, "none");
    const { parameters, checks } = await authorization();
    const callback = await browser().signIn(openid.buildAuthorizationUrl(config, parameters), "1001", "cancel");
    assert.equal(callback.searchParams.get("iss"), worker.issuers[realm]);
    await assert.rejects(openid.authorizationCodeGrant(config, callback, checks), isAnswer("access_denied"));
  });

  test(`${realm}: prompt and max_age ask a person whom the login application knows, or do not`, async () => {
    const config = await discover(realm, "none");
    const { open, signIn } = browser();
    const none = await authorization({ prompt: "none" });
    const { url: unknown } = await open(openid.buildAuthorizationUrl(config, none.parameters));
    await assert.rejects(openid.authorizationCodeGrant(config, unknown, none.checks), isAnswer("login_required"));

    const first = await authorization();
    await signIn(openid.buildAuthorizationUrl(config, first.parameters), "1002");
    for (const more of [{}, { prompt: "none" }, { max_age: "3600" }, { prompt: "none", max_age: "3600" }]) {
      const { parameters, checks } = await authorization(more);
      const { url } = await open(openid.buildAuthorizationUrl(config, parameters));
      if (more.max_age) checks.maxAge = Number(more.max_age);
      const tokens = await openid.authorizationCodeGrant(config, url, checks);
      assert.equal(tokens.claims().sub, "1002");
    }
    const asking = [{ prompt: "login" }, { prompt: "select_account" }, { prompt: "consent" }, { max_age: "0" }];
    for (const more of asking) {
      const { parameters, checks } = await authorization(more);
      const callback = await signIn(openid.buildAuthorizationUrl(config, parameters), "1003");
      if (more.max_age) checks.maxAge = Number(more.max_age);
      const tokens = await openid.authorizationCodeGrant(config, callback, checks);
      assert.equal(tokens.claims().sub, "1003");
    }
    const old = await authorization({ prompt: "none", max_age: "0" });
    const { url } = await open(openid.buildAuthorizationUrl(config, old.parameters));
    await assert.rejects(openid.authorizationCodeGrant(config, url, old.checks), isAnswer("login_required"));
  });

  test(`${realm}: signing out ends the login application's session too, of that person alone`, async () => {
    const config = await discover(realm, "none");
    const { open, answer, signIn } = browser();
    /** Asks whether somebody is signed in, and who. */
    const remembered = async () => {
      const { parameters, checks } = await authorization({ prompt: "none" });
      const { url } = await open(openid.buildAuthorizationUrl(config, parameters));
      if (url.searchParams.has("error")) return url.searchParams.get("error");
      return (await openid.authorizationCodeGrant(config, url, checks)).claims().sub;
    };
    const sign = async (sub, more) => {
      const { parameters, checks } = await authorization(more);
      const callback = await signIn(openid.buildAuthorizationUrl(config, parameters), sub);
      return openid.authorizationCodeGrant(config, callback, checks);
    };
    const end = ({ id_token }) => openid.buildEndSessionUrl(config, {
      id_token_hint: id_token, post_logout_redirect_uri: SIGNED_OUT_URI });
    const ben = await sign("1002");
    const chie = await sign("1003", { prompt: "login" });
    assert.equal(await remembered(), "1003");
    // Ben's tokens end; Chie, who sits there now, stays.
    assert.equal((await open(end(ben))).url.href, SIGNED_OUT_URI);
    await assert.rejects(openid.refreshTokenGrant(config, ben.refresh_token), isRefused);
    assert.equal(await remembered(), "1003");
    assert.equal((await open(end(chie))).url.href, SIGNED_OUT_URI);
    assert.equal(await remembered(), "login_required");

    // A link without a hint asks, and only the answer signs out.
    await sign("1001");
    const link = new URL(config.serverMetadata().end_session_endpoint);
    link.searchParams.set("post_logout_redirect_uri", SIGNED_OUT_URI);
    const { url: question, response } = await open(link);
    assert.equal(response.status, 200);
    assert.equal(question.search, "");
    const text = await response.text();
    assert.ok(text.includes("Sign out?") && text.includes("Ada Example"), text);
    assert.equal(await remembered(), "1001");
    const forged = await open(question, { method: "POST", headers: { origin: "https://evil.example" }, body: new URLSearchParams() });
    assert.equal(forged.response.status, 403);
    assert.equal(await remembered(), "1001");
    const { response: said } = await answer(question, "");
    assert.ok((await said.text()).includes("You are signed out"));
    assert.equal(await remembered(), "login_required");
  });

  test(`${realm}: the answer by a form that is posted`, async () => {
    const config = await discover(realm, "client_secret_basic");
    const { parameters, checks } = await authorization({ response_mode: "form_post" });
    const { open, answer } = browser();
    const { url: login } = await open(openid.buildAuthorizationUrl(config, parameters));
    const { url, response } = await answer(login, "1001");
    assert.equal(response.status, 200, String(url));
    const page = await response.text();
    assert.ok(page.includes(`action="${REDIRECT_URI}"`), page);
    const fields = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    const posted = new Request(REDIRECT_URI, { method: "POST", body: new URLSearchParams(fields) });
    const tokens = await openid.authorizationCodeGrant(config, posted, checks);
    assert.equal(tokens.claims().sub, "1001");
  });

  test(`${realm}: a ticket that another browser answers gives nobody a code`, async () => {
    const config = await discover(realm, "none");
    const { parameters } = await authorization();
    const [attacker, victim] = [browser(), browser()];
    const authorizationUrl = openid.buildAuthorizationUrl(config, parameters);
    const { url: login } = await attacker.open(authorizationUrl);
    const { response } = await victim.answer(login, "1001");
    assert.equal(response?.status, 400, "the victim's browser must not reach the client");
    const resume = new URL(`${authorizationUrl.origin}${authorizationUrl.pathname}/resume`);
    resume.search = login.search;
    const { response: refusal } = await attacker.open(resume);
    assert.equal(refusal?.status, 400, "the attacker's browser must not get the victim's code");
  });
}

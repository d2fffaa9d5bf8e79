// An example of a client: a web application that signs people in by the code flow with PKCE, with
// npm's openid-client.

import { randomUUID } from "node:crypto";
import * as openid from "openid-client";
import { html, page, redirect, serve, setCookie } from "./pages.mjs";

const COOKIE = "app-session";
const SCOPE = "openid profile email offline_access read";

const table = (caption, claims) => html`
<table>
<caption>${caption}</caption>
${Object.entries(claims).map(([name, value]) => html`
<tr><th scope="row">${name}</th><td>${typeof value === "string" ? value : JSON.stringify(value)}</td></tr>`)}
</table>`;

const button = (path, text, other = "") =>
  html`<form class="line" method="post" action="${path}"><button class="${other}">${text}</button></form> `;

const START = html`
<a class="button" href="/sign-in">Sign in</a>
<a class="button other" href="/sign-in?prompt=select_account">Sign in as somebody else</a>`;

/** Whether a token is refused because what it stood for has ended. */
function ended(error) {
  if (error instanceof openid.ResponseBodyError) return error.error === "invalid_grant";
  return error instanceof openid.WWWAuthenticateChallengeError
    && error.cause.some(({ parameters }) => parameters.error === "invalid_token");
}

/**
 * Starts the application on 127.0.0.1, at the issuer that is named and that must be running.
 * Without a secret it is a public client. Its redirect URI is `/callback`, and `/` is where it
 * wants people back whom it signs out.
 */
export async function start({ port, issuer, client_id, client_secret }) {
  const authentication = client_secret ? openid.ClientSecretBasic(client_secret) : openid.None();
  const execute = [openid.enableNonRepudiationChecks];
  if (issuer.startsWith("http:")) execute.push(openid.allowInsecureRequests);
  const config = await openid.discovery(new URL(issuer), client_id, undefined, authentication, { execute });

  /** By the value of the cookie: `begun`, what each sign-in expects by its state, and `signedIn`. */
  const sessions = new Map();

  /** Keeps a session under a new cookie. */
  function renew(cookie, session, answer) {
    const id = randomUUID();
    sessions.delete(cookie);
    sessions.set(id, session);
    return { ...answer, headers: { ...answer.headers, ...setCookie(COOKIE, id) } };
  }

  async function home(session) {
    if (!session?.signedIn) return page("Example application", html`<p>You are not signed in.</p>${START}`);
    const { tokens, claims, refreshed } = session.signedIn;
    const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
    return page(`Hello, ${userinfo.name ?? userinfo.sub}`, html`
<p>You are signed in. The tokens were refreshed ${refreshed} times.</p>
${tokens.refresh_token ? button("/refresh", "Refresh") : ""}
${button("/sign-out", "Sign out", "other")}
${table("ID token", claims)}
${table("Userinfo", userinfo)}
${table("Access token", { scope: tokens.scope ?? SCOPE, expires_in: tokens.expires_in })}`);
  }

  async function signIn(url, cookie) {
    const expected = {
      pkceCodeVerifier: openid.randomPKCECodeVerifier(),
      expectedState: openid.randomState(),
      expectedNonce: openid.randomNonce(),
    };
    const parameters = {
      redirect_uri: `${app.url}/callback`,
      scope: SCOPE,
      code_challenge: await openid.calculatePKCECodeChallenge(expected.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expected.expectedState,
      nonce: expected.expectedNonce,
    };
    if (url.searchParams.has("prompt")) parameters.prompt = url.searchParams.get("prompt");
    const answer = redirect(openid.buildAuthorizationUrl(config, parameters).href);
    const session = sessions.get(cookie);
    if (!session) return renew(cookie, { begun: new Map([[expected.expectedState, expected]]) }, answer);
    session.begun.set(expected.expectedState, expected);
    return answer;
  }

  /** The browser comes back. It is sent on to `/`, so that a reload does not send the code again. */
  async function callback(url, cookie) {
    const session = sessions.get(cookie);
    const expected = session?.begun.get(url.searchParams.get("state"));
    if (!expected) return page("No such sign-in has begun here", START, 400);
    session.begun.delete(expected.expectedState);
    let tokens;
    try {
      tokens = await openid.authorizationCodeGrant(config, url, expected);
    } catch (error) {
      if (!(error instanceof openid.AuthorizationResponseError)) throw error;
      return page("You are not signed in", html`<p>The answer was <code>${error.error}</code>.</p>${START}`, 400);
    }
    session.signedIn = { tokens, claims: tokens.claims(), refreshed: 0 };
    return renew(cookie, session, redirect("/"));
  }

  async function refresh(session) {
    const { signedIn } = session ?? {};
    if (!signedIn) return redirect("/");
    const tokens = await openid.refreshTokenGrant(config, signedIn.tokens.refresh_token);
    signedIn.claims = tokens.claims() ?? signedIn.claims;
    signedIn.tokens = { ...signedIn.tokens, ...tokens };
    signedIn.refreshed += 1;
    return redirect("/");
  }

  function signOut(session) {
    const { signedIn } = session ?? {};
    if (!signedIn) return redirect("/");
    delete session.signedIn;
    return redirect(openid.buildEndSessionUrl(config, {
      id_token_hint: signedIn.tokens.id_token,
      post_logout_redirect_uri: `${app.url}/`,
    }).href);
  }

  const app = await serve(port, async ({ method, url, cookies }) => {
    const cookie = cookies[COOKIE];
    const session = sessions.get(cookie);
    try {
      switch (`${method} ${url.pathname}`) {
        case "GET /": return await home(session);
        case "GET /sign-in": return await signIn(url, cookie);
        case "GET /callback": return await callback(url, cookie);
        case "POST /refresh": return await refresh(session);
        case "POST /sign-out": return signOut(session);
        default: return page("Not found", html``, 404);
      }
    } catch (error) {
      if (!ended(error)) throw error;
      delete session.signedIn;
      return page("You are signed out", html`<p>The service ended this sign-in.</p>${START}`, 401);
    }
  });
  return app;
}

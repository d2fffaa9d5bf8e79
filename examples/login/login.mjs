// An example of a login application: it shows who asks, lets a person be chosen, and tells the
// service. There are no passwords; where a real one authenticates, this one believes.

import { randomUUID } from "node:crypto";
import { html, page, redirect, serve, setCookie } from "./pages.mjs";

const COOKIE = "login-session";

const person = (id, given_name, family_name, country_code, userRegion) => {
  const username = given_name.toLowerCase();
  return [String(id), {
    name: `${given_name} ${family_name}`,
    given_name,
    family_name,
    preferred_username: username,
    email: `${username}@example.com`,
    email_verified: true,
    updated_at: 1767225600,
    // These are of other systems' dialects.
    first_name: given_name,
    last_name: family_name,
    country_code,
    user_type: "customer",
    userID: id,
    userRegion,
  }];
};

/** The people: `sub` and claims. */
export const PEOPLE = new Map([
  person(1001, "Ada", "Example", "GB", "eu"),
  person(1002, "Ben", "Example", "US", "us"),
  person(1003, "Chie", "Example", "JP", "ap"),
]);

const now = () => Math.floor(Date.now() / 1000);

/** What the service says of a ticket that is not valid, or no longer. */
class BadTicket extends Error {}

/** Asks the realm's service: `act` is ticket, accept or reject, under one of its endpoints. */
async function ask(realm, act, body, endpoint = realm.authorization_endpoint) {
  const credentials = [realm.client_id, realm.client_secret].map(encodeURIComponent).join(":");
  const response = await fetch(`${endpoint}/${act}`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (answer.error === "invalid_grant") throw new BadTicket();
  throw new Error(`${act} is refused with ${response.status} ${answer.error}`);
}

/** Whether the person must be asked, or may go on as who they are here already. */
function mustAsk(session, { prompt = "", max_age }) {
  if (!session) return true;
  if (prompt.split(" ").some((word) => ["login", "consent", "select_account"].includes(word))) return true;
  return max_age !== undefined && now() - session.auth_time >= max_age;
}

/** What the client says of itself: links alone, so that this page loads nothing from it. */
function about(asked) {
  const links = [
    ["client_uri", "What it is"], ["policy_uri", "What becomes of your data"], ["tos_uri", "Its terms of service"],
    ["logo_uri", "Its logo"],
  ].filter(([member]) => asked[member] !== undefined);
  return links.length === 0 ? "" : html`
<ul>
${links.map(([member, text]) => html`
<li><a href="${asked[member]}" rel="noreferrer" target="_blank">${text}</a></li>`)}
</ul>`;
}

/** The page that asks. */
function question(url, ticket, asked, session) {
  const remembered = session?.sub
    ?? [...PEOPLE].find(([, { preferred_username, email }]) =>
      [preferred_username, email].includes(asked.login_hint))?.[0]
    ?? PEOPLE.keys().next().value;
  return page("Sign in", html`
<p><strong>${asked.client_name ?? asked.client_id}</strong> asks who you are${
  asked.scope ? html`, and for: <strong>${asked.scope}</strong>` : ""}.</p>
<form method="post" action="${url.pathname}">
<input type="hidden" name="ticket" value="${ticket}">
<fieldset>
<legend>Who are you?</legend>
${[...PEOPLE].map(([sub, { name }]) => html`
<label><input type="radio" name="sub" value="${sub}" ${sub === remembered ? "checked" : ""}> ${name}</label>`)}
</fieldset>
<button name="act" value="continue">Continue</button>
<button name="act" value="cancel" class="other">Cancel</button>
</form>
${about(asked)}
<p class="note">This is an example. It asks for no password: whoever opens this page may be anybody.</p>`);
}

/** The page that asks who came by a link that anybody can have made. */
const leaveQuestion = (url, session) => page("Sign out?", html`
<p>You are signed in as <strong>${PEOPLE.get(session.sub).name}</strong>.</p>
<form method="post" action="${url.pathname}"><button>Sign out</button></form>`);

const SIGNED_OUT = page("You are signed out", html`<p>You can close this page.</p>`);

/**
 * Starts the login application on 127.0.0.1. `realms` has, for the path of each realm's
 * `login_url`, the realm's `authorization_endpoint` and `end_session_endpoint`, and the `client_id` and
 * `client_secret` that this application has there. The realm's `logout_url` has the same path with
 * `/logout` in place of `/login`.
 */
export async function start({ port, realms }) {
  /** Who has signed in, by the value of the cookie: `sub` and `auth_time`. */
  const sessions = new Map();

  const accept = async (realm, ticket, { sub, auth_time }) => {
    const { redirect_to } = await ask(realm, "accept", { ticket, sub, auth_time, claims: PEOPLE.get(sub) });
    return redirect(redirect_to);
  };
  const reject = async (realm, ticket, error) => {
    const { redirect_to } = await ask(realm, "reject", { ticket, error });
    return redirect(redirect_to);
  };

  /** The browser comes with a ticket. */
  async function arrive(realm, url, session) {
    const ticket = url.searchParams.get("ticket") ?? "";
    const asked = await ask(realm, "ticket", { ticket });
    if (!mustAsk(session, asked)) return accept(realm, ticket, session);
    if (asked.prompt === "none") return reject(realm, ticket, "login_required");
    return question(url, ticket, asked, session);
  }

  /** The person has answered. */
  async function answer(realm, form, cookie) {
    const ticket = form.get("ticket") ?? "";
    if (form.get("act") !== "continue") return reject(realm, ticket, "access_denied");
    const session = { sub: form.get("sub"), auth_time: now() };
    if (!PEOPLE.has(session.sub)) return page("Nobody was chosen", html``, 400);
    const accepted = await accept(realm, ticket, session);
    const id = randomUUID();
    sessions.delete(cookie);
    sessions.set(id, session);
    return { ...accepted, headers: { ...accepted.headers, ...setCookie(COOKIE, id) } };
  }

  /** A client signs a person out. Only that person's sign-in ends: by now another may sit here. */
  async function leave(realm, ticket, cookie) {
    const { sub, redirect_to } = await ask(realm, "ticket", { ticket }, realm.end_session_endpoint);
    if (sessions.get(cookie)?.sub === sub) sessions.delete(cookie);
    return redirect(redirect_to);
  }

  /** A browser comes to sign out. Without a ticket that is good, nobody knows who sent it. */
  async function signOut(realm, { method, url }, cookie) {
    if (method === "POST") {
      sessions.delete(cookie);
      return SIGNED_OUT;
    }
    const ticket = url.searchParams.get("ticket");
    try {
      if (ticket) return await leave(realm, ticket, cookie);
    } catch (error) {
      if (!(error instanceof BadTicket)) throw error;
    }
    const session = sessions.get(cookie);
    return session ? leaveQuestion(url, session) : SIGNED_OUT;
  }

  return serve(port, async (request) => {
    const { method, url, cookies, form } = request;
    const path = url.pathname.replace(/^\/logout(?=\/|$)/, "/login");
    const realm = Object.hasOwn(realms, path) && realms[path];
    if (!realm) return page("Not found", html``, 404);
    const cookie = cookies[COOKIE];
    if (path !== url.pathname) return signOut(realm, request, cookie);
    try {
      if (method === "POST") return await answer(realm, form, cookie);
      return await arrive(realm, url, sessions.get(cookie));
    } catch (error) {
      if (!(error instanceof BadTicket)) throw error;
      return page("This sign-in has ended",
        html`<p>It was used already, or took too long. Go back to the application and start again.</p>`, 400);
    }
  });
}

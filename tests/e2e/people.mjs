// The way of a person through a running worker, with the test as browser and login application.

import assert from "node:assert/strict";
import { basic, registerIn } from "./worker.mjs";

export const CALLBACK = "https://app.example/cb";

/** What a realm needs to have people. */
export const withPeople = {
  scopes: "openid profile email offline_access read write",
  login_url: "https://login.example/",
  login_clients: ["login"],
};

/** Registers the login application and a client for codes. Returns both with the realm's base URL. */
export async function registerPeople(worker, realm = "default", ...args) {
  const login = await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
  const app = await registerIn(worker, realm, "--grant-types", "authorization_code,refresh_token",
    "--redirect-uri", CALLBACK, "--scope", "openid email offline_access read", ...args);
  return { base: `${worker.url}/realms/${realm}`, login, app };
}

/** Sends a form of the client to an endpoint. */
export const post = ({ base, app }, path, form, headers = {}) => fetch(base + path, {
  method: "POST",
  headers: { authorization: basic(app.client_id, app.client_secret), ...headers },
  body: new URLSearchParams(form),
});

/** A call of the login application. */
export const call = ({ base, login }, path, body, headers = {}) => fetch(base + path, {
  method: "POST",
  headers: {
    authorization: basic(login.client_id, login.client_secret),
    "content-type": "application/json",
    ...headers,
  },
  body: JSON.stringify(body),
});

/** A browser at the authorization endpoint: the ticket and the cookie that it gets. */
export async function ask({ base, app }, parameters = {}) {
  const query = new URLSearchParams({
    response_type: "code", client_id: app.client_id, redirect_uri: CALLBACK, scope: "openid", ...parameters,
  });
  const response = await fetch(`${base}/authorize?${query}`, { redirect: "manual" });
  assert.equal(response.status, 303, await response.text());
  assert.ok(response.headers.get("set-cookie"), response.headers.get("location"));
  return {
    ticket: new URL(response.headers.get("location")).searchParams.get("ticket"),
    cookie: response.headers.get("set-cookie").split(";")[0],
  };
}

/** A code of a person who accepted. */
export async function code(people, parameters = {}) {
  const { ticket, cookie } = await ask(people, parameters);
  const accepted = await call(people, "/authorize/accept", { ticket, sub: "1302" });
  const { redirect_to } = await accepted.json();
  const response = await fetch(redirect_to, { redirect: "manual", headers: { cookie } });
  assert.equal(response.status, 303, await response.text());
  return new URL(response.headers.get("location")).searchParams.get("code");
}

export const redeem = (people, code, headers) =>
  post(people, "/token", { grant_type: "authorization_code", code, redirect_uri: CALLBACK }, headers);

export const refresh = (people, refresh_token, headers) =>
  post(people, "/token", { grant_type: "refresh_token", refresh_token }, headers);

/** The object of the family of a code or a refresh token: its UUID without the last 4 of 16 octets. */
export function objectOf(token) {
  const hex = Buffer.from(token, "base64url").subarray(0, 12).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{4})$/, "$1-$2-$3-$4-$5");
}

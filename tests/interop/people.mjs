// A worker with people for one test file: the realms `default` and `dx` (Keycloak), and the example
// login application for both; or the test itself as that application.

import { start as startLogin } from "../../examples/login/login.mjs";
import { basic, freePort, registerIn, start } from "../e2e/worker.mjs";

export const SCOPE = "openid profile email offline_access read";

/** Starts both. Returns the running worker, with `issuers`, each realm's. */
export async function startWithPeople() {
  const port = await freePort();
  const login = (path) => ({
    login_url: `http://127.0.0.1:${port}${path}`,
    logout_url: `http://127.0.0.1:${port}${path.replace("login", "logout")}`,
    login_clients: ["login"],
  });
  const worker = await start({
    realm: () => ({ scopes: SCOPE, ...login("/login") }),
    realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, ...login("/login/dx") } }),
  });
  const issuers = { default: worker.issuer, dx: `${worker.url}/realms/dx` };
  const at = async (realm, authorize, logout) => {
    const { client_id, client_secret } =
      await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
    return {
      authorization_endpoint: issuers[realm] + authorize,
      end_session_endpoint: issuers[realm] + logout,
      client_id,
      client_secret,
    };
  };
  const application = await startLogin({
    port,
    realms: {
      "/login": await at("default", "/authorize", "/logout"),
      "/login/dx": await at("dx", "/protocol/openid-connect/auth", "/protocol/openid-connect/logout"),
    },
  });
  return {
    ...worker,
    issuers,
    stop: async () => {
      await application.stop();
      await worker.stop();
    },
  };
}

/** Registers a client that signs people in. */
export function registerApplication(worker, realm, method, redirectUri, signedOutUri) {
  return registerIn(worker, realm, "--name", "Books & <Co>", "--auth-method", method,
    "--grant-types", "authorization_code,refresh_token", "--scope", SCOPE,
    "--redirect-uri", redirectUri, "--post-logout-redirect-uri", signedOutUri);
}

/**
 * A person signs in at the authorization endpoint of some metadata, with the test as browser and as
 * the login application. Returns the URL with which they come back to the client.
 */
export async function signInAt(as, { client_id, client_secret }, parameters) {
  const begun = await fetch(`${as.authorization_endpoint}?${new URLSearchParams(parameters)}`, { redirect: "manual" });
  const ticket = new URL(begun.headers.get("location")).searchParams.get("ticket");
  const accepted = await fetch(`${as.authorization_endpoint}/accept`, {
    method: "POST",
    headers: { authorization: basic(client_id, client_secret), "content-type": "application/json" },
    body: JSON.stringify({ ticket, sub: "1302" }),
  });
  const { redirect_to } = await accepted.json();
  const cookie = begun.headers.get("set-cookie").split(";")[0];
  const ended = await fetch(redirect_to, { redirect: "manual", headers: { cookie } });
  return new URL(ended.headers.get("location"));
}

// A worker with people for one test file: the realms `default` and `dx` (Keycloak), and the example
// login application for both.

import { start as startLogin } from "../../examples/login/login.mjs";
import { freePort, registerIn, start } from "../e2e/worker.mjs";

export const SCOPE = "openid profile email offline_access read";

/** Starts both. Returns the running worker, with `issuers`, each realm's. */
export async function startWithPeople() {
  const port = await freePort();
  const login = (path) => ({ login_url: `http://127.0.0.1:${port}${path}`, login_clients: ["login"] });
  const worker = await start({
    realm: () => ({ scopes: SCOPE, ...login("/login") }),
    realms: (url) => ({ dx: { dialect: "keycloak", issuer: `${url}/realms/dx`, ...login("/login/dx") } }),
  });
  const issuers = { default: worker.issuer, dx: `${worker.url}/realms/dx` };
  const at = async (realm, path) => {
    const { client_id, client_secret } =
      await registerIn(worker, realm, "--client-id", "login", "--grant-types", "");
    return { authorization_endpoint: issuers[realm] + path, client_id, client_secret };
  };
  const application = await startLogin({
    port,
    realms: {
      "/login": await at("default", "/authorize"),
      "/login/dx": await at("dx", "/protocol/openid-connect/auth"),
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

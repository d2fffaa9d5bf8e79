// Starts the example login application and the example client beside it. README.md has the variables.

import { readFileSync } from "node:fs";
import { start as startApp } from "./app.mjs";
import { start as startLogin } from "./login.mjs";

const { LOGIN_PORT = "8788", LOGIN_REALMS, APP_PORT = "8789", APP_CLIENT_SECRET } = process.env;

function required(name) {
  if (process.env[name]) return process.env[name];
  console.error(`[login] ${name} is missing: examples/login/README.md lists the variables.`);
  process.exit(1);
}

const issuer = required("ISSUER");
const discovered = await fetch(`${issuer}/.well-known/openid-configuration`);
if (!discovered.ok) throw new Error(`${discovered.url} answers ${discovered.status}`);
const { authorization_endpoint, end_session_endpoint } = await discovered.json();
const realms = {
  "/login": {
    authorization_endpoint,
    end_session_endpoint,
    client_id: required("LOGIN_CLIENT_ID"),
    client_secret: required("LOGIN_CLIENT_SECRET"),
  },
};
if (LOGIN_REALMS) {
  for (const [name, realm] of Object.entries(JSON.parse(readFileSync(LOGIN_REALMS, "utf8")))) {
    realms[`/login/${name}`] = realm;
  }
}

await startLogin({ port: Number(LOGIN_PORT), realms });
await startApp({
  port: Number(APP_PORT),
  issuer,
  client_id: required("APP_CLIENT_ID"),
  client_secret: APP_CLIENT_SECRET,
});

// P2: a token endpoint with Hono and jose, one KV read a request.

import { Hono } from "hono";
import { auth } from "hono/utils/basic-auth";
import { base64url, importJWK, SignJWT } from "jose";

const app = new Hono();
let key;

app.post("/token", async (c) => {
  c.header("cache-control", "no-store");
  c.header("pragma", "no-cache");
  const credentials = auth(c.req.raw);
  if (!credentials) return c.json({ error: "invalid_client" }, 401);
  const form = await c.req.parseBody();
  if (form.grant_type !== "client_credentials") return c.json({ error: "unsupported_grant_type" }, 400);
  const client = await c.env.CLIENTS.get(credentials.username, "json");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(credentials.password));
  if (!client || !crypto.subtle.timingSafeEqual(digest, base64url.decode(client.secret_hash))) {
    return c.json({ error: "invalid_client" }, 401);
  }
  const scope = form.scope ?? client.scope;
  const jwk = JSON.parse(c.env.PRIVATE_JWK);
  key ??= await importJWK(jwk, "ES256");
  const access_token = await new SignJWT({ client_id: client.client_id, scope })
    .setProtectedHeader({ alg: "ES256", kid: jwk.kid, typ: "at+jwt" })
    .setIssuer(c.env.ISSUER).setSubject(client.client_id).setAudience(c.env.ISSUER)
    .setJti(crypto.randomUUID()).setIssuedAt().setExpirationTime("5m")
    .sign(key);
  return c.json({ access_token, token_type: "Bearer", expires_in: 300, scope });
});

export default app;

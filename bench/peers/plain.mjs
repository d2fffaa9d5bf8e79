// P1: a token endpoint in plain JavaScript, without packages: WebCrypto, one KV read a request.

const encoder = new TextEncoder();
const decode = (text) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
const encode = (octets) => new Uint8Array(octets).toBase64({ alphabet: "base64url", omitPadding: true });

const HEADERS = { "content-type": "application/json", "cache-control": "no-store", pragma: "no-cache" };
const refuse = (status, error) => new Response(JSON.stringify({ error }), { status, headers: HEADERS });

let key;

async function sign(claims, env) {
  const jwk = JSON.parse(env.PRIVATE_JWK);
  key ??= await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const header = encode(encoder.encode(JSON.stringify({ alg: "ES256", kid: jwk.kid, typ: "at+jwt" })));
  const signed = `${header}.${encode(encoder.encode(JSON.stringify(claims)))}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, encoder.encode(signed));
  return `${signed}.${encode(signature)}`;
}

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return refuse(405, "invalid_request");
    const [scheme, credentials] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme !== "Basic") return refuse(401, "invalid_client");
    const [id, secret] = atob(credentials).split(":").map(decodeURIComponent);
    const form = new URLSearchParams(await request.text());
    if (form.get("grant_type") !== "client_credentials") return refuse(400, "unsupported_grant_type");
    const client = await env.CLIENTS.get(id, "json");
    const digest = await crypto.subtle.digest("SHA-256", encoder.encode(secret));
    if (client === null || !crypto.subtle.timingSafeEqual(digest, decode(client.secret_hash))) {
      return refuse(401, "invalid_client");
    }
    const scope = form.get("scope") ?? client.scope;
    const iat = Math.floor(Date.now() / 1000);
    const access_token = await sign({
      iss: env.ISSUER, sub: id, client_id: id, aud: env.ISSUER, scope, jti: crypto.randomUUID(), iat, exp: iat + 300,
    }, env);
    return new Response(JSON.stringify({ access_token, token_type: "Bearer", expires_in: 300, scope }), { headers: HEADERS });
  },
};

// A resource server verifies access tokens: a Cloudflare Worker, with npm's jose.
//
// ISSUER, AUDIENCE and JWKS_URI are variables of its wrangler.toml.

import { env } from "cloudflare:workers";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, JWKS_URI, TYP = "at+jwt", MAX_AGE = 300, COOLDOWN = 30 } = env;
// jose leaves out the check of what is undefined.
if (!ISSUER || !AUDIENCE || !JWKS_URI) throw new Error("set ISSUER, AUDIENCE and JWKS_URI");

// Each isolate has a copy of the keys, good for MAX_AGE seconds. A kid that it lacks may be new: then
// the keys are fetched again, unless that was less than COOLDOWN seconds ago.
const published = createRemoteJWKSet(new URL(JWKS_URI), {
  cacheMaxAge: MAX_AGE * 1000,
  cooldownDuration: COOLDOWN * 1000,
});

/** The key that a token's header names. */
async function key(header, token) {
  if (!header.kid) throw new errors.JWSInvalid("the header has no kid");
  if (header.crit) throw new errors.JWSInvalid("the header has extensions");
  if (!TYP && header.typ !== undefined) throw new errors.JWSInvalid("the header has a typ");
  try {
    return await published(header, token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) throw error;
    throw new Unavailable("the keys cannot be had", { cause: error });
  }
}

/** No fault of the token. */
class Unavailable extends Error {}

/** The claims of an access token that is for this service and for whoever bears it. */
async function verify(token) {
  const { payload } = await jwtVerify(token, key, {
    algorithms: ["ES256"],
    typ: TYP || undefined,
    issuer: ISSUER,
    audience: AUDIENCE,
    // ID tokens have no jti. Tokens of light-oauth2, which have no typ, have no sub.
    requiredClaims: TYP ? ["exp", "jti", "sub"] : ["exp", "jti"],
    clockTolerance: 60,
  });
  if ("cnf" in payload) {
    throw new errors.JWTClaimValidationFailed("the token is bound to a key", payload, "cnf");
  }
  return payload;
}

/** A refusal (RFC 6750 §3): to who shows no token it says nothing of errors. */
function unauthorized(error) {
  const why = error ? `, error="invalid_token", error_description="${error.code}"` : "";
  const challenge = `Bearer realm="api"${why}`;
  return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
}

export default {
  async fetch(request) {
    const token = request.headers.get("authorization")?.match(/^Bearer +(.+)$/i)?.[1];
    if (!token) return unauthorized();
    try {
      const { sub, scope } = await verify(token);
      return Response.json({ sub, scope });
    } catch (error) {
      if (error instanceof errors.JOSEError) return unauthorized(error);
      console.error(error);
      return new Response(null, { status: 503, headers: { "retry-after": "30" } });
    }
  },
};

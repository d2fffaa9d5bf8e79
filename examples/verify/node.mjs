// A resource server verifies access tokens: Node, with npm's jose.
//
//     ISSUER=… AUDIENCE=… JWKS_URI=… node node.mjs < tokens

import { createInterface } from "node:readline";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, JWKS_URI, TYP = "at+jwt", MAX_AGE = 300, COOLDOWN = 30 } = process.env;
// jose leaves out the check of what is undefined.
if (!ISSUER || !AUDIENCE || !JWKS_URI) throw new Error("set ISSUER, AUDIENCE and JWKS_URI");

// A copy of the keys is good for MAX_AGE seconds. A kid that it lacks may be new: then the keys are
// fetched again, unless that was less than COOLDOWN seconds ago.
const published = createRemoteJWKSet(new URL(JWKS_URI), {
  cacheMaxAge: MAX_AGE * 1000,
  cooldownDuration: COOLDOWN * 1000,
});

/** The key that a token's header names. */
function key(header, token) {
  if (!header.kid) throw new errors.JWSInvalid("the header has no kid");
  if (header.crit) throw new errors.JWSInvalid("the header has extensions");
  if (!TYP && header.typ !== undefined) throw new errors.JWSInvalid("the header has a typ");
  return published(header, token);
}

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

for await (const token of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await verify(token)));
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}

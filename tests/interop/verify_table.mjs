// What every program of examples/verify is shown: tokens that the service issued, and tokens that the
// test signed with the service's key and bent in one respect.

import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { newKey, now } from "../e2e/keys.mjs";

const encode = (value) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Signs as RFC 7518 §3.4 says, whatever the header and the claims are. */
export function signed(key, header, claims) {
  const text = `${encode(header)}.${encode(claims)}`;
  const signature = sign("sha256", text, { key, format: "jwk", dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** The claims of a good token of the dialect rfc9068. */
export const goodClaims = (issuer, audience) => ({
  exp: now() + 300, iat: now(), iss: issuer, sub: "app", aud: audience, jti: randomUUID(),
  client_id: "app", scope: "read",
});

/** The header of a good token of the dialect rfc9068. */
export const goodHeader = (kid) => ({ alg: "ES256", kid, typ: "at+jwt" });

/**
 * The rows `[name, token, accepted]`. `key` is the private JWK that signs for the issuer; `issued` are
 * tokens of the running service: `one` for the audience alone, `several` for others too, `bound` to a
 * key, `id_token`, and `other`, of another realm.
 */
export async function table({ issuer, audience, key, issued }) {
  const header = goodHeader(key.kid);
  const claims = goodClaims(issuer, audience);
  const own = (claimsOf, headerOf) => signed(key, { ...header, ...headerOf }, { ...claims, ...claimsOf });
  const good = own();
  const [head, body, signature] = good.split(".");
  const with_ = (text) => `${head}.${body}.${text}`;
  const raw = Buffer.from(signature, "base64url");
  const bent = Buffer.from(raw);
  bent[40] ^= 1;
  const der = sign("sha256", `${head}.${body}`, { key, format: "jwk" });

  const stranger = { ...(await newKey()).privateJwk, kid: key.kid };
  const { d: _, ...strangerPublic } = stranger;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const rs256 = `${encode({ ...header, alg: "RS256" })}.${body}`;
  const { d: __, nbf: ___, exp: ____, ...published } = key;
  const publicKey = createPublicKey({ key, format: "jwk" });
  const hs256 = (secret) => {
    const text = `${encode({ ...header, alg: "HS256" })}.${body}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };

  return [
    ["issued, for one audience", issued.one, true],
    ["issued, for several audiences", issued.several, true],
    ["issued, for a person", issued.person, true],
    ["signed by the test", good, true],
    ["typ in another case", own({}, { typ: "AT+JWT" }), true],
    ["typ with its application/", own({}, { typ: "application/at+jwt" }), true],
    ["expired, within the skew", own({ exp: now() - 30 }), true],
    ["not valid yet, within the skew", own({ nbf: now() + 30 }), true],
    ["nbf in the past", own({ nbf: now() - 120 }), true],
    ["exp with a fraction", own({ exp: now() + 100.5 }), true],
    ["aud as a list of one", own({ aud: [audience] }), true],
    ["without scope and client_id", own({ scope: undefined, client_id: undefined }), true],

    ["another issuer", own({ iss: `${issuer}/` }), false],
    ["iss as a list", own({ iss: [issuer] }), false],
    ["iss missing", own({ iss: undefined }), false],
    ["issued by another realm", issued.other, false],
    ["another audience", own({ aud: "https://other.example" }), false],
    ["an audience that ours begins with", own({ aud: audience.slice(0, -1) }), false],
    ["an audience that begins with ours", own({ aud: `${audience}/` }), false],
    ["several audiences without ours", own({ aud: ["https://other.example", `${audience}/`] }), false],
    ["aud as an empty list", own({ aud: [] }), false],
    ["aud as an object", own({ aud: { [audience]: audience } }), false],
    ["aud missing", own({ aud: undefined }), false],
    ["expired, beyond the skew", own({ exp: now() - 120 }), false],
    ["exp missing", own({ exp: undefined }), false],
    ["exp as a text", own({ exp: String(now() + 300) }), false],
    ["exp as a text that is no number", own({ exp: "never" }), false],
    ["exp as null", own({ exp: null }), false],
    ["exp as true", own({ exp: true }), false],
    ["exp as a list", own({ exp: [now() + 300] }), false],
    ["not valid yet, beyond the skew", own({ nbf: now() + 120 }), false],
    ["nbf as a text", own({ nbf: String(now() - 120) }), false],
    ["nbf as null", own({ nbf: null }), false],
    ["sub missing", own({ sub: undefined }), false],
    ["jti missing", own({ jti: undefined }), false],
    ["bound to a key, issued", issued.bound, false],
    ["bound to a certificate", own({ cnf: { "x5t#S256": "A".repeat(43) } }), false],
    ["bound to nothing that is known", own({ cnf: {} }), false],
    ["cnf as null", own({ cnf: null }), false],

    ["typ of other JWTs", own({}, { typ: "JWT" }), false],
    ["typ of logout tokens", own({}, { typ: "logout+jwt" }), false],
    ["typ that ours begins with", own({}, { typ: "at" }), false],
    ["typ missing", own({}, { typ: undefined }), false],
    ["typ empty", own({}, { typ: "" }), false],
    ["typ as a list", own({}, { typ: ["at+jwt"] }), false],
    ["an ID token, issued", issued.id_token, false],
    ["an ID token with our audience", own({ jti: undefined, scope: undefined }, { typ: "JWT" }), false],
    ["crit that nobody knows", own({}, { crit: ["x"], x: 1 }), false],
    ["crit of RFC 7797", own({}, { crit: ["b64"], b64: true }), false],
    ["crit, empty", own({}, { crit: [] }), false],
    ["crit as a text", own({}, { crit: "x" }), false],

    ["alg none", `${encode({ ...header, alg: "none" })}.${body}.`, false],
    ["alg none, with the signature", `${encode({ ...header, alg: "none" })}.${body}.${signature}`, false],
    ["alg None", `${encode({ ...header, alg: "None" })}.${body}.`, false],
    ["alg es256", own({}, { alg: "es256" }), false],
    ["alg ES384", own({}, { alg: "ES384" }), false],
    ["alg missing", own({}, { alg: undefined }), false],
    ["HS256 by the public key as PEM", hs256(publicKey.export({ type: "spki", format: "pem" })), false],
    ["HS256 by the public key as DER", hs256(publicKey.export({ type: "spki", format: "der" })), false],
    ["HS256 by the public key as JWK", hs256(JSON.stringify(published)), false],
    ["HS256 by its x", hs256(Buffer.from(key.x, "base64url")), false],
    ["RS256 by another key", `${rs256}.${sign("sha256", rs256, rsa).toString("base64url")}`, false],

    ["signature missing", `${head}.${body}`, false],
    ["signature empty", with_(""), false],
    ["signature cut by an octet", with_(raw.subarray(0, 63).toString("base64url")), false],
    ["signature cut in half", with_(raw.subarray(0, 32).toString("base64url")), false],
    ["signature longer by an octet", with_(Buffer.concat([raw, Buffer.of(0)]).toString("base64url")), false],
    ["signature bent", with_(bent.toString("base64url")), false],
    ["signature of zeros (CVE-2022-21449)", with_(Buffer.alloc(64).toString("base64url")), false],
    ["signature as DER", with_(der.toString("base64url")), false],
    ["signature not base64url", with_(`${signature.slice(0, -2)}!!`), false],
    ["claims of another token", `${head}.${encode({ ...claims, scope: "admin" })}.${signature}`, false],
    ["header of another token", `${encode({ ...header, extra: 1 })}.${body}.${signature}`, false],
    ["another key with the same kid", signed(stranger, header, claims), false],
    ["another key, in the header", signed(stranger, { ...header, jwk: strangerPublic }, claims), false],
    ["another key, in the header, no kid",
      signed(stranger, { ...header, kid: undefined, jwk: strangerPublic }, claims), false],
    ["kid that is not published", own({}, { kid: "unknown" }), false],
    ["kid missing", own({}, { kid: undefined }), false],
    ["kid empty", own({}, { kid: "" }), false],
    ["kid as a number", own({}, { kid: 1 }), false],

    ["nothing", "", false],
    ["garbage", "garbage", false],
    ["garbage in three parts", "a.b.c", false],
    ["three empty parts", "..", false],
    ["five parts, as a JWE", `${good}..`, false],
    ["a part too many", `${good}.${signature}`, false],
    ["a header that is no object", `${encode("[]")}.${body}.${signature}`, false],
    ["a header that is null", `${encode("null")}.${body}.${signature}`, false],
    ["a header that is no JSON", `${encode("{")}.${body}.${signature}`, false],
    ["claims that are a list", signed(key, header, [claims]), false],
    ["claims that are null", signed(key, header, null), false],
    ["claims that are no JSON", signed(key, header, "{"), false],
    ["the JSON form of a JWS", JSON.stringify({ protected: head, payload: body, signature }), false],
    ["a token and more", `${good} ${good}`, false],
    ["letters that are no ASCII", `ä${good}`, false],
  ];
}

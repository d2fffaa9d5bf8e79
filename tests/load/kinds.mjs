// What hostile clients send: each kind as a request that is made anew each time, and the answers
// that it may get.

import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { assertion, ASSERTION_TYPE, newKey, now, proof } from "../e2e/keys.mjs";
import { basic } from "../e2e/worker.mjs";
import { send, write } from "./send.mjs";

const FORM = "application/x-www-form-urlencoded";
const TOKEN = "/realms/default/token";
const GRANT = "grant_type=client_credentials";
const INACTIVE = '{"active":false}';

const random = (octets) => randomBytes(octets).toString("base64url");
const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const one = (values) => values[randomInt(values.length)];
const headers = (authorization, more) => ({ "content-type": FORM, ...(authorization && { authorization }), ...more });

/** A token request. */
const token = (authorization, body = GRANT, more = {}) => ({ headers: headers(authorization, more), body });

/** A text with the form of a signed token, whose signature is 64 random octets. */
const unsigned = (header, claims) => `${encode(header)}.${encode(claims)}.${random(64)}`;

/** 256 scopes, and the last again and again until the text is of 15 KB. */
const longScope = () => {
  const scopes = Array.from({ length: 256 }, (_, index) => String.fromCharCode(97 + index % 26, 97 + index / 26));
  return [...scopes, ...Array(4750).fill(scopes.at(-1))].join("+");
};

/**
 * The kinds for a running service: `name`, `request()`, `expect` (statuses), perhaps `body` (of the
 * answer) and `weight` (1 else), or `act()` for those that are not a request. `renew()` makes again
 * what is good for some minutes only.
 */
export async function makeKinds({ port, url, issuer, clients }) {
  const { good, brief, app, signer, foreign } = clients;
  const asGood = basic(good.client_id, good.client_secret);
  const asApp = basic(app.client_id, app.client_secret);
  const wrong = () => basic(good.client_id, random(32));
  const stranger = await newKey();

  const made = {};
  const accessToken = async (client, realm) => {
    const path = `/realms/${realm}/token`;
    const { body } = await send(port, { ...token(basic(client.client_id, client.client_secret)), path });
    return JSON.parse(body).access_token;
  };
  const renew = async () => {
    const { headers: answered } = await send(port, token(wrong(), GRANT, { dpop: "none" }));
    made.nonce = answered["dpop-nonce"];
    made.proof = await proof(stranger, url + TOKEN, made.nonce);
    made.foreign = await accessToken(foreign, "other");
    const used = new URLSearchParams({ ...(await assertion(signer, issuer)), grant_type: "client_credentials" });
    const { status } = await send(port, token(undefined, used.toString()));
    if (status !== 200) throw new Error(`a good assertion got ${status}`);
    made.used = used.toString();
  };
  await renew();
  made.expired = await accessToken(brief, "default");
  await sleep(1500);

  const assertionOf = (client_id, kid = signer.thumbprint) => {
    const claims = { iss: client_id, sub: client_id, aud: issuer, iat: now(), exp: now() + 60, jti: randomUUID() };
    return `${GRANT}&client_assertion_type=${encodeURIComponent(ASSERTION_TYPE)}`
      + `&client_assertion=${unsigned({ alg: "ES256", kid }, claims)}`;
  };
  const garbageAssertion = () => `${GRANT}&client_assertion_type=${encodeURIComponent(ASSERTION_TYPE)}&client_assertion=`
    + one([random(300), `${encode("[".repeat(4000))}.${encode("[".repeat(4000))}.${random(64)}`,
      unsigned({ alg: "none" }, {}), unsigned({ alg: "ES256", crit: ["b64"] }, "{".repeat(2000))]);
  const badProof = () => unsigned({ alg: "ES256", typ: "dpop+jwt", jwk: stranger.jwk },
    { htm: "POST", htu: url + TOKEN, nonce: made.nonce, iat: now(), jti: randomUUID() });
  const userinfo = (of) => ({ method: "GET", path: "/realms/default/userinfo", headers: { authorization: `Bearer ${of}` } });
  const introspect = (of, as = asGood) => ({ ...token(as, `token=${of}`), path: "/realms/default/introspect" });
  const authorize = (client_id, redirect_uri) => ({
    method: "GET",
    path: `/realms/default/authorize?response_type=code&client_id=${client_id}&scope=openid`
      + `&redirect_uri=${encodeURIComponent(redirect_uri)}&code_challenge_method=S256&code_challenge=${random(32)}`,
  });

  const headOf = (length) => `POST ${TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: ${FORM}\r\n`
    + `Content-Length: ${length}\r\n\r\n`;
  const kind = (name, expect, request, more = {}) => ({ name, expect: [expect].flat(), request, ...more });
  const kinds = [
    kind("wrong secret", 401, () => token(wrong())),
    kind("wrong secret in the form", 401, () =>
      token(undefined, `${GRANT}&client_id=${good.client_id}&client_secret=${random(32)}`)),
    kind("unknown client", 401, () => token(basic(random(12), random(32)))),
    kind("client id of 300 octets", 401, () => token(basic(random(225), random(32)))),
    kind("Basic without a colon, not UTF-8", 401, () =>
      token(`Basic ${one([Buffer.from(random(24)), Buffer.from([0xff, 0x3a, 0xc3, 0x28])]).toString("base64")}`)),
    kind("Basic that is no base64", 401, () => token(`Basic ${random(60)}-_%*`)),
    kind("Basic of 12 KB", 401, () => token(basic(random(12), random(6700)))),
    kind("another scheme, none", 401, () => token(one([`Bearer ${random(60)}`, "Negotiate", undefined]))),
    kind("body of 17 KB", 413, () => token(asGood, `${GRANT}&a=${"a".repeat(17_000)}`)),
    kind("body of 60 KB", 413, () => token(wrong(), `${GRANT}&a=${"a".repeat(60_000)}`)),
    kind("101 parameters", 400, () =>
      token(asGood, Array.from({ length: 101 }, (_, index) => `${random(6)}${index}=1`).join("&"))),
    kind("8,000 empty parameters", 400, () => token(asGood, "a&".repeat(8000))),
    kind("repeated parameter", 400, () => token(asGood, `${GRANT}&scope=read&scope=${random(6)}`)),
    kind("broken percent-encoding", 400, () => token(asGood, `${GRANT}&scope=%${one(["", "4", "zz", "ff", "C3%28"])}`)),
    kind("16 KB of percent-encoding", 401, () => token(wrong(), `${GRANT}&a=${"%41".repeat(5400)}`)),
    kind("256 scopes, the last 4,750 times", 400, () => token(asGood, `${GRANT}&scope=${longScope()}`)),
    kind("scope of 15 KB", 400, () => token(asGood, `${GRANT}&scope=${random(11_250)}`)),
    kind("90 resources", 400, () => token(asGood, GRANT + "&resource=https://a.example/".repeat(90) + random(6))),
    kind("unknown path", 404, () => ({ method: "GET", path: `/${random(one([6, 600]))}` })),
    kind("unknown realm", 404, () => ({ ...token(asGood), path: `/realms/${random(9)}/token` })),
    kind("path with //, %2f, ..", 404, () => ({
      ...token(asGood), path: `${one(["/realms//token", "/realms/default%2ftoken", "/../..//etc/passwd"])}${random(3)}`,
    })),
    kind("another method", 405, () =>
      ({ method: one(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]), headers: headers(asGood) })),
    kind("another content type", 400, () => token(asGood, '{"grant_type":"client_credentials"}',
      { "content-type": one(["application/json", "text/plain", "multipart/form-data; boundary=a", "x", `${FORM}; q=${random(500)}`]) })),
    kind("content encoding", 400, () => token(asGood, random(60), { "content-encoding": "gzip" })),
    kind("unknown grant type", 400, () => token(asGood, `grant_type=${random(9)}`)),
    kind("made-up code", 400, () =>
      token(asApp, `grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&code=${random(48)}`)),
    kind("made-up refresh token", 400, () => token(asApp, `grant_type=refresh_token&refresh_token=${random(84)}`)),
    kind("assertion, bad signature", 401, () => token(undefined, assertionOf(signer.client_id))),
    kind("assertion of an unknown client", 401, () => token(undefined, assertionOf(random(12)))),
    kind("assertion used before", 401, () => token(undefined, made.used)),
    kind("garbage for an assertion", 401, () => token(undefined, garbageAssertion())),
    kind("proof, bad signature", 400, () => token(asGood, GRANT, { dpop: badProof() })),
    kind("proof of a stranger, wrong secret", 401, () => token(wrong(), GRANT, { dpop: made.proof })),
    kind("garbage for a proof", 400, () => token(asGood, GRANT, { dpop: one([random(200), `a.b.${random(64)}`, "."]) })),
    kind("userinfo, garbage", 401, () => userinfo(one([random(100), unsigned({ alg: "ES256", typ: "at+jwt" }, {})]))),
    kind("userinfo, expired token", 401, () => userinfo(made.expired)),
    kind("userinfo, other realm's token", 401, () => userinfo(made.foreign)),
    kind("introspection, garbage", 200, () => introspect(random(one([84, 100]))), { body: INACTIVE }),
    kind("introspection, expired token", 200, () => introspect(made.expired), { body: INACTIVE }),
    kind("introspection, other realm's token", 200, () => introspect(made.foreign), { body: INACTIVE }),
    kind("introspection, wrong secret", 401, () => introspect(made.foreign, wrong())),
    kind("authorize, bad redirect URI", 400, () => authorize(app.client_id, `https://evil.example/${random(9)}`)),
    kind("authorize, unknown client", 400, () => authorize(random(12), "https://app.example/cb")),
    kind("made-up ticket", 400, () => ({
      method: "GET", path: `/realms/default/authorize/resume?ticket=${random(48)}`, headers: { cookie: `a=${random(3000)}` },
    })),
    kind("150 header fields", 431, () =>
      token(wrong(), GRANT, Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x-${index}`, random(6)])))),
    kind("header field of 20 KB", 431, () => token(`Basic ${random(15_000)}`)),
    {
      name: "connection cut half way", expect: ["dropped"],
      act: () => {
        const head = headOf(100);
        return write(port, one([[head, GRANT], [head.slice(0, -30)], ["POST"], [""]]), { pause: 5, cut: true });
      },
    },
    {
      name: "body of an octet a second", expect: [401], weight: 0.1, isSlow: true,
      act: () => {
        const body = `${GRANT}&a=1`;
        return write(port, [headOf(body.length), body.slice(0, -6), ...body.slice(-6)], { pause: 1000 });
      },
    },
  ];
  return { kinds, renew };
}

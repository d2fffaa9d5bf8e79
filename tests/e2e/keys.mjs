// What clients show: assertions (RFC 7523), proofs of possession (RFC 9449), certificates (RFC 8705).

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { registerIn, tool } from "./worker.mjs";

export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** A new key: for WebCrypto, as public and private JWK, and its thumbprint. */
export async function newKey() {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  const thumbprint = await calculateJwkThumbprint(jwk);
  return { publicKey, privateKey, jwk, privateJwk: await exportJWK(privateKey), thumbprint };
}

/** A signing key of the service that began an hour ago. */
export function oldKey(...args) {
  const { keys: [key] } = tool("key", "generate", "--print", ...args);
  return JSON.stringify({ keys: [{ ...key, nbf: key.nbf - 3600 }] });
}

/** Registers a client with a new key for its assertions. Returns its id with the key. */
export async function registerWithKey(worker, realm = "default", ...args) {
  const key = await newKey();
  const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  try {
    const path = join(folder, "jwks.json");
    writeFileSync(path, JSON.stringify({ keys: [key.jwk] }));
    const client = await registerIn(worker, realm, "--scope", "read write",
      "--auth-method", "private_key_jwt", "--jwks", path, ...args);
    return { ...client, ...key };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The seconds since 1970. */
export const now = () => Math.floor(Date.now() / 1000);

/** An assertion of a client for a realm, in the members of a form. */
export async function assertion({ client_id, privateKey }, audience, claims = {}) {
  const payload = {
    iss: client_id, sub: client_id, aud: audience, iat: now(), exp: now() + 60, jti: randomUUID(), ...claims,
  };
  const client_assertion = await new SignJWT(payload).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
  return { client_assertion_type: ASSERTION_TYPE, client_assertion };
}

/** A proof that the sender of a POST has a key. */
export function proof({ privateKey, jwk }, htu, nonce, claims = {}) {
  return new SignJWT({ htm: "POST", htu, nonce, iat: now(), jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).sign(privateKey);
}

/** A good certificate, as the runtime tells of it. */
export const CERTIFICATE = {
  certPresented: "1",
  certVerified: "SUCCESS",
  certRevoked: "0",
  certSubjectDNRFC2253: "CN=billing,O=Example",
  certFingerprintSHA256: "5e".repeat(32),
};

/** Sends a POST over a connection with a certificate, or without. */
export const postWith = (worker, tlsClientAuth, path, init) =>
  worker.miniflare.dispatchFetch(worker.url + path, { method: "POST", cf: { tlsClientAuth }, ...init });

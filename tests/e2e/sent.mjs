// All that tests send and get that nobody else may see, to look for it in what is logged and printed.
//
// Every worker of worker.mjs is reached by way of a tap of this file, so that it also sees what curl, a
// browser or a client in another language sends. What it knows of is known for all workers of a test
// file: a worker may not log another one's secrets either. The tap is in the test's own process, which so
// must not wait for such a program by `spawnSync`.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";

/** The parameters of forms and queries and the members of answers that are secrets, or as good as. */
const NAMES = [
  "token", "access_token", "refresh_token", "id_token", "id_token_hint", "subject_token", "actor_token",
  "assertion", "client_assertion", "client_secret", "code", "code_verifier", "ticket", "decision", "request_uri",
  // Of private keys, in bindings and in what the tool prints.
  "d",
].join("|");
const PARAMETERS = new RegExp(`(?:^|[?&\\s])(?:${NAMES})=([^&\\s"#]+)`, "g");
const MEMBERS = new RegExp(`\\\\?"(?:${NAMES})\\\\?"\\s*:\\s*\\\\?"([^"\\\\]+)`, "g");
const FIELDS = /^(authorization|dpop|cookie|set-cookie): *(.+?)\r?$/gim;
const SHORTEST = 16;

/** By their first octets, so that a long log is read once and not once for each. */
const secrets = new Map();
let known = 0;
let lines = 0;
let printed = 0;

/** Makes secrets known. */
export function add(...texts) {
  for (const text of texts) {
    // Of a signed token each part is looked for: a line could have lost the others.
    for (const part of [text, ...text.split(".").slice(1)]) {
      if (part.length < SHORTEST) continue;
      const begin = part.slice(0, SHORTEST);
      const same = secrets.get(begin) ?? secrets.set(begin, new Set()).get(begin);
      if (!same.has(part)) known += 1;
      same.add(part);
    }
  }
}

/** How a part of a URL or form reads; as it is, if it is none. */
function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** Makes known what is secret in a request, an answer, a binding or what a tool printed. */
export function addFrom(text) {
  for (const [, value] of text.matchAll(PARAMETERS)) add(value, decoded(value));
  for (const [, value] of text.matchAll(MEMBERS)) add(value, ...(/[?&]/.test(value) ? [] : [decoded(value)]));
  for (const [, field, value] of text.matchAll(FIELDS)) {
    const name = field.toLowerCase();
    if (name === "authorization") {
      const [scheme, ...rest] = value.split(" ");
      const credentials = rest.join(" ");
      add(credentials);
      if (scheme.toLowerCase() !== "basic") continue;
      const half = Buffer.from(credentials, "base64").toString().split(":").slice(1).join(":");
      add(half, decoded(half));
    } else if (name === "dpop") {
      add(value);
    } else {
      for (const cookie of value.split(name === "cookie" ? /; */ : /;.*/)) add(cookie.split("=").slice(1).join("="));
    }
  }
}

/** The first known secret in a text. */
export function secretIn(text) {
  for (let at = 0; at + SHORTEST <= text.length; at += 1) {
    for (const secret of secrets.get(text.slice(at, at + SHORTEST)) ?? []) {
      if (text.startsWith(secret, at)) return secret;
    }
  }
  return undefined;
}

/** Asserts that no secret, no signed token and no private key stands in a text. */
function isWithoutSecrets(text, where) {
  const found = secretIn(text) ?? text.match(/eyJ[\w-]+\.[\w-]+\.[\w-]*|"d\\?":\\?"[\w-]{43}/)?.[0];
  if (found === undefined) return;
  const at = text.indexOf(found);
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at + found.length);
  assert.fail(`a secret is in ${where}: ${line.slice(-500)}`);
}

/** Asserts that of the lines of a log. */
export function areWithoutSecrets(log) {
  lines += log.length;
  isWithoutSecrets(log.join("\n"), "the log");
}

/** Asserts that of what a program printed, but for what it is meant to show. */
export function isPrintedWithout(text, ...shown) {
  printed += 1;
  for (const secret of shown) text = text.replace(secret, "…");
  isWithoutSecrets(text, "what is printed");
}

/**
 * A chunk of a request in which nobody says that answers may be compressed, since they are read here, nor that the
 * connection be kept: workerd ends one that was idle for 5 s, of which a test that waits for a command by
 * `spawnSync` hears too late.
 */
const plain = (data) => Buffer.from(data.toString("latin1")
  .replace(/\naccept-encoding:/gi, "\nx-ccept-encoding:")
  .replace(/\nconnection: *keep-alive/gi, "\nconnection: close"), "latin1");

/** Listens on a port and leads to another. What goes through is looked at when it is asked for. */
export async function tap(port, target) {
  const connections = new Set();
  const server = createServer({ allowHalfOpen: true }, (inward) => {
    const outward = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    const sides = [inward, outward];
    const pair = { sides, seen: [[], []] };
    connections.add(pair);
    for (const [index, side] of sides.entries()) {
      const other = sides[1 - index];
      side.setNoDelay(true);
      side.on("data", (data) => {
        const chunk = side === inward ? plain(data) : data;
        pair.seen[index].push(chunk);
        if (!other.destroyed && !other.write(chunk)) side.pause();
      });
      side.on("drain", () => other.resume());
      side.on("end", () => other.end());
      side.on("error", () => other.destroy());
      side.on("close", () => other.destroySoon());
    }
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    /** Makes known what has gone through. */
    look() {
      for (const { seen } of connections) {
        for (const data of seen) addFrom(Buffer.concat(data).toString("latin1"));
      }
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const { sides } of connections) for (const side of sides) side.destroy();
      await closed;
    },
  };
}

process.once("exit", () => {
  if (lines + printed === 0) return;
  console.log(`no secret in what was logged and printed: ${known} secrets, ${lines} lines, ${printed} printed texts`);
});

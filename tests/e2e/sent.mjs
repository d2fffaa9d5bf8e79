// What a test file sends and gets that nobody else may see, to look for it in the log.

import assert from "node:assert/strict";

/** The parameters of forms and the members of answers that are secrets, or as good as. */
const SECRETS = [
  "token", "access_token", "refresh_token", "id_token", "subject_token", "actor_token", "assertion",
  "client_assertion", "client_secret", "code", "code_verifier",
];

/**
 * Looks from now on at all that `fetch` sends and gets in this process. Returns `add(…)` for what
 * goes another way, and `isNowhereIn(worker)`, which waits until the worker's log has come to rest.
 */
export function watch() {
  const seen = new Set();
  const add = (...secrets) => {
    for (const secret of secrets) {
      // Of a signed token each part is looked for: a line could have lost the others.
      for (const part of [secret, ...secret.split(".").slice(1)]) if (part.length >= 16) seen.add(part);
    }
  };
  const addMembers = (members) => {
    for (const name of SECRETS) if (typeof members[name] === "string") add(members[name]);
  };
  const send = globalThis.fetch;
  globalThis.fetch = async (url, init = {}) => {
    const headers = new Headers(init.headers);
    const [scheme, credentials] = (headers.get("authorization") ?? "").split(" ");
    if (credentials) add(credentials);
    if (scheme === "Basic") add(...Buffer.from(credentials, "base64").toString().split(":").slice(1));
    if (headers.has("dpop")) add(headers.get("dpop"));
    addMembers(Object.fromEntries(new URLSearchParams(init.body instanceof URLSearchParams ? init.body : "")));
    const response = await send(url, init);
    if (response.headers.get("content-type")?.includes("json")) {
      // HEAD and the like have no body.
      addMembers(await response.clone().json().catch(() => ({})));
    }
    return response;
  };
  return {
    add,
    async isNowhereIn({ logs }) {
      for (let lines = -1; lines !== logs.length;) {
        lines = logs.length;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.ok(seen.size > 0 && logs.length > 0, `${seen.size} secrets, ${logs.length} lines`);
      for (const line of logs) {
        for (const secret of seen) assert.ok(!line.includes(secret), `${secret} is in the log: ${line}`);
        assert.doesNotMatch(line, /eyJ[\w-]+\.[\w-]+\./);
      }
      return { secrets: seen.size, lines: logs.length };
    },
  };
}

// That the tests would see a secret in a log or a printed text: each kind is put there on purpose.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { newKey, oldKey, proof } from "./keys.mjs";
import { ask, code, redeem, registerPeople, withPeople } from "./people.mjs";
import { addFrom, areWithoutSecrets, secretIn } from "./sent.mjs";
import { basic, CLIENT_SECRETS_KEY, register, showsNoMore, start } from "./worker.mjs";

/** A module before the worker's own that logs what the header `tell` says. */
const TELLING = `
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  export default class extends worker {
    fetch(request) {
      if (request.headers.has("tell")) console.log(request.headers.get("tell"));
      return super.fetch(request);
    }
  };
`;

test("a worker that logs a secret fails its test, whoever sent it", async () => {
  const SIGNING_KEYS = oldKey();
  for (const secretOf of [
    async ({ app }) => app.client_secret,
    async (people) => {
      await redeem(people, "none");
      return basic(people.app.client_id, people.app.client_secret).slice("Basic ".length);
    },
    async (people) => (await ask(people)).ticket,
    async (people) => (await ask(people)).cookie.split("=")[1],
    async (people) => code(people),
    async (people) => (await (await redeem(people, await code(people))).json()).refresh_token,
    async (people) => (await (await redeem(people, await code(people))).json()).access_token.split(".")[2],
    async ({ app, base }) => {
      // By another program, as a client in another language is.
      const args = ["-s", "-u", `${app.client_id}:${app.client_secret}`, "-d", "grant_type=authorization_code",
        "-d", "code=made-up-by-another-program", `${base}/token`];
      assert.match((await promisify(execFile)("curl", args)).stdout, /invalid_grant/);
      return "made-up-by-another-program";
    },
    async ({ base }) => {
      const key = await newKey();
      const dpop = await proof(key, `${base}/token`);
      await fetch(`${base}/token`, { method: "POST", headers: { dpop } });
      return dpop.split(".")[2];
    },
    async () => JSON.parse(SIGNING_KEYS).keys[0].d,
    async () => CLIENT_SECRETS_KEY,
  ]) {
    const worker = await start({ main: TELLING, bindings: { SIGNING_KEYS }, realm: () => withPeople });
    const secret = await secretOf(await registerPeople(worker));
    await fetch(worker.url, { headers: { tell: `so: "${secret}".` } });
    await assert.rejects(worker.stop(), (error) => error.message.startsWith("a secret is in the log: "), String(secretOf));
  }
});

test("a worker that logs none passes", async () => {
  const worker = await start({ main: TELLING });
  const { client_id, client_secret } = await register(worker);
  assert.equal((await worker.token(client_id, client_secret)).status, 200);
  await worker.line(({ outcome }) => outcome === "issued");
  await worker.stop();
});

test("a tool that shows a secret where it should not fails its test", () => {
  const client_secret = "a-secret-of-the-tool";
  const stdout = JSON.stringify({ client_id: "app", client_secret });
  showsNoMore(["client", "create"], { stdout, stderr: "Created." });
  for (const [args, run] of [
    [["client", "show"], { stdout, stderr: "" }],
    [["client", "create"], { stdout: `${stdout}\n${client_secret}`, stderr: "" }],
    [["client", "create"], { stdout, stderr: `The secret is ${client_secret}.` }],
    [["key", "list"], { stdout: JSON.stringify({ d: "x".repeat(43) }), stderr: "" }],
  ]) {
    assert.throws(() => showsNoMore(args, run), /a secret is in what is printed/, args.join(" "));
  }
});

test("forms, queries, members and header fields are known for what they carry", () => {
  for (const [text, secret] of [
    ["a=b&client_secret=a%2Bb+cdefghijklmnop&c=d", "a+b cdefghijklmnop"],
    ["GET /cb?state=x&code=0123456789abcdef0 HTTP/1.1", "0123456789abcdef0"],
    ['{"redirect_to":"https://a/resume?decision=fedcba98765432100"}', "fedcba98765432100"],
    ["POST / HTTP/1.1\r\nCookie: a=b; __Host-t=cookie-0123456789\r\n\r\n", "cookie-0123456789"],
    ["HTTP/1.1 303 See Other\r\nset-cookie: __Host-t=biscuit-0123456789; Path=/\r\n\r\n", "biscuit-0123456789"],
    ["POST / HTTP/1.1\r\nAuthorization: Bearer bearer-0123456789\r\n\r\n", "bearer-0123456789"],
  ]) {
    assert.equal(secretIn(`"${secret}"`), undefined, secret);
    addFrom(text);
    assert.equal(secretIn(`"${secret}"`), secret);
    assert.throws(() => areWithoutSecrets(["{}", `{"reason":"${secret}"}`]), /a secret is in the log/);
  }
});

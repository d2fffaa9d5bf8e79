// The tool's `check` against a good deployment, and against ones that are broken on purpose: each
// breakage must fail the checks that are for it, and no other.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { add } from "./sent.mjs";
import { binary, freePort, register, showsNoMore, start } from "./worker.mjs";

/**
 * What each breakage does to an answer, and what must fail. An `it` has the path, method, query and
 * header fields `asked` of a request, and the `status`, `headers` and `body` of its answer.
 */
const BREAKAGES = {
  "errors may be stored": {
    break: (it) => it.isToken && it.status >= 400 && it.headers.delete("cache-control"),
    fails: ["errors: not stored"],
  },
  "the issuer has a slash at its end": {
    break: (it) => it.isMetadata && it.change((members) => ({ ...members, issuer: `${members.issuer}/` })),
    fails: ["metadata: issuer"],
  },
  "a private key is published": {
    break: (it) => it.isJwks && it.change(({ keys: [key] }) => ({ keys: [{ ...key, d: key.x }] })),
    fails: ["JWKS: private members"],
  },
  "a wrong secret is told from an unknown client": {
    break: (it) => {
      const credentials = atob((it.asked.get("authorization") ?? "").slice("Basic ".length).replace("!", ""));
      if (it.status === 401 && credentials.startsWith("app:")) it.body = it.body.replace("failed", "failed: wrong secret");
    },
    fails: ["token: wrong secret"],
  },
  "any origin may come with credentials": {
    break: (it) => {
      if (!it.isToken || !it.asked.get("origin")) return;
      it.headers.set("access-control-allow-origin", it.asked.get("origin"));
      it.headers.set("access-control-allow-credentials", "true");
    },
    fails: ["token endpoint: CORS"],
  },
  "the signing key is not published": {
    break: (it) => it.isJwks && it.change(({ keys: [key] }) => ({ keys: [{ ...key, kid: "another" }] })),
    fails: ["access token: kid"],
  },
  "another key is published under the name of the signing key": {
    break: (it) => it.isJwks && it.change(({ keys: [key] }) => ({ keys: [{
      ...key,
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }] })),
    fails: ["access token: signature"],
  },
  "a published key is no point": {
    break: (it) => it.isJwks && it.change(({ keys: [key] }) => ({ keys: [key, { ...key, kid: "bad", y: key.x }] })),
    fails: ["JWKS: points of the curve"],
  },
  "the clock is ten minutes ahead": {
    clock: 600_000,
    break: (it) => it.headers.set("date", new Date().toUTCString()),
    fails: ["transport: Date", "access token: iat"],
  },
  "the token endpoint redirects": {
    break: (it) => {
      if (!it.isToken || it.method !== "GET") return;
      it.status = 302;
      it.headers.set("location", "/login");
    },
    fails: ["error: GET", "errors: no redirect"],
  },
  "the query is read and echoed": {
    break: (it) => {
      if (!it.isToken || !it.query) return;
      it.status = 400;
      it.body = JSON.stringify({ error: "invalid_request", error_description: it.query });
    },
    fails: ["error: credentials in the query", "errors: nothing echoed"],
  },
  "the token endpoint sets a cookie": {
    break: (it) => it.isToken && it.headers.set("set-cookie", "a=b"),
    fails: ["errors: no cookie", "token: no cookie"],
  },
  "tokens live shorter than is said": {
    break: (it) => it.isToken && it.status === 200 && it.change((members) => ({ ...members, expires_in: 3600 })),
    fails: ["access token: exp"],
  },
  "documents are never 304": {
    break: (it) => {
      if (it.status !== 304) return;
      it.status = 200;
      it.body = "{}";
    },
    fails: ["JWKS: ETag", "metadata: ETag"],
  },
  "introspection says why": {
    break: (it) => it.path.endsWith("/introspect") && it.status === 200
      && it.change((members) => members.active ? members : { ...members, reason: "expired" }),
    fails: ["introspection: unknown token", "revocation: revoked token"],
  },
  "revocation fails": {
    break: (it) => {
      if (it.path.endsWith("/revoke")) it.status = 503;
    },
    fails: ["revocation: own token"],
  },
  "the deployment is not healthy": {
    break: (it) => {
      if (it.path === "/health") it.status = 503;
    },
    fails: ["health"],
  },
  "one request gets no answer": {
    break: (it) => it.isToken && it.method === "GET" && new Promise((resolve) => setTimeout(resolve, 6000)),
    fails: ["error: GET"],
    says: /timed out: no answer\s+within 5 s/,
  },
};

const FIVE = Object.keys(BREAKAGES).slice(0, 5);

/** A module before the worker's own that breaks what the last request to `/break` named. */
const MAIN = `
  import worker from "./index.js";
  export { GrantStore } from "./index.js";
  const breakages = { ${Object.entries(BREAKAGES).map(([name, { break: act, clock = 0 }]) =>
    `${JSON.stringify(name)}: { act: ${act}, clock: ${clock} }`)} };
  let broken = [];
  const RealDate = Date;
  const ahead = () => broken.reduce((sum, { clock }) => sum + clock, 0);
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length > 0) super(...args);
      else super(RealDate.now() + ahead());
    }
  };
  export default class extends worker {
    async fetch(request) {
      const { pathname: path, search: query } = new URL(request.url);
      if (path === "/break") {
        broken = (await request.json()).map((name) => breakages[name]);
        return new Response();
      }
      const { method } = request;
      const asked = new Headers(request.headers);
      const answer = await super.fetch(request);
      const it = {
        path, query, method, asked,
        isToken: path.endsWith("/token"),
        isJwks: path.endsWith("/jwks") && method === "GET" && answer.status === 200,
        isMetadata: path.includes("/.well-known/") && method === "GET" && answer.status === 200,
        status: answer.status,
        headers: new Headers(answer.headers),
        body: await answer.text(),
        change(edit) { this.body = JSON.stringify(edit(JSON.parse(this.body))); },
      };
      for (const { act } of broken) await act(it);
      return new Response(it.body || null, it);
    }
  };
`;

let worker;
let secret;

before(async () => {
  worker = await start({ main: MAIN, realm: (url) => ({ login_url: `${url}/login`, login_clients: ["login"] }) });
  ({ client_secret: secret } = await register(worker, "--client-id", "app"));
});
after(() => worker.stop());
beforeEach(() => breaking());

const breaking = (...names) => fetch(`${worker.url}/break`, { method: "POST", body: JSON.stringify(names) });

/** Runs `check` while the worker's logs are read, and returns what it says; never the secret. */
async function check(args, { env = {}, input = "" } = {}) {
  const child = spawn(binary, ["check", ...args], { env: { ...process.env, ...env } });
  const run = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => { run[name] += text; });
  }
  child.stdin.on("error", () => {}).end(input);
  run.status = await new Promise((resolve) => child.once("close", resolve));
  add(secret);
  showsNoMore(["check", ...args], run);
  if (run.stdout) run.json = JSON.parse(run.stdout);
  return run;
}

const withSecret = () => ["--client-id", "app", "--client-secret", secret];
const names = ({ json }, result) => json.checks.filter((each) => each.result === result).map(({ name }) => name);

/** The only checks that cannot be made of a good deployment here. */
const UNMADE = new Set([
  "error: assertion with none", "error: assertion with HS256", "transport: Date",
  // Those are for https: check_https.test.mjs makes them.
  "transport: HSTS", "token endpoint: plain http",
]);

test("a good deployment passes", async () => {
  const run = await check([worker.issuer, ...withSecret()]);
  const { passed, warned, failed, skipped } = run.json;
  console.log(`${passed} passed, ${warned} warned, ${failed} failed, ${skipped} skipped`);
  assert.deepEqual([run.status, names(run, "fail"), names(run, "warn")], [0, [], []], run.stderr);
  assert.deepEqual(names(run, "skip").filter((name) => !UNMADE.has(name)), []);
  assert.ok(passed > 60);
  assert.equal(passed + skipped, run.json.checks.length);
  assert.equal(new Set(run.json.checks.map(({ name }) => name)).size, run.json.checks.length);
  assert.deepEqual([run.json.url, run.json.issuer], [worker.issuer, worker.issuer]);
  for (const { detail, source } of run.json.checks) assert.ok(detail && source);
  assert.match(run.stderr, /^pass {2}metadata: issuer .* RFC 8414 §3\.3$/m);
  assert.match(run.stderr, new RegExp(`^${passed} passed, 0 warned, 0 failed, ${skipped} skipped; \\d\\d requests\\.$`, "m"));
  assert.ok(run.stderr.split("\n").every((line) => [...line].length <= 100), run.stderr);
  assert.ok(Number(/(\d+) requests/.exec(run.stderr)[1]) <= 45);
});

test("--json prints the object alone, and credentials come from the environment or standard input", async () => {
  const env = { EDGE_TOKEN_CLIENT_ID: "app", EDGE_TOKEN_CLIENT_SECRET: secret };
  const run = await check([worker.issuer, "--json", "--scope", "read"], { env });
  assert.deepEqual([run.status, run.stderr, run.json.failed], [0, "", 0]);
  assert.ok(names(run, "pass").includes("access token: signature"));
  const piped = await check([worker.issuer, "--json", "--client-id", "app", "--client-secret", "-"], { input: `${secret}\n` });
  assert.deepEqual([piped.status, piped.json.passed], [0, run.json.passed]);
});

test("the origin alone finds the issuer by the metadata at its root", async () => {
  for (const url of [worker.url, `${worker.url}/`]) {
    const run = await check([url, "--json", ...withSecret()]);
    assert.deepEqual([run.status, run.json.issuer, run.json.failed], [0, worker.issuer, 0]);
  }
});

test("without credentials what needs them is skipped, with the reason", async () => {
  const run = await check([worker.issuer]);
  assert.deepEqual([run.status, run.json.failed, run.json.warned], [0, 0, 0], run.stderr);
  const skipped = run.json.checks.filter(({ name, result }) => result === "skip" && !UNMADE.has(name));
  assert.ok(skipped.length > 20);
  for (const { name, detail } of skipped) {
    assert.match(name, /^((access )?token|introspection|revocation): /);
    assert.equal(detail, "no credentials: give --client-id and --client-secret");
  }
});

test("a realm without metadata is checked by the endpoints that are named", async () => {
  const endpoints = ["--token-endpoint", `${worker.url}/token`, "--jwks-uri", `${worker.issuer}/jwks`];
  const run = await check([`${worker.url}/none`, "--json", ...endpoints, ...withSecret()]);
  assert.deepEqual([run.status, names(run, "fail"), names(run, "warn")], [0, [], ["access token: iss"]]);
  assert.ok(names(run, "skip").includes("metadata: issuer"));
  const unnamed = await check([`${worker.url}/none`, "--json", ...withSecret()]);
  assert.equal(unnamed.status, 1);
  assert.deepEqual(names(unnamed, "fail"), ["metadata: OpenID place", "metadata: OAuth place"]);
});

test("a wrong secret is one failure, and the rest of what needs a token is skipped", async () => {
  const run = await check([worker.issuer, "--json", "--client-id", "app", "--client-secret", "wrong"]);
  assert.deepEqual([run.status, names(run, "fail")], [1, ["token: status"]]);
});

for (const [name, { fails, says = /fail/ }] of Object.entries(BREAKAGES)) {
  test(`broken: ${name}`, async () => {
    await breaking(name);
    const run = await check([worker.issuer, ...withSecret()]);
    assert.deepEqual([run.status, names(run, "fail").toSorted()], [1, fails.toSorted()], run.stderr);
    assert.match(run.stderr, says);
  });
}

test("broken in five ways at once: five failures", async () => {
  await breaking(...FIVE);
  const run = await check([worker.issuer, ...withSecret()]);
  assert.equal(run.status, 1);
  assert.deepEqual(names(run, "fail").toSorted(), FIVE.flatMap((name) => BREAKAGES[name].fails).toSorted());
  assert.equal(run.json.failed, 5);
});

test("credentials are not sent to another origin that the metadata names, unless it is named", async () => {
  const seen = [];
  const elsewhere = createServer((request, response) => {
    let body = "";
    request.on("data", (text) => { body += text; }).on("end", () => {
      seen.push(`${Buffer.from((request.headers.authorization ?? "").slice(6), "base64")} ${body}`);
      if (request.url === "/token") return response.writeHead(404).end();
      const issuer = `http://127.0.0.1:${elsewhere.address().port}`;
      return response.writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ issuer, token_endpoint: `http://localhost:${elsewhere.address().port}/token` }));
    });
  });
  await new Promise((resolve) => elsewhere.listen(0, resolve));
  try {
    const { port } = elsewhere.address();
    const args = [`http://127.0.0.1:${port}`, "--json", ...withSecret()];
    const kept = await check(args);
    assert.ok(names(kept, "warn").includes("metadata: endpoints"));
    assert.ok(names(kept, "skip").includes("token: status"));
    assert.ok(seen.length > 10 && seen.every((text) => !text.includes(secret)));
    await check([...args, "--token-endpoint", `http://localhost:${port}/token`]);
    assert.ok(seen.some((text) => text.includes(secret)));
  } finally {
    elsewhere.close();
  }
});

test("an echo of the secret is found, and not printed", async () => {
  const echo = createServer((request, response) => {
    const { port } = echo.address();
    const credentials = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString();
    const issuer = `http://127.0.0.1:${port}`;
    response.writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, token_type: credentials, error: credentials }));
  });
  await new Promise((resolve) => echo.listen(0, "127.0.0.1", resolve));
  try {
    const run = await check([`http://127.0.0.1:${echo.address().port}`, ...withSecret()]);
    assert.ok(names(run, "fail").includes("token: nothing echoed"));
    assert.match(run.stdout, /app:\[secret\]/);
  } finally {
    echo.close();
  }
});

test("where nothing listens, and wrong arguments, are told and are no result", async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  for (const [args, message] of [
    [[`${nowhere}/realms/default`], /cannot be checked, no answer: .*refused.* Is it the right URL, and served\?/],
    [[nowhere], /cannot be checked, no answer/],
    [[], /<URL>/],
    [["auth.example"], /an https or http URL/],
    [["https://user:pass@auth.example"], /an https or http URL/],
    [[worker.issuer, "--client-id", "app"], /--client-id and --client-secret go together/],
    [[worker.issuer, "--client-id", "app", "--client-secret", ""], /--client-secret is empty/],
    [[worker.issuer, "--remote"], /check goes by its URL alone/],
  ]) {
    const run = await check(args);
    assert.notEqual(run.status, 0, args.join(" "));
    assert.equal(run.stdout, "", args.join(" "));
    assert.match(run.stderr, message);
  }
});

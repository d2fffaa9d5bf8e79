// `client import --compare`: a server that clients come from answers on this machine, and what is told is
// exactly what its tokens have otherwise than those of here.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { project } from "./project.mjs";
import { add, isPrintedWithout } from "./sent.mjs";
import { basic, binary } from "./worker.mjs";

const SECRETS = { x: "s3cret-value-of-x", post: "s3cret-value-of-post", short: "short-one", gone: "s3cret-that-was-changed", page: "s3cret-of-a-page" };
add(...Object.values(SECRETS));

const it = project();
const old = createServer();
const requests = [];
let url;

const jwt = (header, claims) =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).concat("c2lnbmF0dXJl").join(".");

before(async () => {
  old.on("request", async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const { authorization } = request.headers;
    const id = Object.keys(SECRETS).find((id) => authorization === basic(id, SECRETS[id]) || form.get("client_secret") === SECRETS[id]);
    requests.push([id, authorization ? "basic" : "post", form.get("grant_type")]);
    response.setHeader("content-type", "application/json");
    if (id === "gone") {
      response.writeHead(401).end(JSON.stringify({ error: "unauthorized_client" }));
      return;
    }
    if (id === "page") {
      response.setHeader("content-type", "text/html");
      response.end("<title>Log in</title>");
      return;
    }
    const iat = Math.floor(Date.now() / 1000) - 1;
    response.end(JSON.stringify({
      access_token: jwt({ alg: "RS256", typ: "JWT", kid: "old" }, { exp: iat + 300, iat, jti: "of-the-old-one", iss: "https://old.example/realms/r",
        aud: "account", sub: "0b8e7a52-11f4-4b1c-9c40-2a9f4fb2f3a1", typ: "Bearer", azp: id, scope: "email profile", company: "ours",
        clientAddress: "10.1.2.3", client_id: id, lives: id === "short" ? "long" : "briefly" }),
      expires_in: 300, refresh_expires_in: 0, token_type: "Bearer", "not-before-policy": 0, scope: "email profile",
    }));
  });
  await new Promise((resolve) => old.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${old.address().port}/realms/r/protocol/openid-connect/token`;
});

after(() => {
  old.close();
  it.remove();
});

const client = (clientId, more) => ({ clientId, enabled: true, protocol: "openid-connect", publicClient: false,
  serviceAccountsEnabled: true, secret: SECRETS[clientId], defaultClientScopes: ["profile", "email"], ...more });

function file(clients) {
  const path = join(it.root, "export.json");
  writeFileSync(path, JSON.stringify({ realm: "r", accessTokenLifespan: 300, clients }));
  return path;
}

/** What the tool says, which runs beside the server that it asks. */
async function compare(...args) {
  const child = spawn(binary, ["client", "import", "--realm", "dx", ...args], { cwd: it.root });
  const run = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => { run[name] += text; });
  run.status = await new Promise((resolve) => child.once("close", resolve));
  for (const text of [run.stdout, run.stderr]) isPrintedWithout(text);
  return run;
}

test("what is different is told, member by member and claim by claim, and nothing is written", async () => {
  const path = file([
    client("x"), client("post"), client("short"), client("gone"), client("page"), client("${env}", { secret: "${SECRET}" }),
    client("public", { publicClient: true, serviceAccountsEnabled: false, standardFlowEnabled: true, redirectUris: ["https://app.example/cb"] }),
  ]);
  const markdown = join(it.root, "compare.md");
  const { status, stdout, stderr } = await compare(path, "--compare", url, "--markdown", markdown);
  assert.equal(status, 0, stderr);
  const { compared, not_compared, differences, outcome } = JSON.parse(stdout);
  assert.deepEqual(compared, ["x", "post", "short"]);
  assert.deepEqual(not_compared.map(({ client_id }) => client_id), ["gone", "page", "${env}", "public"]);
  assert.match(not_compared[0].why, /^the other server answers 401 `unauthorized_client`, without a token: is its secret in the file the one of now\?$/);
  assert.match(not_compared[1].why, /^the other server answers 200, without a token: is that the token endpoint\?$/);
  assert.match(not_compared[2].why, /placeholder/);
  assert.match(not_compared[3].why, /it has no secret in the file to ask by/);
  // Each pair of values is a difference of its own.
  const lives = differences.filter(({ name }) => name === "lives");
  assert.deepEqual(lives.map(({ there, clients }) => [there, clients]), [['"briefly"', ["x", "post"]], ['"long"', ["short"]]]);
  const found = Object.fromEntries(differences.map(({ where, name, there, here, clients }) => [`${where} ${name}`, [there, here, clients.length]]));
  assert.deepEqual(found["JWT header alg"], ['"RS256"', '"ES256"', 3]);
  assert.deepEqual(found["claim iss"], ['"https://old.example/realms/r"', '"http://127.0.0.1:8787/realms/dx"', 3]);
  assert.deepEqual(found["claim company"], ['"ours"', null, 3]);
  // What is another for each token, or the same but for its order, is no difference.
  for (const same of ["answer status", "answer content-type", "member access_token", "member expires_in", "member token_type",
    "member scope", "member not-before-policy", "JWT header typ", "JWT header kid", "claim exp", "claim iat", "claim jti", "claim azp", "claim client_id", "claim typ", "claim scope"]) {
    assert.equal(found[same], undefined, `${same}: ${JSON.stringify(found[same])}`);
  }
  assert.match(outcome, /^Compared 3 clients with http.*: \d+ differences\. Nothing was written\.$/);
  assert.equal(stderr.trim(), outcome);
  assert.match(readFileSync(markdown, "utf8"), /\| claim \| `company` \| `"ours"` \| `–` \| all \|/);
  assert.deepEqual(Object.keys(it.state().kv), []);
  assert.ok(!existsSync(join(it.root, "export.secrets.json")));
  assert.ok(requests.every(([, , grant]) => grant === "client_credentials"));
});

test("clients are named, or the first 20 are taken", async () => {
  const path = file([client("x"), client("post")]);
  const { stdout } = await compare(path, "--compare", url, "--client-id", "post");
  assert.deepEqual(JSON.parse(stdout).compared, ["post"]);
  const many = file(Array.from({ length: 22 }, (_, number) => client(`x${number}`, { secret: SECRETS.x })));
  const before = requests.length;
  const { compared, not_compared } = JSON.parse((await compare(many, "--compare", url)).stdout);
  assert.deepEqual([compared.length, not_compared.length, requests.length - before], [20, 2, 20]);
  assert.match(not_compared[0].why, /20 others were: name it by --client-id/);
});

test("what cannot be compared says why", async () => {
  const path = file([client("gone")]);
  for (const [args, message] of [
    [["--compare", "http://old.example/token"], /secrets are not sent over http, but on loopback/],
    [["--compare", "old.example"], /`old\.example` is no URL of a token endpoint/],
    [["--compare", url], /no client could be compared:\n`gone`: the other server answers 401/],
    [["--compare", "http://127.0.0.1:9/token"], /no client could be compared:\n`gone`: http:\/\/127\.0\.0\.1:9\/token: /],
    [["--compare", url, "--client-id", "nope"], /`nope`: the file has no such client/],
    [["--client-id", "x"], /--compare/],
  ]) {
    const { status, stdout, stderr } = await compare(path, ...args);
    assert.notEqual(status, 0, args.join(" "));
    assert.equal(stdout, "", args.join(" "));
    assert.match(stderr, message, args.join(" "));
  }
});

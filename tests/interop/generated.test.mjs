// docs/openapi.yaml as others read it: a linter has nothing to say, and the clients that three generators
// write from it get a token of the built wasm. The two in TypeScript are held to their own types.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { decodeJwt } from "jose";
import { parse } from "yaml";
import { add } from "../e2e/sent.mjs";
import { basic, register, start } from "../e2e/worker.mjs";

const FILE = resolve("docs/openapi.yaml");
const venv = resolve(".tools/venv/bin");
const skip = !existsSync(`${venv}/openapi-python-client`) && !process.env.CI
  && "no Python with venv: apt-get install -y python3-venv";
if (skip) console.error(`Skipped: openapi-python-client. ${skip}`);

let worker;
let client;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  worker = await start();
  client = await register(worker);
});
after(async () => {
  await worker?.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a program in the folder, and returns what it prints on standard output. */
async function run(program, ...args) {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" };
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, said] = ["", ""];
  child.stdout.on("data", (data) => { stdout += data; said += data; });
  child.stderr.on("data", (data) => { said += data; });
  const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${said}`);
  return stdout;
}

/** Runs a file of the folder that uses what was generated, once its types are held to. */
async function runTypeScript(name, text) {
  writeFileSync(join(folder, name), text);
  await run(resolve("node_modules/.bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext",
    "--moduleResolution", "bundler", "--allowImportingTsExtensions", "--lib", "es2022,dom,dom.iterable", name);
  return JSON.parse(await run(process.execPath, "--experimental-strip-types", "--disable-warning=ExperimentalWarning", name));
}

/** Asserts that a response is what the client asked for. */
function isToken({ access_token, token_type, expires_in, scope }) {
  add(access_token);
  assert.deepEqual([token_type, expires_in, scope], ["Bearer", 300, "read"]);
  const { iss, sub } = decodeJwt(access_token);
  assert.deepEqual([iss, sub], [worker.issuer, client.client_id]);
}

const authorization = () => JSON.stringify(basic(client.client_id, client.client_secret));

test("each operation has an id of its own, which begins with a verb", () => {
  const { paths } = parse(readFileSync(FILE, "utf8"), { maxAliasCount: -1, merge: true });
  const ids = Object.entries(paths).flatMap(([path, item]) => ["get", "post", "head", "options"]
    .filter((method) => item[method]).map((method) => [`${method} ${path}`, item[method].operationId]));
  assert.ok(ids.length > 90, String(ids.length));
  for (const [operation, id] of ids) {
    assert.match(id ?? "", /^(accept|begin|confirm|end|get|head|introspect|issue|preflight|push|read|register|reject|resume|revoke)[A-Z]\w*$/, operation);
  }
  assert.equal(new Set(ids.map(([, id]) => id)).size, ids.length);
});

test("Redocly's recommended rules find nothing", async () => {
  const rules = JSON.parse(await run(resolve("node_modules/.bin/redocly"), "lint", FILE, "--extends=recommended",
    "--max-problems", "1000", "--format=json"));
  assert.deepEqual(rules.problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]), []);
});

test("the types of openapi-typescript, with openapi-fetch, get a token", async () => {
  await run(resolve("node_modules/.bin/openapi-typescript"), FILE, "-o", "types.ts");
  isToken(await runTypeScript("fetch.ts", `
    import createClient from "openapi-fetch";
    import type { paths } from "./types.ts";
    const client = createClient<paths>({ baseUrl: ${JSON.stringify(worker.url)}, headers: { authorization: ${authorization()} } });
    const { data, error } = await client.POST("/realms/{realm}/token", {
      params: { path: { realm: "default" } },
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: { grant_type: "client_credentials", scope: "read" },
    });
    if (!data) throw new Error(error?.error);
    const token: string = data.access_token;
    console.log(JSON.stringify({ ...data, access_token: token }));
  `));
});

test("the client of orval gets a token", async () => {
  const output = { target: "./orval.ts", client: "fetch", mode: "single", baseUrl: worker.url };
  writeFileSync(join(folder, "orval.config.mjs"), `export default ${JSON.stringify({ api: { input: FILE, output } })};`);
  await run(resolve("node_modules/.bin/orval"), "--config", "orval.config.mjs");
  isToken(await runTypeScript("orval_client.ts", `
    import { issueTokens } from "./orval.ts";
    const response = await issueTokens("default", { grant_type: "client_credentials", scope: "read" }, { headers: { authorization: ${authorization()} } });
    if (response.status !== 200) throw new Error(String(response.status));
    const token: string = response.data.access_token;
    console.log(JSON.stringify({ ...response.data, access_token: token }));
  `));
});

test("the client of openapi-python-client gets a token", { skip }, async () => {
  writeFileSync(join(folder, "config.yaml"), "post_hooks: []\n");
  await run(`${venv}/openapi-python-client`, "generate", "--path", FILE, "--meta", "none", "--output-path", "edge_token_client",
    "--config", "config.yaml", "--fail-on-warning");
  await run(`${venv}/python`, "-m", "compileall", "-q", "edge_token_client");
  writeFileSync(join(folder, "client.py"), `
import json, sys
from edge_token_client import Client
from edge_token_client.api.rfc9068 import issue_tokens
from edge_token_client.models import ClientCredentials

url, *credentials = sys.argv[1:]
client = Client(base_url=url, httpx_args={"auth": tuple(credentials)}, raise_on_unexpected_status=True)
asked = ClientCredentials(grant_type="client_credentials", scope="read")
print(json.dumps(issue_tokens.sync("default", client=client, body=asked).to_dict()))
`);
  isToken(JSON.parse(await run(`${venv}/python`, "client.py", worker.url, client.client_id, client.client_secret)));
});

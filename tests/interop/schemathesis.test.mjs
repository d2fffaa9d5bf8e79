// docs/openapi.yaml is what the service does: a validator reads it, the sources and the metadata of
// running realms agree with it, and Schemathesis has every operation of the built wasm called with
// what fits the description and what does not. A server error, or an answer that is not described,
// fails.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { basic, registerIn, start } from "../e2e/worker.mjs";
import { signInAt } from "./people.mjs";

const bin = resolve(".tools/venv/bin");
const skip = !existsSync(`${bin}/schemathesis`) && !process.env.CI
  && "no Python with venv: apt-get install -y python3-venv";
if (skip) console.error(`Skipped: Schemathesis. ${skip}`);

const FILE = resolve("docs/openapi.yaml");
const CALLBACK = "https://app.example/cb";
const SCOPES = "openid email offline_access read client_registration";
const GRANTS = "client_credentials,authorization_code,refresh_token,client_authenticated_user,"
  + "urn:ietf:params:oauth:grant-type:token-exchange";
/** Where each realm's client begins, by its dialect. */
const REALMS = {
  default: { dialect: "rfc9068", authorize: "/realms/default/authorize", token: "/realms/default/token" },
  dx: {
    dialect: "keycloak",
    authorize: "/realms/dx/protocol/openid-connect/auth",
    token: "/realms/dx/protocol/openid-connect/token",
  },
  "screening-eagle": {
    dialect: "screening-eagle", authorize: "/realms/screening-eagle/authorize", token: "/api/id/v1/auth/token",
  },
  "light-oauth2": { dialect: "light-oauth2", authorize: "/oauth2/code", token: "/oauth2/token" },
};
/** One client in all realms, which is its own login application. */
const CLIENT = { client_id: "machine", client_secret: "a secret of more than 32 octets, imported" };

let worker;
let described;
let folder;

/** Runs a program of the virtual environment and returns its status and what it said. */
async function run(program, ...args) {
  const env = { ...process.env, NO_COLOR: "1", COLUMNS: "120" };
  // Schemathesis leaves a folder where it runs.
  const child = spawn(`${bin}/${program}`, args, { cwd: folder, env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { said += data; });
  const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  return { status, said };
}

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  const toJson = "import sys, json, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
  const { status, said } = await run("python", "-c", toJson, FILE);
  assert.equal(status, 0, said);
  described = JSON.parse(said);
  const realm = {
    scopes: SCOPES,
    login_url: "https://login.example/",
    logout_url: "https://login.example/bye",
    login_clients: [CLIENT.client_id],
    allowed_origins: ["*"],
    // Examples are sent more than once, and a machine may be slow.
    refresh_token_grace: 300,
    access_token_ttl: 3600,
    registration: { grant_types: ["client_credentials"], auth_methods: ["client_secret_basic"], scopes: "read" },
  };
  worker = await start({
    realm: () => realm,
    realms: (url) => Object.fromEntries(Object.entries(REALMS).slice(1)
      .map(([name, { dialect }]) => [name, { ...realm, dialect, issuer: `${url}/realms/${name}` }])),
  });
  for (const name of Object.keys(REALMS)) {
    await registerIn(worker, name, "--client-id", CLIENT.client_id, "--client-secret", CLIENT.client_secret,
      "--scope", SCOPES, "--default-scope", "read", "--redirect-uri", CALLBACK, "--audience", worker.url,
      "--audience", `${worker.url}/realms/${name}`, "--trusted", "--grant-types", GRANTS);
  }
});
after(async () => {
  await worker?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

const post = (path, form) => fetch(worker.url + path, {
  method: "POST",
  headers: { authorization: basic(CLIENT.client_id, CLIENT.client_secret) },
  body: new URLSearchParams(form),
});

/** What a realm has for the client now: an initial access token, sign-ins, tickets of each kind. */
async function live(name) {
  const { token, authorize } = REALMS[name];
  const logout = authorize.includes("/openid-connect/") ? authorize.replace(/auth$/, "logout") : `/realms/${name}/logout`;
  const asked = { response_type: "code", client_id: CLIENT.client_id, redirect_uri: CALLBACK, scope: "openid email" };
  const grant = async (form) => {
    const response = await post(token, form);
    assert.equal(response.status, 200, `${name}: ${await response.clone().text()}`);
    return response.json();
  };
  const at = { authorization_endpoint: worker.url + authorize };
  const signIn = async () => {
    const code = (await signInAt(at, CLIENT, asked)).searchParams.get("code");
    return grant({ grant_type: "authorization_code", code, redirect_uri: CALLBACK });
  };
  const ticket = async () => {
    const begun = await fetch(`${at.authorization_endpoint}?${new URLSearchParams(asked)}`, { redirect: "manual" });
    return new URL(begun.headers.get("location")).searchParams.get("ticket");
  };
  const signOut = async () => {
    const { id_token } = await signIn();
    const begun = await fetch(`${worker.url}${logout}?${new URLSearchParams({ id_token_hint: id_token })}`, { redirect: "manual" });
    return new URL(begun.headers.get("location")).searchParams.get("ticket");
  };
  const registrar = await grant({
    grant_type: "client_credentials", scope: "client_registration", audience: `${worker.url}/realms/${name}`,
  });
  return {
    asked,
    registrar: registrar.access_token,
    kept: await signIn(), revoked: await signIn(), ended: await signIn(),
    looked: await ticket(), accepted: await ticket(), rejected: await ticket(), leaving: await signOut(),
  };
}

/** What can be sent to an operation, by the end of its path, so that the answer is a good one. */
const EXAMPLES = [
  [/\/token$/, ({ kept }) => [
    { grant_type: "client_credentials" },
    { grant_type: "refresh_token", refresh_token: kept.refresh_token },
    {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: kept.access_token,
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
    },
  ]],
  [/\/oauth2\/token$/, () => [{ grant_type: "client_authenticated_user", userId: "1302", userType: "employee" }]],
  [/\/introspect$/, ({ kept }) => [{ token: kept.access_token }, { token: kept.refresh_token }]],
  [/\/revoke$/, ({ revoked }) => [{ token: revoked.access_token }, { token: revoked.id_token }]],
  [/\/logout$/, ({ ended }) => [{ id_token_hint: ended.id_token }]],
  [/\/(authorize|auth|code|par|request)$/, ({ asked }) => [asked]],
  [/(authorize|auth|code)\/ticket$/, ({ looked }) => [{ ticket: looked }]],
  [/\/logout\/ticket$/, ({ leaving }) => [{ ticket: leaving }]],
  [/\/accept$/, ({ accepted }) => [{ ticket: accepted, sub: "1302", claims: { email: "a@example.com" } }]],
  [/\/reject$/, ({ rejected }) => [{ ticket: rejected, error: "access_denied" }]],
];

/** The description with these examples: Schemathesis sends each of them. */
function withLiveExamples(realms) {
  const copy = structuredClone(described);
  const { requestBodies, parameters } = copy.components;
  const named = (object, $ref) => object[$ref.split("/").at(-1)];
  for (const [path, item] of Object.entries(copy.paths)) {
    const operations = structuredClone(item);
    copy.paths[path] = operations;
    const values = EXAMPLES.filter(([end]) => end.test(path))
      .flatMap(([, make]) => Object.values(realms).flatMap(make));
    if (values.length === 0 || !operations.post?.requestBody) continue;
    const body = operations.post.requestBody;
    operations.post.requestBody = structuredClone(body.$ref ? named(requestBodies, body.$ref) : body);
    for (const media of Object.values(operations.post.requestBody.content)) {
      media.examples = { ...media.examples };
      values.forEach((value, index) => { media.examples[index] = { value }; });
    }
  }
  const both = (make) => Object.fromEntries(Object.entries(realms)
    .map(([name, realm]) => [name, { value: make(realm) }]));
  parameters.authorizationRequest.examples = both(({ asked }) => asked);
  parameters.logoutRequest.examples = both(({ ended }) => ({ id_token_hint: ended.id_token }));
  const file = join(folder, "openapi.json");
  writeFileSync(file, JSON.stringify(copy));
  return file;
}

/** The paths that are the realm `dx`'s. */
const KEYCLOAK = String.raw`protocol/openid-connect|clients-registrations|/auth/realms/|^/realms/\{realm\}$`;
/** Those that the dialects with fixed token paths have too. */
const SHARED = {
  "screening-eagle": String.raw`^/realms/\{realm\}/(authorize|par|userinfo|logout|introspect|revoke|register)`,
  "light-oauth2": String.raw`^/realms/\{realm\}/(par|userinfo|logout|introspect|revoke|register)`,
};
const CHECKS = [
  "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
  "response_schema_conformance", "unsupported_method", "allow_header_conformance", "ignored_auth",
  "negative_data_rejection",
];

/**
 * Runs Schemathesis with the paths that name a realm in that one, or in `dx`; with credentials if
 * `realms` has what is live there. Fails unless every answer is as described. Returns the number of
 * answers by operation and status.
 */
async function schemathesis(file, realm, realms, ...options) {
  const text = JSON.stringify;
  const lines = ["seed = 20261123", "[parameters]", `"path.realm" = ${text(realm)}`,
    "[checks]", "enabled = false", ...CHECKS.map((check) => `${check}.enabled = true`)];
  const operations = (regex, name, token) => {
    lines.push("[[operations]]", `include-path-regex = ${text(regex)}`,
      `parameters = { "path.realm" = ${text(name)} }`);
    if (token) lines.push(`headers = { Authorization = ${text(`Bearer ${token}`)} }`);
  };
  operations(KEYCLOAK, "dx");
  // The same operations stand without `/auth`, so half of the phases are enough.
  lines.push("[[operations]]", `include-path-regex = "^/auth/"`, "phases = { coverage = { enabled = false } }");
  // What a client asks for wrongly it is told by a redirect (RFC 6749 §4.1.2.1), and who signs out
  // without saying more is asked by the login application.
  lines.push("[[operations]]", `include-path-regex = "/(authorize|auth|code|logout)$"`,
    "checks = { negative_data_rejection = { enabled = false } }");
  if (realms) {
    lines.push("[auth.openapi.clientSecretBasic]", `username = ${text(CLIENT.client_id)}`,
      `password = ${text(CLIENT.client_secret)}`);
    for (const [name, path] of [[realm, "^/realms/[^/]*"], ["dx", "openid-connect"], ["dx", "clients-registrations"]]) {
      operations(`${path}/userinfo$`, name, realms[name].kept.access_token);
      operations(`${path}/(register|openid-connect)$`, name, realms[name].registrar);
    }
  }
  const [config, report] = [join(folder, "schemathesis.toml"), join(folder, "report.ndjson")];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const { status, said } = await run("schemathesis", "--config-file", config, "run", file, "--url", worker.url,
    "--no-shrink", "--generation-database", "none", "--suppress-health-check", "all",
    "--warnings", "off", "--report", "ndjson", "--report-ndjson-path", report, ...options);
  assert.equal(status, 0, said.slice(-20_000));
  const answers = {};
  for (const line of readFileSync(report, "utf8").trim().split("\n")) {
    const { label, interactions = {} } = JSON.parse(line).ScenarioFinished?.recorder ?? {};
    for (const { response } of Object.values(interactions)) {
      const counts = answers[label] ??= {};
      counts[response.status_code] = (counts[response.status_code] ?? 0) + 1;
    }
  }
  return answers;
}

/** Prints how often which status was answered. */
function print(what, answers) {
  const all = {};
  for (const counts of Object.values(answers)) {
    for (const [status, count] of Object.entries(counts)) all[status] = (all[status] ?? 0) + count;
  }
  const total = Object.values(all).reduce((sum, count) => sum + count, 0);
  const each = Object.entries(all).map(([status, count]) => `${count} × ${status}`).join(", ");
  console.log(`${what}: ${Object.keys(answers).length} operations, ${total} requests: ${each}`);
}

const isGood = ([status]) => Number(status) < 400;

test("a validator takes the description", { skip }, async () => {
  const { status, said } = await run("openapi-spec-validator", FILE);
  assert.equal(status, 0, said);
});

test("the description has the paths, words, statuses, grants and methods of the sources", { skip }, () => {
  const source = (path) => readFileSync(`src/${path}`, "utf8");
  const all = (text, regex) => [...text.matchAll(regex)].map((match) => match.slice(1));
  const body = (text, from) => text.slice(text.indexOf(from)).split("\n    }\n")[0];
  const sorted = (texts) => [...new Set(texts)].sort();
  const { schemas } = described.components;

  /** What lies under an endpoint, by the name of the constant that says so. */
  const ends = (name) => all(source("dialect/endpoint.rs").split(`const ${name}:`)[1].split(";\n\n")[0],
    /\(Self::\w+, "(\/\w+)"\)/g).flat();
  const under = { Authorization: ends("LOGIN"), EndSession: ends("SIGN_OUT") };
  const paths = all(source("dialect.rs"), /Endpoint::(\w+),\s*"(\/[^"]+)"/g).flatMap(([endpoint, path]) =>
    [path, ...(under[endpoint] ?? []).map((end) => path + end)]);
  const fixed = all(source("service.rs"), /request\.path == "(\/\w*)"/g).flat();
  assert.ok(under.Authorization.length === 4 && under.EndSession.length === 2 && fixed.length > 0);
  assert.deepEqual(Object.keys(described.paths).sort(), sorted([...paths, ...fixed]));

  // Each code's word and status, and those that a dialect has instead.
  const errors = source("error_code.rs");
  const codes = all(body(errors, "pub enum ErrorCode").split("\n}")[0], /^ {4}(\w+),$/gm).flat();
  const wire = all(body(errors, "fn wire(self)"), /Self::(\w+) => \("(\w+)", (\d+)\),/g);
  const words = Object.fromEntries(wire.map(([code, word]) => [code, word]));
  const statuses = Object.fromEntries(wire.map(([code, , status]) => [code, status]));
  const pairs = codes.map((code) => [words[code], statuses[code]]);
  const own = all(source("dialect.rs"), /\(ErrorCode::(\w+), (\d+)\)/g);
  pairs.push(...own.map(([code, status]) => [words[code], status]));
  const texts = Object.fromEntries(schemas.ErrorCode.oneOf.map((one) => [one.const, one.description]));
  assert.ok(codes.length > 20 && own.length > 0);
  for (const [word, status] of pairs) {
    assert.match(texts[word] ?? "", new RegExp(`\\b${status}\\b`), `${word} with ${status}`);
  }
  assert.deepEqual(Object.keys(texts).sort(), sorted(pairs.map(([word]) => word)));
  const items = Object.values(described.paths);
  const answered = items.flatMap((item) => ["get", "head", "options", "post"].flatMap((method) =>
    Object.keys(item[method]?.responses ?? {})));
  for (const [, status] of pairs) assert.ok(answered.includes(status), status);

  const grants = all(body(source("grant_type.rs"), "pub fn name(self)"), /=> "([^"]+)"/g).flat();
  const forms = schemas.LightTokenRequest.anyOf.map(({ $ref }) => schemas[$ref.split("/").at(-1)]);
  assert.deepEqual(forms.map((form) => form.properties.grant_type.const).sort(), sorted(grants));
  // What a record calls `client_secret` has no registered name; one method is replaced by what there is.
  const methods = all(body(source("auth_method.rs"), "pub fn name(self)"), /=> "([^"]+)"/g).flat()
    .filter((method) => method !== "client_secret");
  methods.push(...all(source("client/registration.rs"), /const SECRET_JWT: &str = "(\w+)"/g).flat());
  const { enum: known } = schemas.ClientMetadata.properties.token_endpoint_auth_method;
  assert.deepEqual(known.filter((method) => method).sort(), sorted(methods));
  const [[reasons]] = all(source("endpoint/login.rs"), /const ERRORS[^=]*= \[([^\]]*)\]/g);
  assert.deepEqual(schemas.Reject.properties.error.enum.toSorted(), sorted(all(reasons, /"(\w+)"/g).flat()));
});

test("every path that metadata names is described", { skip }, async () => {
  let named = 0;
  for (const name of Object.keys(REALMS)) {
    const metadata = await (await fetch(`${worker.url}/realms/${name}/.well-known/openid-configuration`)).json();
    for (const [member, url] of Object.entries(metadata)) {
      if (!member.endsWith("_endpoint") && member !== "jwks_uri") continue;
      const path = new URL(url).pathname.replace(`/realms/${name}/`, "/realms/{realm}/");
      assert.ok(described.paths[path], `${name}: ${member} is at ${path}`);
      named += 1;
    }
  }
  assert.equal(named, 9 * Object.keys(REALMS).length);
});

test("every operation answers as described, with credentials", { skip }, async () => {
  const realms = {};
  for (const name of Object.keys(REALMS)) realms[name] = await live(name);
  const file = withLiveExamples(realms);
  const answers = await schemathesis(file, "default", realms,
    "--phases", "examples,coverage,fuzzing", "--max-examples", "4");
  print("With credentials", answers);
  // Of each operation a good answer was seen too, but where it takes a browser's cookie.
  const inVain = Object.entries(answers).filter(([, counts]) => !Object.entries(counts).some(isGood));
  assert.deepEqual(inVain.map(([label]) => label).filter((label) => !label.endsWith("/resume")), []);
  const operations = Object.values(described.paths).flatMap((item) =>
    Object.keys(item).filter((key) => key !== "parameters"));
  assert.equal(Object.keys(answers).length, operations.length);

  for (const name of Object.keys(SHARED)) {
    print(`In ${name}`, await schemathesis(file, name, realms, "--include-path-regex", SHARED[name],
      "--phases", "examples,fuzzing", "--max-examples", "5"));
  }
});

test("and without, where nothing that needs them is given away", { skip }, async () => {
  const answers = await schemathesis(FILE, "default", undefined, "--include-method", "POST",
    "--exclude-path-regex", "^/auth/", "--phases", "fuzzing", "--max-examples", "10");
  print("Without credentials", answers);
  // A browser that signs in or out needs none: it is sent on, or gets a page.
  const given = Object.entries(answers).filter(([, counts]) => Object.entries(counts).some(isGood));
  assert.deepEqual(given.map(([label]) => label).filter((label) => !/\/(authorize|auth|code|logout)$/.test(label)), []);
});

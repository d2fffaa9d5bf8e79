// The tool's `check` of a deployment by https, and what it says of plain http: a front of TLS before
// workerd, a port of plain http beside it, and a proxy by which both have the names and ports of a deployment.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { add } from "./sent.mjs";
import { binary, register, showsNoMore, start } from "./worker.mjs";

const HOST = "auth.example";
const ISSUER = `https://${HOST}/realms/default`;
const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
const certificate = join(folder, "certificate.pem");

let worker;
let app;
let proxy;
/** What stands between workerd and who asks by plain http, and by https. */
let plain;
let change;

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/** Hands a request on to workerd under a scheme, and its answer back. */
const front = (scheme) => async (request, response) => {
  const { method, headers, url } = request;
  if (scheme === "http" && plain) return plain(request, response);
  const body = Buffer.concat(await request.toArray());
  delete headers["content-length"];
  const answer = await worker.miniflare.dispatchFetch(`${scheme}://${HOST}${url}`, {
    method, headers, body: method === "POST" ? body : undefined,
  });
  const fields = new Headers(answer.headers);
  change?.(fields);
  const text = Buffer.from(await answer.arrayBuffer());
  fields.set("date", new Date().toUTCString());
  for (const name of ["transfer-encoding", "content-encoding", "content-length"]) fields.delete(name);
  response.writeHead(answer.status, Object.fromEntries(fields)).end(method === "HEAD" ? undefined : text);
};

const servers = [];

before(async () => {
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    "-keyout", join(folder, "key.pem"), "-out", certificate, "-days", "2", "-subj", `/CN=${HOST}`,
    "-addext", `subjectAltName=DNS:${HOST}`, "-addext", "basicConstraints=critical,CA:FALSE"], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  worker = await start({ realm: () => ({ issuer: ISSUER }) });
  app = await register(worker, "--client-id", "app");
  const tls = createTlsServer({ key: readFileSync(join(folder, "key.pem")), cert: readFileSync(certificate) }, front("https"));
  const open = createServer(front("http"));
  const ports = { 443: await listen(tls), 80: await listen(open) };
  const way = createServer().on("connect", (request, socket) => {
    const port = ports[request.url.split(":").at(-1)];
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [socket, onward]) end.on("error", () => {});
  });
  proxy = `http://127.0.0.1:${await listen(way)}`;
  servers.push(tls, open, way);
});

after(async () => {
  for (const server of servers) server.close();
  for (const server of servers) server.closeAllConnections();
  await worker.stop();
  rmSync(folder, { recursive: true });
});

/** Runs `check` by way of the proxy, without cargo, which has roots of its own to name; tells its result by name. */
async function check(env = { SSL_CERT_FILE: certificate }) {
  const args = ["check", ISSUER, "--json", "--client-id", app.client_id, "--client-secret", app.client_secret];
  const ways = { NO_PROXY: "", no_proxy: "", ALL_PROXY: proxy, HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
  const child = spawn(binary, args, { env: { ...process.env, ...ways, ...env } });
  const run = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => { run[name] += text; });
  }
  run.status = await new Promise((resolve) => child.once("close", resolve));
  add(app.client_secret);
  showsNoMore(args, run);
  const checks = run.stdout ? JSON.parse(run.stdout).checks : [];
  run.of = (name) => checks.find((each) => each.name === name);
  run.failed = checks.filter(({ result }) => result === "fail").map(({ name }) => name);
  run.warned = checks.filter(({ result }) => result === "warn").map(({ name }) => name);
  return run;
}

test("a good deployment refuses plain http, and has browsers come by https", async () => {
  [plain, change] = [];
  const run = await check();
  assert.deepEqual([run.status, run.failed, run.warned], [0, [], []], run.stderr);
  assert.deepEqual(run.of("token endpoint: plain http").detail, "403: refused");
  assert.deepEqual(run.of("transport: HSTS").detail, "max-age=31536000");
  assert.equal(run.of("transport: Date").result, "pass");
});

test("a redirect to https, or no answer, is as good", async () => {
  for (const [behaves, detail] of [
    [(request, response) => response.writeHead(301, { location: `https://${HOST}${request.url}` }).end(), "301 to https"],
    [(request) => request.socket.destroy(), "no answer by plain http"],
  ]) {
    plain = behaves;
    const run = await check();
    assert.deepEqual([run.status, run.of("token endpoint: plain http").detail], [0, detail], run.stderr);
  }
});

test("broken: plain http is served, and browsers are told nothing", async () => {
  const heard = [];
  plain = async (request, response) => {
    heard.push(request.headers.authorization, Buffer.concat(await request.toArray()).toString());
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":"invalid_client"}');
  };
  change = (fields) => fields.delete("strict-transport-security");
  const run = await check();
  assert.deepEqual([run.status, run.failed, run.warned], [1, ["token endpoint: plain http"], ["transport: HSTS"]], run.stderr);
  assert.match(run.of("token endpoint: plain http").detail, /^401, neither refused nor redirected/);
  // Nothing secret is said where others could read it.
  assert.deepEqual(heard, [undefined, "grant_type=client_credentials"]);
  change = (fields) => fields.set("strict-transport-security", "max-age=0");
  plain = (request, response) => response.writeHead(302, { location: `http://${HOST}/` }).end();
  assert.deepEqual((await check()).failed.toSorted(), ["token endpoint: plain http", "transport: HSTS"]);
});

test("a certificate that nothing vouches for is no deployment, and a wrong file is told", async () => {
  [plain, change] = [];
  const unknown = await check({ SSL_CERT_FILE: "" });
  assert.notEqual(unknown.status, 0);
  assert.match(unknown.stderr, /cannot be checked, no answer: .*certificate/i);
  for (const [file, message] of [
    [join(folder, "none.pem"), /SSL_CERT_FILE: .*No such file/],
    ["wrangler.toml", /SSL_CERT_FILE: it has no certificate/],
  ]) {
    const run = await check({ SSL_CERT_FILE: file });
    assert.equal(run.stdout, "");
    assert.match(run.stderr, message);
  }
});

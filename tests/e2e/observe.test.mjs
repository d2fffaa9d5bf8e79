// What the service says of itself, on the built wasm: data points as docs/observe.md has them, and that
// page's queries and filters over real points and lines.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { secretIn } from "./sent.mjs";
import { register, start } from "./worker.mjs";

const PAGE = readFileSync("docs/observe.md", "utf8");

/** What stands in the page's fences of a language, by the paragraph before each. */
const fences = (language) =>
  [...PAGE.matchAll(new RegExp(`([^\\n]+)\\n\\n *\`\`\`${language}\\n(.*?)\\n *\`\`\``, "gs"))].map(([, text, code]) => ({ text, code }));

/** The columns of a point as the page has them: the member that each holds, and what is there without one. */
const COLUMNS = [...PAGE.matchAll(/^\| `((?:blob|double)\d+)` \| `(\w+)`[^|]* \| (\w*) *\|$/gm)]
  .map(([, column, member, other]) => ({ column, member, other: other === "0" ? 0 : "" }));

/** A module before the worker's own whose dataset keeps points, and throws when the header `fault` says so. */
const DATASET = `
  import worker from "./index.js";
  export * from "./index.js";
  const points = [];
  export default class extends worker {
    constructor(ctx, env) {
      let fault = null;
      super(ctx, { ...env, ANALYTICS: { writeDataPoint: (point) => {
        if (fault !== null) throw new Error(fault);
        points.push(point);
      } } });
      this.setFault = (text) => { fault = text; };
    }
    fetch(request) {
      if (new URL(request.url).pathname === "/points") return Response.json(points.splice(0));
      this.setFault(request.headers.get("fault"));
      return super.fetch(request);
    }
  };
`;

const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
let worker;
let lines;
let points;
before(async () => {
  worker = await start({
    main: DATASET,
    realms: (url) => ({ broken: { issuer: `${url}/realms/broken`, signing_keys: ["MISSING"] } }),
  });
  const billing = await register(worker, "--client-id", "billing");
  const ended = await register(worker, "--client-id", "ended", "--secret-expires-at", "1700000000");
  const long = await register(worker, "--client-id", "c".repeat(200));
  const ray = { "cf-ray": "8f1a2b3c4d5e6f70-AMS" };
  for (const [id, secret, form, status] of [
    ["billing", billing.client_secret, {}, 200],
    ["billing", billing.client_secret, { scope: "read" }, 200],
    ["billing", "typed-by-somebody", {}, 401],
    ["typed-by-somebody", billing.client_secret, {}, 401],
    ["billing", billing.client_secret, { scope: "typed-by-somebody" }, 400],
    ["billing", billing.client_secret, { grant_type: "typed-by-somebody" }, 400],
    ["billing", billing.client_secret, { audience: "typed-by-somebody" }, 400],
    ["ended", ended.client_secret, {}, 401],
    ["c".repeat(200), long.client_secret, {}, 200],
  ]) {
    assert.equal((await worker.token(id, secret, form, ray)).status, status);
  }
  assert.equal((await fetch(`${worker.url}/realms/broken/token`, { method: "POST" })).status, 503);
  assert.equal((await fetch(`${worker.url}/realms/default/jwks`)).status, 200);
  await worker.line((line) => line.outcome === "failed");
  lines = worker.logs.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  points = await (await fetch(`${worker.url}/points`)).json();
});
after(async () => {
  await worker?.stop();
  rmSync(folder, { recursive: true });
});

test("each outcome is one point, column by column as the page has it", () => {
  assert.equal(COLUMNS.length, 14);
  assert.equal(lines.length, 10);
  assert.equal(points.length, lines.length);
  for (const [index, line] of lines.entries()) {
    const { indexes, blobs, doubles } = points[index];
    assert.deepEqual(indexes, [`${line.realm ?? ""}/${line.client_id ?? ""}`.slice(0, 96)]);
    const columns = Object.fromEntries([
      ...blobs.map((value, at) => [`blob${at + 1}`, value]), ...doubles.map((value, at) => [`double${at + 1}`, value]),
    ]);
    const told = COLUMNS.map(({ column, member, other }) => [column, line[member] ?? other]);
    const expected = Object.fromEntries(told);
    expected.blob5 = expected.blob5.replace(/\b\d{10}\b/g, "…");
    assert.deepEqual(columns, expected);
  }
  assert.equal(points[7].blobs[4], "secret expired at …, now …");
  assert.equal(points[8].indexes[0].length, 96);
});

test("no secret is in a point, and nothing that somebody typed", () => {
  const text = JSON.stringify(points);
  assert.equal(secretIn(text), undefined);
  assert.doesNotMatch(text, /typed-by-somebody/);
});

test("a dataset that throws changes no answer, and the log says so", async () => {
  const { client_id, client_secret } = await register(worker, "--client-id", "app");
  const answer = await worker.token(client_id, client_secret, {}, { fault: "no dataset" });
  assert.equal(answer.status, 200);
  const { time, ...line } = await worker.line((line) => line.event === "analytics");
  assert.deepEqual(line, { version: 1, level: "warning", event: "analytics", reason: "no dataset" });
  assert.equal(typeof time, "number");
  assert.deepEqual(await (await fetch(`${worker.url}/points`)).json(), []);
});

test("the runtime's own binding takes the points; without one there is nothing to see", async () => {
  for (const analytics of [true, false]) {
    const other = await start({ analytics });
    try {
      const { client_id, client_secret } = await register(other, "--client-id", "app");
      assert.equal((await other.token(client_id, client_secret)).status, 200);
      await other.line((line) => line.outcome === "issued");
      assert.deepEqual(other.logs.filter((text) => text.includes("analytics")), []);
    } finally {
      await other.stop();
    }
  }
});

/** Analytics Engine's SQL in SQLite's, whose clock is given in seconds. */
const inSqlite = (sql, now) => sql
  .replace(/NOW\(\) - INTERVAL '(\d+)' DAY/g, (_, days) => String(now - days * 86_400))
  .replace(/toStartOfInterval\(timestamp, INTERVAL '1' HOUR\)/g, "CAST(timestamp / 3600 AS INTEGER) * 3600")
  .replace(/\bif\(/g, "iif(");

test("the queries of the page run over these points and find what they promise", () => {
  const names = ["index1", ...COLUMNS.map(({ column }) => column)];
  const database = new DatabaseSync(":memory:");
  database.exec(`CREATE TABLE edge_token (timestamp, _sample_interval, ${names.join(", ")})`);
  const insert = database.prepare(`INSERT INTO edge_token VALUES (${Array(names.length + 2).fill("?").join(", ")})`);
  const now = Math.floor(Date.now() / 1000);
  const old = { ...points[0], blobs: points[0].blobs.with(7, "before") };
  const stale = { ...points[0], doubles: [200, 77] };
  for (const [point, age, interval] of [...points.map((point) => [point, 60, 1]), [old, 20 * 86_400, 4], [stale, 60, 1]]) {
    insert.run(now - age, interval, ...point.indexes, ...point.blobs, ...point.doubles);
  }
  const queries = fences("sql");
  const members = Object.fromEntries(COLUMNS.map(({ column, member }) => [column, member]));
  const [byClient, byReason, byKid, bySecret, byMethod, failed, aged] = queries.map(({ code }) => {
    for (const [, column, name] of code.matchAll(/\b((?:blob|double)\d+) AS (\w+)/g)) assert.equal(name, members[column], code);
    return database.prepare(inSqlite(code, now)).all().map((row) => ({ ...row }));
  });
  assert.equal(queries.length, 7);
  assert.deepEqual(byClient, [
    { realm: "default", client_id: "billing", tokens: 3 }, { realm: "default", client_id: "c".repeat(200), tokens: 1 },
  ]);
  assert.deepEqual(byReason.find(({ reason }) => reason === "wrong secret"),
    { outcome: "rejected", reason: "wrong secret", status: 401, requests: 1 });
  assert.deepEqual(byReason.reduce((sum, { requests }) => sum + requests, 0), 7);
  const [{ kid }] = lines;
  assert.deepEqual(byKid, [{ realm: "default", kid, tokens: 4, last: now - 60 }]);
  // The two good requests and the stale one; those whose scope and audience were refused had the secret too.
  assert.deepEqual(bySecret, [
    { secret_id: lines[0].secret_id, uses: 5, last: now - 60, sampled: 1 },
    { secret_id: "before", uses: 4, last: now - 20 * 86_400, sampled: 4 },
  ]);
  // Of these clients each has one way, and of their lines each that authenticated has it.
  const ways = lines.filter(({ auth_method }) => auth_method?.startsWith("client_secret"));
  const usesOf = (id) => ways.filter(({ client_id }) => client_id === id).length;
  assert.ok(usesOf("billing") > 0 && ways.every(({ auth_method }) => auth_method === "client_secret_basic"));
  assert.deepEqual(byMethod.filter(({ client_id }) => client_id === "billing"), [{
    realm: "default", client_id: "billing", auth_method: "client_secret_basic", uses: usesOf("billing") + 5, last: now - 60,
  }]);
  assert.deepEqual(failed.map(({ hour }) => hour % 3600), failed.map(() => 0));
  const counts = points.length + 1;
  assert.equal(failed.length, 1);
  assert.equal(failed[0].share, 1 / counts);
  assert.deepEqual(aged, [{ realm: "default", client_id: "billing", requests: 1, record_age: 77 }]);
});

test("the filters of the page run over these lines and find what they promise", (context) => {
  if (spawnSync("jq", ["--version"]).status !== 0) return context.skip("no jq: apt-get install -y jq");
  const messages = worker.logs.filter((text) => text.includes('"outcome"')).slice(0, lines.length);
  const tailed = messages.map((text) => ({
    outcome: "ok", scriptName: "edge-token-production", eventTimestamp: 1, logs: [{ message: [text], level: "log", timestamp: 1 }],
  }));
  const pushed = messages.map((text, index) => ({
    EventTimestampMs: 1, Outcome: "ok", CPUTimeMs: 1, WallTimeMs: index, Logs: [{ Level: "log", Message: [text], TimestampMs: 1 }],
  }));
  // What is no line of the service is passed over.
  tailed.push({ ...tailed[0], logs: [{ message: ["a panic, say"], level: "error", timestamp: 1 }, { message: [1], level: "log" }] });
  writeFileSync(join(folder, "events.ndjson"), pushed.map((event) => `${JSON.stringify(event)}\n`).join(""));
  writeFileSync(join(folder, "tail.json"), tailed.map((event) => JSON.stringify(event, null, 2)).join("\n"));
  const run = (command) => {
    const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", command],
      { cwd: folder, encoding: "utf8", env: { ...process.env, JTI: lines[0].jti } });
    assert.equal(status, 0, stderr);
    return stdout.trim().split("\n");
  };
  const tails = fences("sh account").filter(({ code }) => code.includes("wrangler tail"));
  const [all, refused, billing] = tails.map(({ code }) =>
    run(code.replace(/^npx wrangler tail --env production --format json \|/, "cat tail.json |")).map((line) => JSON.parse(line)));
  assert.equal(tails.length, 3);
  assert.deepEqual(all, lines);
  assert.deepEqual(refused.map(({ status }) => status), [401, 401, 400, 400, 400, 401, 503]);
  assert.deepEqual(billing, lines.slice(0, 2).map(({ time, secret_id, colo }) => ({ time, secret_id, colo })));

  const files = fences("sh").filter(({ code }) => code.startsWith("jq"));
  const [byClient, ofToken, failures, slowest] = files.map(({ code }) => run(code));
  assert.equal(files.length, 4);
  assert.deepEqual(byClient.map((line) => line.trim()), ["2 default/billing", `1 default/${"c".repeat(200)}`]);
  assert.deepEqual(ofToken.map((line) => JSON.parse(line)), [lines[0]]);
  assert.deepEqual(failures.map((line) => line.trim()).toSorted(), [
    "1 default/billing: wrong secret", `1 default/ended: ${lines[7].reason}`, "1 default/unknown client: unknown client",
  ]);
  assert.deepEqual(slowest, [String(pushed.length - 1)]);
});

// Measures what a token costs, beside what others would use: node bench.mjs [--check | --against FOLDER]
//
// Everything that is compared runs at once, on one processor, and the load on another, each in its turn,
// ROUNDS times. Writes results.json, RESULTS.md and results.svg. With --check only what the guard
// compares is measured, and it fails if that has become worse than in results.json. With --against this
// build is compared with the build in another folder, an earlier one for instance, and nothing is written.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";
import { assertion } from "../tests/e2e/keys.mjs";
import { LOAD_CPU, makeFixture, SERVER_CPU, startOidcProvider, startOwn, startScript, startSdkHello } from "./servers.mjs";
import { startLoad, wire } from "./load.mjs";
import { chart, report } from "./report.mjs";

const { values: { check, against } } = parseArgs({
  options: { check: { type: "boolean", default: false }, against: { type: "string" } },
});
if (check && !existsSync("bench/results.json")) {
  console.error("bench: there is no bench/results.json to compare with; make bench writes it");
  process.exit(1);
}
const ROUNDS = 5;
const COMPARED_ROUNDS = 9;
const WARM_UP_SECONDS = 5;
const SECONDS = 4;
const OPEN_SECONDS = 6;
const CLIENTS = 10_000;
const MEMORY_TOKENS = 100_000;
const SIGNATURES = 2000;
/** By which part a ratio may fall before the guard fails. */
const MAX_LOSS = 0.2;

const began = performance.now();
const say = (line) => console.error(`[bench ${String(Math.round((performance.now() - began) / 1000)).padStart(4)} s] ${line}`);

/** Median, least and greatest of some figures. */
function spread(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0], greatest: sorted.at(-1) };
}

/** The same of each member of some objects. */
const spreads = (rows) => Object.fromEntries(Object.keys(rows[0]).map((name) => [name, spread(rows.map((row) => row[name]))]));

const load = startLoad(LOAD_CPU);
const fixture = await makeFixture();

// ---- What is sent -------------------------------------------------------------------------------

const HELLO = { requests: [wire({ method: "GET", path: "/" })] };
const TOKEN = { requests: [fixture.token()] };
const ZIPF = { requests: Array.from({ length: CLIENTS }, (_, index) => fixture.token(index)), pick: "zipf" };
const WRONG = {
  requests: Array.from({ length: 1000 }, (_, index) => fixture.token(0, { secret: `wrong-${index}` })), pick: "zipf", expect: 401,
};
const JWKS = { requests: [wire({ method: "GET", path: "/realms/default/jwks" })] };

/** Assertions, each of which is good for one request. */
async function assertions(server, count) {
  const audience = `http://127.0.0.1:${server.port}/realms/default`;
  const requests = [];
  for (let left = count; left > 0; left -= 1) {
    const form = { grant_type: "client_credentials", ...(await assertion(fixture.signer, audience)) };
    requests.push(wire({
      path: "/token", headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams(form).toString(),
    }));
  }
  return { requests, pick: "each" };
}

// ---- How it is measured -------------------------------------------------------------------------

/** Sends as fast as is answered, and tells requests a second, CPU µs and KV reads of each. */
async function closedLoop(server, job, seconds = SECONDS) {
  const [cpu, reads] = [server.cpu(), await server.kvReads?.()];
  const { answered, seconds: took } = await load.run({ port: server.port, seconds, ...job });
  return {
    per_second: answered / took,
    cpu_us: (server.cpu() - cpu) / answered,
    ...(reads !== undefined && { kv_reads: (await server.kvReads() - reads) / answered }),
  };
}

/** Each workload in its turn, round after round. */
async function interleaved(workloads, rounds, act) {
  const rows = Object.fromEntries(Object.keys(workloads).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, workload] of Object.entries(workloads)) rows[name].push(await act(workload, name));
    say(`round ${round} of ${rounds}`);
  }
  return Object.fromEntries(Object.entries(rows).map(([name, rows]) => [name, spreads(rows)]));
}

async function warm(servers, job) {
  for (const server of servers) await load.run({ port: server.port, seconds: WARM_UP_SECONDS, ...job });
}

// ---- What is measured ---------------------------------------------------------------------------

/** The CPU that ES256 alone takes: what N signatures take more than none. */
async function signatures() {
  say("ES256 alone");
  const servers = {
    own: await startOwn(fixture, { build: "target/sign" }),
    subtle: await startScript(fixture, "bench/peers/subtle.mjs"),
  };
  const cost = async (server, count) => {
    const path = server === servers.own ? `/sign-on-demand/${count}` : `/${count}`;
    const before = server.cpu();
    await (await fetch(`http://127.0.0.1:${server.port}${path}`)).arrayBuffer();
    await sleep(50);
    return server.cpu() - before;
  };
  for (const server of Object.values(servers)) await cost(server, SIGNATURES);
  const measured = await interleaved(servers, ROUNDS, async (server) => {
    const none = await cost(server, 0);
    return { cpu_us: (await cost(server, SIGNATURES) - none) / SIGNATURES };
  });
  Object.values(servers).forEach((server) => server.stop());
  return measured;
}

/** The CPU ms of the first, second and hundredth token of fresh isolates, from when the process is at rest. */
async function freshIsolate() {
  say("a fresh isolate");
  const { client: { client_id, client_secret } } = fixture;
  const rows = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await startOwn(fixture);
    for (let [before, same] = [server.cpu(), 0]; same < 10;) {
      await sleep(20);
      const after = server.cpu();
      same = after - before < 200 ? same + 1 : 0;
      before = after;
    }
    const costs = [];
    for (let count = 1; count <= 100; count += 1) {
      const before = server.cpu();
      const response = await fetch(`http://127.0.0.1:${server.port}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials" }),
      });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      await sleep(count < 3 || count > 98 ? 30 : 0);
      costs.push((server.cpu() - before) / 1000);
    }
    rows.push({ first_ms: costs[0], second_ms: costs[1], hundredth_ms: costs[99] });
    server.stop();
  }
  return spreads(rows);
}

/** The memory of the process and of its wasm, at the start and after many tokens, in MB. */
async function memory() {
  say(`memory before and after ${MEMORY_TOKENS} tokens`);
  const server = await startOwn(fixture, { main: "bench/memory.mjs" });
  const now = async () => ({
    rss_mb: server.rss(),
    wasm_mb: Number(await (await fetch(`http://127.0.0.1:${server.port}/memory`)).text()) / 2 ** 20,
  });
  const [seconds, told] = [5, { start: await now() }];
  for (let tokens = 0; tokens < MEMORY_TOKENS;) {
    tokens += (await load.run({ port: server.port, seconds, ...ZIPF })).answered;
    if (told.warm === undefined) told.warm = { tokens, ...(await now()) };
    told.end = { tokens, ...(await now()) };
  }
  server.stop();
  return told;
}

/** What a token costs as things become more. */
async function growth() {
  say("growth");
  const issuer = (port, realm) => `http://127.0.0.1:${port}/realms/${realm}`;
  const realms = (count) => ({
    realms: (port) => Object.fromEntries(Array.from({ length: count }, (_, index) =>
      [index === 0 ? "default" : `realm-${index}`, { issuer: issuer(port, index === 0 ? "default" : `realm-${index}`), scopes: "read write" }])),
  });
  const scopes = (count) => Array.from({ length: count }, (_, index) => `scope-${index}`).join(" ");
  const cases = {};
  for (const count of [1, 100, CLIENTS]) {
    cases[`${count} clients`] = { job: { requests: ZIPF.requests.slice(0, count), pick: "zipf" } };
  }
  for (const count of [1, 10, 50]) cases[`${count} realms`] = { options: realms(count) };
  for (const count of [1, 3, 10]) cases[`${count} keys`] = { options: { jwks: fixture.keys(count) } };
  for (const count of [1, 10, 100]) {
    cases[`${count} scopes`] = {
      fixture: withScope(scopes(count)),
      options: { realms: (port) => ({ default: { issuer: issuer(port, "default"), scopes: scopes(count) } }) },
    };
  }
  const servers = {};
  for (const [name, each] of Object.entries(cases)) {
    servers[name] = { job: TOKEN, ...each, server: await startOwn(each.fixture ?? fixture, each.options) };
  }
  for (const { server, job } of Object.values(servers)) await load.run({ port: server.port, seconds: 2, ...job });
  const measured = await interleaved(servers, ROUNDS, ({ server, job }) => closedLoop(server, job, 2));
  Object.values(servers).forEach(({ server }) => server.stop());
  return measured;
}

/** The fixture with a client of another scope. */
function withScope(scope) {
  const [own, ...others] = fixture.records;
  return { ...fixture, records: [{ ...own, value: JSON.stringify({ ...JSON.parse(own.value), scope }) }, ...others] };
}

const sizes = () => {
  const wasm = readFileSync("build/index_bg.wasm");
  return { raw: wasm.length, gzipped: gzipSync(wasm, { level: 9 }).length };
};

const version = (command, ...args) => spawnSync(command, args, { encoding: "utf8" }).stdout.trim().split("\n")[0];

const machine = () => ({
  processor: readFileSync("/proc/cpuinfo", "utf8").match(/^model name\s*: (.*)$/m)?.[1] ?? "unknown",
  processors: [SERVER_CPU, LOAD_CPU],
  workerd: version("node_modules/.bin/workerd", "--version"),
  node: process.version,
  rustc: version("rustc", "--version"),
  peers: JSON.parse(readFileSync("bench/peers/package.json", "utf8")).dependencies,
  date: new Date().toISOString().slice(0, 10),
});

/** CPU µs of each kind of token by this build and by another, and their ratios, round by round. */
async function compareWith(build) {
  const servers = { own: await startOwn(fixture), other: await startOwn(fixture, { build }) };
  const jobs = { "by a secret": () => TOKEN, "of 10,000 clients": () => ZIPF, "wrong secret": () => WRONG,
    "by an assertion": (server) => assertions(server, 5000) };
  for (const job of Object.values(jobs)) {
    for (const server of Object.values(servers)) await warm([server], await job(server));
  }
  const rounds = Object.fromEntries(Object.keys(jobs).map((name) => [name, []]));
  for (let round = 1; round <= COMPARED_ROUNDS; round += 1) {
    for (const [name, job] of Object.entries(jobs)) {
      const cost = async (server) => (await closedLoop(server, await job(server))).cpu_us;
      // Each goes first in every second round: what the one leaves behind, the other meets.
      const order = round % 2 ? ["own", "other"] : ["other", "own"];
      const costs = {};
      for (const server of order) costs[server] = await cost(servers[server]);
      rounds[name].push({ ...costs, ratio: costs.own / costs.other });
    }
    say(`round ${round} of ${COMPARED_ROUNDS}`);
  }
  for (const [name, rows] of Object.entries(rounds)) {
    const { own, other, ratio } = spreads(rows);
    console.log(`${name}: ${own.median.toFixed(1)} µs beside ${other.median.toFixed(1)}, in each round `
      + `${ratio.median.toFixed(3)} times (${ratio.least.toFixed(3)} to ${ratio.greatest.toFixed(3)})`);
  }
}

// ---- The run ------------------------------------------------------------------------------------

if (against) {
  say(`this build and ${against}: ${COMPARED_ROUNDS} rounds`);
  await compareWith(against);
  process.exit();
}
say("starting");
const guarded = {
  "sdk-hello": { server: await startSdkHello(fixture), job: HELLO },
  own: { server: await startOwn(fixture), job: TOKEN },
  hono: { server: await startScript(fixture, "target/bench/hono.js"), job: TOKEN },
};

/**
 * CPU of a token beside that of the SDK's hello and of P2: what must not become more. Of each round a ratio, since
 * the machine may be slower in one than in another; and first of all, so that it is measured with --check as without.
 */
async function guard() {
  for (const { server, job } of Object.values(guarded)) await warm([server], job);
  const rounds = [];
  await interleaved(guarded, ROUNDS, async ({ server, job }, name) => {
    const measured = await closedLoop(server, job);
    if (name === "sdk-hello") rounds.push({});
    rounds.at(-1)[name] = measured.cpu_us;
    return measured;
  });
  return spreads(rounds.map(({ "sdk-hello": hello, own, hono }) => ({
    "CPU of a token / SDK's hello": own / hello,
    "CPU of a token / P2, Hono and jose": own / hono,
  })));
}

say(`what make bench-check compares: ${ROUNDS} rounds`);
const ratios = await guard();
if (check) {
  const before = JSON.parse(readFileSync("bench/results.json", "utf8")).guard;
  for (const [name, { median }] of Object.entries(ratios)) {
    const isWorse = median > before[name].median / (1 - MAX_LOSS);
    if (isWorse) process.exitCode = 1;
    console.log(`${isWorse ? "WORSE" : "ok   "} ${name}: ${median.toFixed(2)}, ${before[name].median.toFixed(2)} in bench/results.json`);
  }
  if (process.exitCode) console.log("A ratio has fallen by more than a fifth: profile it as bench/README.md says, or run make bench and say why.");
} else {
  const tokens = {
    ...guarded,
    plain: { server: await startScript(fixture, "bench/peers/plain.mjs"), job: TOKEN },
    "oidc-provider": { server: await startOidcProvider(fixture), job: TOKEN },
    "p256-0.13": { server: await startOwn(fixture, { build: "target/bench/p256-0.13/build" }), job: TOKEN },
  };
  const { server } = guarded.own;
  const all = {
    "js-hello": { server: await startScript(fixture, "bench/peers/hello.mjs"), job: HELLO },
    ...tokens,
    zipf: { server, job: ZIPF },
    wrong: { server, job: WRONG },
    assertion: { server },
    jwks: { server, job: JWKS },
  };
  say("warming up");
  for (const { server, job = TOKEN } of Object.values(all)) await warm([server], job);
  say(`as fast as it goes: ${ROUNDS} rounds of ${Object.keys(all).length} times ${SECONDS} s`);
  const closed = await interleaved(all, ROUNDS, async ({ server, job }) =>
    closedLoop(server, job ?? await assertions(server, 5000)));
  say(`at half of that: ${ROUNDS} rounds of ${Object.keys(tokens).length} times ${OPEN_SECONDS} s`);
  const open = await interleaved(tokens, ROUNDS, async ({ server, job }, name) => {
    const rate = Math.round(closed[name].per_second.median / 2);
    const { latencies } = await load.run({ port: server.port, seconds: OPEN_SECONDS, rate, connections: 64, ...job });
    return { rate, ...latencies };
  });
  new Set(Object.values(all).map(({ server }) => server)).forEach((server) => server.stop());
  const results = {
    machine: machine(), guard: ratios, closed, open, sizes: sizes(), signatures: await signatures(), fresh: await freshIsolate(),
    memory: await memory(), growth: await growth(),
  };
  writeFileSync("bench/results.json", `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync("bench/RESULTS.md", report(results));
  writeFileSync("bench/results.svg", chart(results));
  say("written: bench/RESULTS.md, bench/results.svg, bench/results.json");
}
process.exit();

// Holds the built wasm under hostile traffic while good clients go on, and judges: node load.mjs [--json]
//
// One `workerd serve` on loopback, and its clients on a processor of theirs. LOAD_SECONDS are cut into rounds of a
// minute. Each first measures the capacity for good token requests and for hostile ones of all kinds, by as many as
// are answered, 16 at a time; then good requests are sent at 30 % of theirs, and hostile ones beside them at 20 % of
// theirs. Before and after that minute the good ones are alone for some seconds. So a round compares what is of the
// same time, and asks as much as the machine can do at that time: a shared one may be half as fast an hour later.
// One that became slower would so be asked for less: at the end its capacity is compared with that of a fresh one.
// All rates are open loops, and latencies count from the moment at which a request was due. Exits with an error if a
// check fails.

import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { basic } from "../e2e/worker.mjs";
import { makeKinds } from "./kinds.mjs";
import { act, Counts, newTally, openLoop, send } from "./send.mjs";
import { cpuSeconds, startService } from "./service.mjs";

const SECONDS = Number(process.env.LOAD_SECONDS || 600);
const ROUNDS = Math.max(1, Math.round(SECONDS / 60));
const ROUND_SECONDS = Math.round(SECONDS / ROUNDS);
const ALONE_SECONDS = 12;
const WARM_UP_SECONDS = 5;
const CAPACITY_SECONDS = 5;
const CAPACITY_AT_ONCE = 16;
/** How often, and for how long each time, its capacity at the end is compared with a fresh one's. */
const [AGE_TURNS, AGE_SECONDS] = [5, 3];
const CONNECTIONS = 128;
const [GOOD_SHARE, HOSTILE_SHARE] = [0.3, 0.2];
const TOKENS_A_SECOND = 5;
/** How often what is good for minutes is made again, memory is looked at, and a line is printed. */
const RENEW_SECONDS = 45;
const WATCH_SECONDS = 1;
const SAY_SECONDS = 15;
/** How many requests of each kind are sent for its costs in a round, and how many at once. */
const [COST_ROUNDS, COST_REQUESTS, COST_AT_ONCE] = [3, 100, 4];
/** What is asked: p99 beside the hostile ones, capacity beside a fresh one's, the share of what was due, and memory. */
const MAX_P99_FACTOR = 2;
const MIN_OF_FRESH = 0.75;
const MIN_SENT = 0.99;
const [MAX_RSS_FACTOR, MAX_RSS_MORE] = [1.25, 10];

const { values: { json } } = parseArgs({ options: { json: { type: "boolean", default: false } } });
if (!(SECONDS >= 10)) throw new Error("LOAD_SECONDS must be 10 or more");

const began = performance.now();
const say = (line) => console.error(`[load ${String(Math.round((performance.now() - began) / 1000)).padStart(4)} s] ${line}`);

// ---- Good clients -------------------------------------------------------------------------------

const children = new Set();

/** Runs oha with good token requests. Returns what it measured; `child` is told to `watch`. */
function oha(service, args, watch = () => {}) {
  const { client_id, client_secret } = service.clients.good;
  const child = spawn("oha", ["--no-tui", "--output-format", "json", "--wait-ongoing-requests-after-deadline",
    "-m", "POST", "-H", `authorization: ${basic(client_id, client_secret)}`,
    "-T", "application/x-www-form-urlencoded", "-d", "grant_type=client_credentials", ...args,
    `${service.issuer}/token`], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  watch(child);
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      children.delete(child);
      if (status !== 0) return reject(new Error(`oha ended with ${status}`));
      const { summary, latencyPercentiles, statusCodeDistribution, errorDistribution } =
        JSON.parse(Buffer.concat(chunks).toString());
      const ms = (seconds) => seconds * 1000;
      resolve({
        per_second: summary.requestsPerSec,
        p50_ms: ms(latencyPercentiles.p50), p99_ms: ms(latencyPercentiles.p99),
        p999_ms: ms(latencyPercentiles["p99.9"]), max_ms: ms(summary.slowest),
        statuses: { ...statusCodeDistribution, ...errorDistribution },
      });
    });
  });
}

/** As fast as it goes. */
const closedLoop = (service, seconds) =>
  oha(service, ["-z", `${seconds}s`, "-c", String(CAPACITY_AT_ONCE)]);

/** At a rate. */
const goodAt = (service, rate, seconds, watch) => oha(service,
  ["-z", `${seconds}s`, "-q", String(rate), "--latency-correction", "-c", String(CONNECTIONS)], watch);

/** Takes tokens for some seconds and verifies each, as a resource server would. */
async function sample(service, seconds) {
  const { issuer, clients: { good } } = service;
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const names = new Set();
  const told = { taken: 0, verified: 0, failures: new Counts() };
  const take = async () => {
    told.taken += 1;
    const { status, body } = await send(service.port, {
      headers: {
        authorization: basic(good.client_id, good.client_secret),
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials&scope=read",
    });
    if (status !== 200) return told.failures.add(status);
    const { access_token } = JSON.parse(body);
    const { payload } = await jwtVerify(access_token, keys, {
      issuer, audience: issuer, typ: "at+jwt", algorithms: ["ES256"],
      requiredClaims: ["exp", "iat", "sub", "jti", "client_id", "scope"],
    });
    if (names.has(payload.jti)) throw new Error("a jti twice");
    names.add(payload.jti);
    told.verified += 1;
  };
  const running = [];
  const begin = performance.now();
  for (let index = 0; index < seconds * TOKENS_A_SECOND; index += 1) {
    await sleep(Math.max(0, begin + index * 1000 / TOKENS_A_SECOND - performance.now()));
    running.push(take().catch((error) => told.failures.add(error.code ?? error.message)));
  }
  await Promise.all(running);
  return told;
}

// ---- Hostile ones -------------------------------------------------------------------------------

/** The CPU of workerd that a request of each kind costs, in µs, and of a good one, first. */
async function costs(service, kinds, tallies) {
  const { client_id, client_secret } = service.clients.good;
  const good = {
    name: "a good request", expect: [200],
    request: () => ({
      headers: { authorization: basic(client_id, client_secret), "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=client_credentials",
    }),
  };
  tallies.set(good.name, newTally());
  const table = new Map();
  // In rounds, so that a busy moment of the machine is not one kind's alone; the first warms up.
  for (let round = 0; round <= COST_ROUNDS; round += 1) {
    say(`round ${round} of ${COST_ROUNDS}: what each of ${kinds.length} hostile kinds costs`);
    for (const kind of [good, ...kinds.filter(({ isSlow }) => !isSlow)]) {
      let left = COST_REQUESTS;
      const each = async () => {
        while (left-- > 0) await act(service.port, kind, tallies.get(kind.name));
      };
      const before = service.cpu();
      await Promise.all(Array.from({ length: COST_AT_ONCE }, each));
      const after = service.cpu();
      const { main_us = 0, all_us = 0 } = round > 1 ? table.get(kind.name) : {};
      const mean = (thread) => (after[thread] - before[thread]) / COST_REQUESTS / COST_ROUNDS;
      table.set(kind.name, { main_us: main_us + mean("main"), all_us: all_us + mean("all") });
    }
  }
  const one = table.get(good.name).main_us;
  return new Map([...table].map(([name, cost]) => [name, { ...cost, of_a_good_one: cost.main_us / one }]));
}

/** How many hostile requests are answered in a second, as fast as it goes. */
async function hostileClosedLoop(service, kinds, tallies) {
  const quick = kinds.filter(({ isSlow }) => !isSlow);
  const begin = performance.now();
  let answered = 0;
  const each = async () => {
    while (performance.now() - begin < CAPACITY_SECONDS * 1000) {
      const kind = quick[answered++ % quick.length];
      await act(service.port, kind, tallies.get(kind.name));
    }
  };
  await Promise.all(Array.from({ length: CAPACITY_AT_ONCE }, each));
  return answered / (performance.now() - begin) * 1000;
}

/** Looks at the memory and CPU of all processes each second of a round until `stop()`, which tells them. */
function watch(service, round) {
  const start = performance.now();
  const own = process.cpuUsage();
  const ownCpu = () => {
    const { user, system } = process.cpuUsage(own);
    return (user + system) / 1e6;
  };
  const begin = cpuSeconds(service.pid);
  const memory = [];
  const told = { workerd: 0, oha: 0, hostile: 0 };
  let good;
  const look = () => {
    if (service.hasEnded()) return;
    const seconds = (performance.now() - start) / 1000;
    memory.push({ seconds, rss_mb: service.rss() });
    told.workerd = (cpuSeconds(service.pid) - begin) / seconds;
    told.hostile = ownCpu() / seconds;
    if (good?.exitCode === null) told.oha = cpuSeconds(good.pid) / seconds;
    if (memory.length % SAY_SECONDS === 0) {
      say(`round ${round} of ${ROUNDS}: ${Math.round(seconds)} of ${ROUND_SECONDS} s mixed, workerd `
        + `${memory.at(-1).rss_mb.toFixed(0)} MB, ${(told.workerd * 100).toFixed(0)} % of a core`);
    }
  };
  const timer = setInterval(look, WATCH_SECONDS * 1000);
  return {
    oha: (child) => { good = child; },
    stop: () => {
      clearInterval(timer);
      return { memory, cpu: told };
    },
  };
}

/** A round of good and hostile requests at once. */
async function mix(service, { kinds, renew }, tallies, rates, round) {
  await renew();
  const watched = watch(service, round);
  const renewals = setInterval(() => renew().catch((error) => {
    tallies.get("renewal").unexpected += 1;
    say(`renewal failed: ${error.message}`);
  }), RENEW_SECONDS * 1000);
  try {
    const [good, hostile, tokens] = await Promise.all([
      goodAt(service, rates.good, ROUND_SECONDS, watched.oha),
      openLoop(service.port, kinds, tallies, rates.hostile, ROUND_SECONDS),
      sample(service, ROUND_SECONDS),
    ]);
    return { good, hostile, tokens, ...watched.stop() };
  } finally {
    clearInterval(renewals);
    watched.stop();
  }
}

/** A round: capacity, then good requests alone, beside hostile ones, and alone again. */
async function playRound(service, hostileClients, tallies, round) {
  const name = `round ${round} of ${ROUNDS}`;
  say(`${name}: capacity, for good requests and for hostile ones`);
  const good = await closedLoop(service, CAPACITY_SECONDS);
  const capacity = { good, hostile_per_second: await hostileClosedLoop(service, hostileClients.kinds, tallies) };
  const rates = {
    good: Math.round(capacity.good.per_second * GOOD_SHARE),
    hostile: Math.round(capacity.hostile_per_second * HOSTILE_SHARE),
  };
  const goodAlone = () => {
    say(`${name}: ${rates.good} good requests/s alone`);
    return goodAt(service, rates.good, ALONE_SECONDS);
  };
  const before = await goodAlone();
  say(`${name}: ${rates.good} good and ${rates.hostile} hostile requests/s`);
  const mixed = await mix(service, hostileClients, tallies, rates, round);
  const alone = [before, await goodAlone()];
  const p99_factor = mixed.good.p99_ms / mean(alone.map(({ p99_ms }) => p99_ms));
  return { capacity, rates, alone, ...mixed, p99_factor };
}

/** The capacity for good requests beside that of a fresh service, by turns: what was measured, and the ratios. */
async function besideFresh(service) {
  say("capacity beside that of a fresh service, by turns");
  const fresh = await startService();
  const windows = [await closedLoop(fresh, WARM_UP_SECONDS)];
  const ratios = [];
  while (ratios.length < AGE_TURNS) {
    const [one, other] = [await closedLoop(fresh, AGE_SECONDS), await closedLoop(service, AGE_SECONDS)];
    windows.push(one, other);
    ratios.push(other.per_second / one.per_second);
  }
  return { windows, ratios };
}

// ---- All of it ----------------------------------------------------------------------------------

async function run(service) {
  const hostileClients = await makeKinds(service);
  const { kinds } = hostileClients;
  const tallies = new Map([...kinds.map(({ name }) => name), "renewal"].map((name) => [name, newTally()]));
  const fresh_mb = service.rss();
  say(`warming up for ${WARM_UP_SECONDS} s`);
  await closedLoop(service, WARM_UP_SECONDS);
  const warm_mb = service.rss();
  const cost = await costs(service, kinds, tallies);
  const start_mb = service.rss();
  const rounds = [];
  while (rounds.length < ROUNDS) rounds.push(await playRound(service, hostileClients, tallies, rounds.length + 1));
  const aged = await besideFresh(service);
  const { status: health } = await send(service.port, { method: "GET", path: "/health" });
  const memory = rounds.map((round) => round.memory.map(({ rss_mb }) => rss_mb));
  const [first] = memory;
  const result = {
    seconds: ROUNDS * ROUND_SECONDS, rounds, aged, health,
    memory_mb: {
      fresh: fresh_mb, warm: warm_mb, start: start_mb,
      first_minute: ROUNDS > 1 ? first.at(-1) : first[Math.floor(first.length / 4)],
      end: memory.at(-1).at(-1), most: Math.max(...memory.flat()),
    },
    kinds: [...tallies].map(([name, { statuses, unexpected }]) => ({
      kind: name, statuses: statuses.toJSON(), unexpected, ...cost.get(name),
    })),
    errors: errorsOf(service),
  };
  return { ...result, checks: judge(result) };
}

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
const mean = (numbers) => total(numbers) / numbers.length;
const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
};

/** What windows have in the middle, the most of all, and all their answers. */
function middle(windows) {
  const of = (member) => median(windows.map((each) => each[member]));
  const statuses = new Counts();
  for (const each of windows) {
    for (const [status, count] of Object.entries(each.statuses)) statuses.add(status, count);
  }
  return {
    p50_ms: of("p50_ms"), p99_ms: of("p99_ms"), p999_ms: of("p999_ms"),
    max_ms: Math.max(...windows.map(({ max_ms }) => max_ms)), statuses: statuses.toJSON(),
  };
}

/** What must hold: what it is, whether it does, and by which figures. */
function judge({ rounds, aged, health, memory_mb, kinds, errors }) {
  const of = (status, part) => total(Object.entries(part).map(([each, count]) => status(each) ? count : 0));
  const inRounds = (figure) => total(rounds.map(figure));
  const factors = rounds.map(({ p99_factor }) => p99_factor);
  const windows = rounds.flatMap(({ capacity, alone, good }) => [capacity.good, ...alone, good]);
  const goodOnes = [...windows, ...aged.windows].map(({ statuses }) => statuses);
  const all = [...goodOnes, ...kinds.map(({ statuses }) => statuses)];
  const sum = (status, parts) => total(parts.map((part) => of(status, part)));
  const [any, refused] = [sum(() => true, goodOnes), sum((status) => status !== "200", goodOnes)];
  const faults = sum((status) => /^5/.test(status), all);
  const unexpected = total(kinds.map((kind) => kind.unexpected));
  const most = memory_mb.first_minute * MAX_RSS_FACTOR + MAX_RSS_MORE;
  const goodSent = inRounds(({ good }) => of(() => true, good.statuses)) / inRounds(({ rates }) => rates.good * ROUND_SECONDS);
  const hostileSent = inRounds(({ hostile }) => hostile.sent / hostile.seconds) / inRounds(({ rates }) => rates.hostile);
  const [taken, verified] = ["taken", "verified"].map((each) => inRounds(({ tokens }) => tokens[each]));
  const check = (what, holds, figures) => ({ what, holds, figures });
  return [
    check("no 5xx", faults === 0, `${faults} of ${sum(() => true, all)} answers`),
    check("every good request is a 200", refused === 0, `${refused} of ${any} are not`),
    check("every hostile request gets the answer that it must", unexpected === 0, `${unexpected} do not`),
    check(`good clients' p99 within ${MAX_P99_FACTOR} times theirs alone`, median(factors) <= MAX_P99_FACTOR,
      `${median(factors).toFixed(2)} times in the median round, ${Math.min(...factors).toFixed(2)} to ${Math.max(...factors).toFixed(2)}`),
    check("as fast at the end as a fresh one", median(aged.ratios) >= MIN_OF_FRESH,
      `${median(aged.ratios).toFixed(2)} of its capacity in the median turn, ${Math.min(...aged.ratios).toFixed(2)} to `
      + Math.max(...aged.ratios).toFixed(2)),
    check("memory is flat", memory_mb.end <= most,
      `${memory_mb.end.toFixed(0)} MB at the end, ${memory_mb.first_minute.toFixed(0)} MB after the first minute`),
    check("sampled tokens verify", verified === taken, `${verified} of ${taken}`),
    check("good requests kept their rate", goodSent >= MIN_SENT, `${(goodSent * 100).toFixed(1)} %`),
    check("hostile requests kept their rate", hostileSent >= MIN_SENT, `${(hostileSent * 100).toFixed(1)} %`),
    check("nothing logged as an error", of(() => true, errors) === 0,
      `${of(() => true, errors)} lines`),
    check("healthy afterwards", health === 200, String(health)),
  ];
}

/** What the service logged as errors: how often each. */
function errorsOf(service) {
  const errors = new Counts();
  for (const line of service.errors()) errors.add(line.startsWith("{") ? JSON.parse(line).reason : line);
  return errors.toJSON();
}

// ---- What is printed ----------------------------------------------------------------------------

const ms = (value) => value.toFixed(2);
const counts = (statuses) => Object.entries(statuses).map(([status, count]) => `${status}: ${count}`).join(", ");

/** Prints rows in columns, of which those after the first are numbers to the right. */
function columns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    console.log("  " + row.map((value, column) => column === 0
      ? String(value).padEnd(widths[0])
      : column === row.length - 1 ? value : String(value).padStart(widths[column])).join("  ").trimEnd());
  }
}

function print({ rounds, seconds, memory_mb, kinds, errors, checks }) {
  const of = (figure) => median(rounds.map(figure));
  console.log(`\nCapacity: ${of(({ capacity }) => capacity.good.per_second).toFixed(0)} good requests/s, or `
    + `${of(({ capacity }) => capacity.hostile_per_second).toFixed(0)} hostile ones, ${CAPACITY_AT_ONCE} at a time, in the median round\n`);
  const row = (name, rate, { p50_ms, p99_ms, p999_ms, max_ms }, statuses) =>
    [name, rate.toFixed(0), ms(p50_ms), ms(p99_ms), ms(p999_ms), ms(max_ms), statuses];
  const quiet = middle(rounds.flatMap(({ alone }) => alone));
  const good = middle(rounds.map((round) => round.good));
  const hostile = rounds.map((round) => round.hostile);
  const due = (member) => total(hostile.map((each) => each[member]));
  const rate = { good: of(({ rates }) => rates.good), hostile: of(({ rates }) => rates.hostile) };
  columns([
    ["open loop, latencies in ms, medians of rounds", "per s", "p50", "p99", "p99.9", "most", "answers"],
    row(`good alone, ${rounds.length * 2} times ${ALONE_SECONDS} s`, rate.good, quiet, counts(quiet.statuses)),
    row(`good, mixed, ${seconds} s`, rate.good, good, counts(good.statuses)),
    row(`hostile, mixed, ${seconds} s`, rate.hostile, middle(hostile.map((each) => ({ ...each, statuses: {} }))),
      `sent ${due("sent")} of ${due("due")}, ${Math.max(...hostile.map(({ latest_ms }) => latest_ms)).toFixed(0)} ms late at most`),
  ]);
  console.log("\nEach round: what it can and what is sent, per s; p99 of good clients, ms; CPU while mixed, % of a core; memory, MB\n");
  columns([
    ["round", "can good", "hostile", "sent good", "hostile", "p99 alone", "mixed", "alone", "times", "workerd", "oha", "hostile clients", "MB"],
    ...rounds.map(({ capacity, rates, alone: [before, after], good: mixed, p99_factor, cpu, memory }, at) => [at + 1,
      ...[capacity.good.per_second, capacity.hostile_per_second, rates.good, rates.hostile].map((each) => each.toFixed(0)),
      ...[before, mixed, after].map(({ p99_ms }) => ms(p99_ms)), ms(p99_factor),
      ...Object.values(cpu).map((share) => (share * 100).toFixed(0)), memory.at(-1).rss_mb.toFixed(0)]),
  ]);
  console.log(`\nMemory of workerd, MB: ${memory_mb.fresh.toFixed(0)} fresh, ${memory_mb.warm.toFixed(0)} warm, `
    + `${memory_mb.start.toFixed(0)} after all kinds, ${memory_mb.first_minute.toFixed(0)} after the first minute mixed, `
    + `${memory_mb.end.toFixed(0)} at the end, ${memory_mb.most.toFixed(0)} at most`);
  const failures = new Counts();
  for (const { tokens } of rounds) {
    for (const [name, count] of Object.entries(tokens.failures.toJSON())) failures.add(name, count);
  }
  if (Object.keys(failures.toJSON()).length > 0) console.log(`\nTokens that did not verify: ${counts(failures.toJSON())}`);
  console.log("\nCPU of workerd for one request, µs: on its main thread, on all, and in good requests\n");
  const figure = (value, digits) => value === undefined ? "" : value.toFixed(digits);
  columns([
    ["kind", "main", "all", "good", "answers"],
    ...kinds.filter(({ statuses }) => Object.keys(statuses).length > 0)
      .toSorted((a, b) => (b.main_us ?? 0) - (a.main_us ?? 0))
      .map(({ kind, main_us, all_us, of_a_good_one, statuses, unexpected }) => [kind, figure(main_us, 0),
        figure(all_us, 0), figure(of_a_good_one, 1), counts(statuses) + (unexpected ? ` (${unexpected} UNEXPECTED)` : "")]),
  ]);
  if (Object.keys(errors).length > 0) console.log("\nLogged as errors:\n");
  for (const [reason, count] of Object.entries(errors)) console.log(`  ${count} times: ${reason}`);
  console.log();
  for (const { what, holds, figures } of checks) console.log(`${holds ? "pass" : "FAIL"}  ${what.padEnd(54)}  ${figures}`);
}

process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
  process.once(signal, () => process.exit(status));
}
say("registering clients and starting workerd");
const result = await run(await startService());
if (json) console.log(JSON.stringify(result, null, 2));
else print(result);
process.exit(result.checks.every(({ holds }) => holds) ? 0 : 1);

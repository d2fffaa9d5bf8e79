// Runs each fuzz target for some seconds, one after another, and prints what was tried. What is new is
// kept in the ignored folder fuzz/found, so that the next run goes on from there; the seeds in
// fuzz/corpus are only read.
//
// FUZZ_SECONDS says how long each runs; the arguments name the targets, all if there are none.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const SECONDS = Number(process.env.FUZZ_SECONDS || 30);
const BUILD = ["fuzz", "build", "-s", "none"];
const manifest = readFileSync("fuzz/Cargo.toml", "utf8");
const all = [...manifest.matchAll(/^\[\[bin\]\]\nname = "(\w+)"/gm)].map(([, name]) => name);

const say = (text) => console.error(`\x1b[1m==> ${text}\x1b[0m`);
const fail = (text) => {
  console.error(`\nfuzz: ${text}`);
  process.exit(1);
};

if (!(SECONDS >= 1)) fail(`FUZZ_SECONDS=${process.env.FUZZ_SECONDS} must be a number of seconds`);
const targets = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = targets.find((target) => !all.includes(target));
if (unknown) fail(`no target ${unknown}; there are ${all.join(", ")}`);

/** Runs cargo, hands each line of its errors to `line`, and returns its exit status. */
function cargo(args, line) {
  const child = spawn("cargo", args, { stdio: ["ignore", "inherit", "pipe"] });
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(line);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

say("Building the fuzz targets: two minutes the first time");
if (await cargo(BUILD, (line) => console.error(line)) !== 0) fail("the targets do not build");

/** Fuzzes a target and returns what libFuzzer counted. */
async function run(target) {
  const [found, artifacts] = [`fuzz/found/${target}`, `fuzz/artifacts/${target}`];
  for (const folder of [found, artifacts]) mkdirSync(folder, { recursive: true });
  const dictionary = `fuzz/dictionaries/${target}.dict`;
  const options = [
    `-max_total_time=${SECONDS}`, "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048",
    "-print_final_stats=1", ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : []),
  ];
  const counted = { executions: 0, perSecond: 0, edges: 0 };
  const lines = [];
  let artifact;
  const args = ["fuzz", "run", "-s", "none", target, found, `fuzz/corpus/${target}`, "--", ...options];
  const status = await cargo(args, (line) => {
    lines.push(line);
    if (lines.length > 300) lines.shift();
    const stat = (name) => Number(line.match(`^stat::${name}: *(\\d+)`)?.[1] ?? 0);
    counted.executions ||= stat("number_of_executed_units");
    counted.perSecond ||= stat("average_exec_per_sec");
    counted.edges = Number(line.match(/ cov: (\d+)/)?.[1] ?? counted.edges);
    const written = line.match(/Test unit written to (\S+)/)?.[1];
    if (written) artifact = relative(".", written);
  });
  if (status !== 0) {
    const panic = lines.findIndex((line) => line.includes("panicked at"));
    console.error(lines.slice(panic >= 0 ? panic : -60).slice(0, 60).join("\n"));
    const why = artifact ? `${target} failed on ${artifact}` : `${target} ended with status ${status}`;
    const again = artifact ? `\nAgain: cargo fuzz run -s none ${target} ${artifact}
Once it is mended, keep it: mv ${artifact} fuzz/corpus/${target}/` : "";
    fail(why + again);
  }
  return counted;
}

const rows = [];
for (const [index, target] of targets.entries()) {
  const seeds = readdirSync(`fuzz/corpus/${target}`).length;
  say(`[${index + 1}/${targets.length}] ${target}: ${SECONDS} s from ${seeds} seeds`);
  const counted = await run(target);
  if (counted.executions === 0) fail(`${target} tried nothing`);
  rows.push([target, counted.executions, counted.perSecond, counted.edges]);
}

const total = rows.reduce((sum, [, executions]) => sum + executions, 0);
const show = ([name, ...numbers]) =>
  name.padEnd(20) + numbers.map((number) => number.toLocaleString("en").padStart(14)).join("");
console.log(`\n${"target".padEnd(20)}${["executions", "per second", "edges"].map((text) => text.padStart(14)).join("")}`);
for (const row of rows) console.log(show(row));
console.log(show(["total", total]));

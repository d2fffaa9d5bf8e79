// How long the tool takes and how much memory, for what has very many clients.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { binary, CLIENT_SECRETS_KEY, showsNoMore } from "./worker.mjs";

/**
 * Runs the tool; what it took: seconds by the clock and of the processors, the most memory of its own and of it
 * with wrangler, in MB.
 */
export async function measured(...args) {
  const start = performance.now();
  const child = spawn(binary, args, {
    env: { ...process.env, CLIENT_SECRETS_KEY }, stdio: ["ignore", "pipe", "pipe"],
  });
  const run = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => { run[name] += text; });
  let [own, all, cpu] = [0, 0, 0];
  const look = setInterval(() => {
    const { self, tree, ticks } = use(child.pid);
    [own, all, cpu] = [Math.max(own, self), Math.max(all, tree), Math.max(cpu, ticks / 100)];
  }, 100);
  run.status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(look);
  showsNoMore(args, run);
  assert.equal(run.status, 0, run.stderr);
  const seconds = (performance.now() - start) / 1000;
  const took = `${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of CPU), ${own} MB, with wrangler ${all} MB`;
  return { ...run, cpu, took };
}

/**
 * Of a process and of all below it, where /proc tells: the resident memory in MB, and hundredths of a second of
 * the processors, those of processes that have ended below it included.
 */
function use(pid) {
  try {
    const self = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    const times = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ").slice(11, 15).map(Number);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    const below = children.map(use);
    const sum = (of) => below.reduce((sum, child) => sum + child[of], 0);
    return {
      self: Math.round(self), tree: Math.round(self + sum("tree")),
      ticks: times.reduce((one, other) => one + other, sum("ticks")),
    };
  } catch {
    return { self: 0, tree: 0, ticks: 0 };
  }
}

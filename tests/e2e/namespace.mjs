// A namespace in local state: what a test reads of it and puts there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const SCRIPT = resolve("src/bin/edge-token/local_state.mjs");

/** The arguments by which node reads and writes the namespace of local state in a folder. */
export const localState = (state) => ["--disable-warning=ExperimentalWarning", SCRIPT, join(state, "v3"), "CLIENTS"];

function run(state, request) {
  const { status, stdout, stderr } = spawnSync("node", localState(state), { encoding: "utf8", input: JSON.stringify(request), maxBuffer: 1 << 28 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The values under a prefix, by key, as `read` reads them. */
export function stored(state, prefix, read = JSON.parse) {
  const values = Object.entries(run(state, { get: run(state, { list: prefix }) }));
  return Object.fromEntries(values.map(([key, value]) => [key, read(value)]));
}

/** Puts pairs of a key and a value there. */
export function put(state, ...pairs) {
  run(state, { put: pairs });
}

// A namespace in local state, as wrangler has it: what a test reads of it and puts there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function wrangler(state, ...args) {
  const all = ["kv", ...args, "--binding", "CLIENTS", "--local", "--persist-to", state, "--env", ""];
  const { status, stdout, stderr } = spawnSync("wrangler", all, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

function withFile(value, use) {
  const folder = mkdtempSync(join(tmpdir(), "edge-token-test-"));
  try {
    const path = join(folder, "file.json");
    writeFileSync(path, JSON.stringify(value));
    return use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The values under a prefix, by key. */
export function stored(state, prefix) {
  const keys = JSON.parse(wrangler(state, "key", "list", "--prefix", prefix)).map(({ name }) => name);
  if (keys.length === 0) return {};
  const values = JSON.parse(withFile(keys, (path) => wrangler(state, "bulk", "get", path)));
  return Object.fromEntries(keys.map((key) => [key, JSON.parse(values[key].value)]));
}

/** Puts pairs of a key and a value there. */
export function put(state, ...pairs) {
  withFile(pairs, (path) => wrangler(state, "bulk", "put", path));
}

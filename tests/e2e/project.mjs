// A project in a folder of its own, for the tool to run in: with the real wrangler, or with one whose deployed
// namespace is that of local state and whose secrets are in a file, for what would need an account.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { localState, put, stored } from "./namespace.mjs";
import { binary, CLIENT_SECRETS_KEY, showsNoMore } from "./worker.mjs";

const pinned = JSON.parse(readFileSync("package.json", "utf8")).devDependencies.wrangler;

/** The text of a wrangler of which the namespace is that of local state, and which fails with what `says` says. */
const standIn = (root, says) => `#!/usr/bin/env node
  const { readFileSync, writeFileSync } = require("node:fs");
  const { execFileSync } = require("node:child_process");
  const args = process.argv.slice(2);
  if (args[0] === "--version") { console.log("${pinned}"); process.exit(); }
  const says = ${JSON.stringify(says)};
  if (says) { console.error(says); process.exit(1); }
  const file = ${JSON.stringify(join(root, "secrets"))};
  const secrets = JSON.parse(readFileSync(file, "utf8"));
  const kv = (request) => JSON.parse(execFileSync("node", ${JSON.stringify(localState(join(root, ".wrangler/state")))}, { input: JSON.stringify(request) }));
  const path = args.find((arg) => arg.endsWith(".json"));
  const given = path && JSON.parse(readFileSync(path, "utf8"));
  const call = args.slice(0, args[0] === "kv" ? 3 : 2).join(" ");
  if (call === "secret list") console.log(JSON.stringify(Object.keys(secrets).map((name) => ({ name }))));
  else if (call === "secret put") writeFileSync(file, JSON.stringify({ ...secrets, [args[2]]: readFileSync(0, "utf8") }));
  else if (call === "kv bulk get") {
    if (given.length > 100) { console.error("more than 100 keys"); process.exit(1); }
    const found = kv({ get: given });
    console.log(JSON.stringify(Object.fromEntries(given.map((key) => [key, { value: found[key] ?? null }]))));
  }
  else if (call === "kv bulk put") kv({ put: given });
  else if (call === "kv bulk delete") kv({ delete: given });
  else if (call === "kv key list") {
    console.log(JSON.stringify(kv({ list: args[args.indexOf("--prefix") + 1] }).map((name) => ({ name }))));
  }
  else { console.error("no such call: " + call); process.exit(1); }
`;

/**
 * Makes a project. `configuration` is its wrangler.toml; `wrangler` is "real", "none" or "stand-in",
 * which has `kv` and `secrets`, or fails as `says` says. `remove()` removes it.
 */
export function project({ configuration, wrangler = "stand-in", kv = {}, secrets = {}, says } = {}) {
  const root = mkdtempSync(join(tmpdir(), "edge-token-project-"));
  const bin = join(root, "node_modules/.bin");
  writeFileSync(join(root, "wrangler.toml"), configuration ?? readFileSync("wrangler.toml", "utf8"));
  symlinkSync(resolve("package.json"), join(root, "package.json"));
  if (wrangler === "real") symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  if (wrangler === "stand-in") {
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(root, "secrets"), JSON.stringify(secrets));
    put(join(root, ".wrangler/state"), ...Object.entries(kv).map(([key, value]) => ({ key, value })));
    writeFileSync(join(bin, "wrangler"), standIn(root, says));
    chmodSync(join(bin, "wrangler"), 0o755);
  }
  const env = { ...process.env, CLIENT_SECRETS_KEY, HOME: root, EDGE_TOKEN_OPERATOR: "alice",
    PATH: `${dirname(binary)}:${process.env.PATH}` };
  const spawned = (command, args, words, options) => {
    const run = spawnSync(command, args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28, ...options });
    showsNoMore(words, run);
    return run;
  };
  return {
    root,
    run: (...args) => spawned(binary, args, args),
    /** Runs a line of a shell; `words` are what the tool is told in it. */
    shell: (line, options) => spawned("bash", ["-c", line], line.split(" "), options),
    state() {
      const kv = stored(join(root, ".wrangler/state"), "", (value) => value);
      return { kv, secrets: JSON.parse(readFileSync(join(root, "secrets"), "utf8")) };
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}

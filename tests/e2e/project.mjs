// A project in a folder of its own, for the tool to run in: with the real wrangler, or with one that
// keeps namespace and secrets in a file, for what would need an account.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CLIENT_SECRETS_KEY, showsNoMore, tool } from "./worker.mjs";

const pinned = JSON.parse(readFileSync("package.json", "utf8")).devDependencies.wrangler;

/** The text of a wrangler that answers from a file, and fails with what `says` says. */
const standIn = (file, says) => `#!/usr/bin/env node
  const { readFileSync, writeFileSync } = require("node:fs");
  const args = process.argv.slice(2);
  if (args[0] === "--version") { console.log("${pinned}"); process.exit(); }
  const says = ${JSON.stringify(says)};
  if (says) { console.error(says); process.exit(1); }
  const state = JSON.parse(readFileSync(${JSON.stringify(file)}, "utf8"));
  const path = args.find((arg) => arg.endsWith(".json"));
  const given = path && JSON.parse(readFileSync(path, "utf8"));
  const call = args.slice(0, args[0] === "kv" ? 3 : 2).join(" ");
  if (call === "secret list") console.log(JSON.stringify(Object.keys(state.secrets).map((name) => ({ name }))));
  else if (call === "secret put") state.secrets[args[2]] = readFileSync(0, "utf8");
  else if (call === "kv bulk get") {
    if (given.length > 100 && args.includes("--remote")) { console.error("more than 100 keys"); process.exit(1); }
    console.log(JSON.stringify(Object.fromEntries(given.map((key) => [key, { value: state.kv[key] ?? null }]))));
  }
  else if (call === "kv bulk put") for (const { key, value } of given) state.kv[key] = value;
  else if (call === "kv bulk delete") for (const key of given) delete state.kv[key];
  else if (call === "kv key list") console.log(JSON.stringify(Object.keys(state.kv)
    .filter((key) => key.startsWith(args[args.indexOf("--prefix") + 1])).toSorted().map((name) => ({ name }))));
  else { console.error("no such call: " + call); process.exit(1); }
  if (/put|delete/.test(call)) writeFileSync(${JSON.stringify(file)}, JSON.stringify(state));
`;

/**
 * Makes a project. `configuration` is its wrangler.toml; `wrangler` is "real", "none" or "stand-in",
 * which has `kv` and `secrets`, or fails as `says` says. `remove()` removes it.
 */
export function project({ configuration, wrangler = "stand-in", kv = {}, secrets = {}, says } = {}) {
  tool("key", "generate", "--print"); // The binary that is run below is built.
  const root = mkdtempSync(join(tmpdir(), "edge-token-project-"));
  const [bin, file] = [join(root, "node_modules/.bin"), join(root, "state")];
  writeFileSync(join(root, "wrangler.toml"), configuration ?? readFileSync("wrangler.toml", "utf8"));
  symlinkSync(resolve("package.json"), join(root, "package.json"));
  if (wrangler === "real") symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  if (wrangler === "stand-in") {
    mkdirSync(bin, { recursive: true });
    writeFileSync(file, JSON.stringify({ kv, secrets }));
    writeFileSync(join(bin, "wrangler"), standIn(file, says));
    chmodSync(join(bin, "wrangler"), 0o755);
  }
  const binary = resolve("target/debug/edge-token");
  const env = { ...process.env, CLIENT_SECRETS_KEY, HOME: root, EDGE_TOKEN_OPERATOR: "alice",
    PATH: `${resolve("target/debug")}:${process.env.PATH}` };
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
    state: () => JSON.parse(readFileSync(file, "utf8")),
    remove: () => rmSync(root, { recursive: true }),
  };
}

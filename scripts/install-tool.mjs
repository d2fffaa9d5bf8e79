// Installs a tool whose output is deployed: node scripts/install-tool.mjs NAME [flags of cargo install]
//
// `cargo install NAME` would build it by the lock file in its crate, or by none. Here its crate is the
// one whose checksum tools/Cargo.lock has, and everything that it is built from is in tools/NAME.lock:
// nothing else is taken, and what cannot be had fails. It goes to .tools/bin.

import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const [name, ...flags] = process.argv.slice(2);
const MANIFEST = "tools/Cargo.toml";
const TOOLS = process.env.TOOLS ?? ".tools";

function cargo(...args) {
  const { status, stdout, error } = spawnSync("cargo", args, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) {
    console.error(`cargo ${args.slice(0, 4).join(" ")} … failed${error ? `: ${error.message}` : ""}`);
    process.exit(1);
  }
  return stdout;
}

const locked = readFileSync("tools/Cargo.lock", "utf8").match(new RegExp(`name = "${name}"\nversion = "(.*)"\n`));
if (!locked) throw new Error(`tools/Cargo.lock has no ${name}`);
const [, version] = locked;
const [, host] = cargo("-vV").match(/^host: (.*)$/m);
cargo("fetch", "--quiet", "--locked", "--manifest-path", MANIFEST, "--target", host);

// Cargo tells where crates with a library are; those without lie beside them.
const { packages } = JSON.parse(cargo("metadata", "--format-version", "1", "--locked", "--offline",
  "--filter-platform", host, "--quiet", "--manifest-path", MANIFEST));
const beside = packages.find((one) => one.name === "wasm-bindgen-cli").manifest_path;
const crate = join(dirname(dirname(beside)), `${name}-${version}`);

const folder = join(TOOLS, "src", name);
rmSync(folder, { recursive: true, force: true });
mkdirSync(dirname(folder), { recursive: true });
cpSync(crate, folder, { recursive: true });
cpSync(`tools/${name}.lock`, join(folder, "Cargo.lock"));
// It belongs to no workspace, though it lies under one.
appendFileSync(join(folder, "Cargo.toml"), "\n[workspace]\n");
// What two tools need is compiled once.
Object.assign(process.env, { CARGO_PROFILE_DEV_DEBUG: "false", CARGO_TARGET_DIR: join(TOOLS, "target") });
cargo("install", "--path", folder, "--locked", "--debug", "--force", "--root", TOOLS, ...flags);
rmSync(folder, { recursive: true });

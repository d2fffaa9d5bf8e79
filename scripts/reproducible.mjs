// Builds what is committed twice and compares the octets: node scripts/reproducible.mjs
//
// The two builds share the tools, and nothing else: their folders, the lengths of their paths, and
// where cargo unpacks its crates differ.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";

function run(command, args, options) {
  const { status, stdout } = spawnSync(command, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed.`);
  return stdout;
}

const registry = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry");
const commit = run("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
const archive = run("git", ["archive", commit], { maxBuffer: 2 ** 28 });
if (run("git", ["status", "--porcelain"]).length > 0) console.log("What is not committed is left out.");

/** The hashes of all files that a build in a folder of its own makes. */
function build(name) {
  const folder = mkdtempSync(join(tmpdir(), name));
  try {
    console.log(`\nBuilding ${commit.slice(0, 7)} in ${folder}: about two minutes`);
    run("tar", ["-x", "-C", folder], { input: archive, stdio: ["pipe", "pipe", "inherit"] });
    for (const shared of [".tools", "node_modules"]) symlinkSync(resolve(shared), join(folder, shared));
    // Crates are not fetched again, but unpacked again, elsewhere.
    const cargoHome = join(folder, "cargo");
    mkdirSync(join(cargoHome, "registry"), { recursive: true });
    for (const part of ["cache", "index"]) symlinkSync(join(registry, part), join(cargoHome, "registry", part));
    const env = { ...process.env, CARGO_HOME: cargoHome };
    delete env.CARGO_TARGET_DIR;
    run("make", ["--assume-old=setup", "build"], { cwd: folder, env });
    const files = readdirSync(join(folder, "build"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return new Map(files.sort().map((file) => [
      file.slice(folder.length + 1),
      createHash("sha256").update(readFileSync(file)).digest("hex"),
    ]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const first = build("edge-token-");
const second = build("edge-token-in-a-folder-with-a-longer-name-");
console.log();
let differences = 0;
for (const file of new Set([...first.keys(), ...second.keys()])) {
  const hashes = new Set([first.get(file), second.get(file)]);
  if (hashes.size > 1) differences += 1;
  for (const hash of hashes) console.log(`${hash ?? "missing".padEnd(64)}  ${file}`);
}
if (!first.has("build/index_bg.wasm") || differences > 0) {
  console.error(`\n${differences} of ${first.size} files differ.`);
  process.exit(1);
}
console.log(`\nBoth builds of ${commit} have the same ${first.size} files.`);

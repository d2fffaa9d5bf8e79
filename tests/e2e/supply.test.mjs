// What is built from is named by its content: each lock file has the hash of everything that it names, and
// no host of anybody's mirror. And Cloudflare is told to keep no URL of a request.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { unstable_readConfig as readConfig } from "wrangler";

const read = (path) => readFileSync(path, "utf8");

test("each entry of each package-lock.json has its integrity, and none a host that it came from", () => {
  const files = ["package-lock.json", "bench/peers/package-lock.json"];
  for (const file of files) {
    const { lockfileVersion, packages } = JSON.parse(read(file));
    assert.equal(lockfileVersion, 3, file);
    const entries = Object.entries(packages).filter(([name]) => name !== "");
    assert.ok(entries.length > 30, file);
    for (const [name, { integrity, resolved, version }] of entries) {
      assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, `${file}: ${name}`);
      assert.equal(resolved, undefined, `${file}: ${name}`);
      assert.match(version, /^\d+\.\d+\.\d+/, `${file}: ${name}`);
    }
    // What package.json asks for is one version.
    const { dependencies = {}, devDependencies = {} } = packages[""];
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) assert.match(range, /^\d+\.\d+\.\d+$/, name);
  }
});

test("each crate of each Cargo lock file has its checksum, and is from the registry of crates", () => {
  const files = ["Cargo.lock", ...globSync("tools/*.lock"), "fuzz/Cargo.lock"];
  assert.ok(files.length > 4, files.join());
  for (const file of files) {
    const entries = read(file).split("[[package]]\n").slice(1);
    const own = entries.filter((entry) => !/^source = /m.test(entry)).map((entry) => entry.match(/^name = "(.*)"$/m)[1]);
    assert.ok(own.length === 1 || file === "Cargo.lock" || file === "fuzz/Cargo.lock", `${file}: ${own}`);
    for (const entry of entries.filter((entry) => /^source = /m.test(entry))) {
      assert.match(entry, /^source = "registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index"\nchecksum = "[0-9a-f]{64}"$/m, file);
    }
  }
});

test("the tools that write what is deployed are built by lock files of this repository, and in no other way", () => {
  const lock = read("tools/Cargo.lock");
  const bindgen = read("Cargo.toml").match(/^wasm-bindgen = "=([0-9.]+)"/m)[1];
  for (const [name, version] of [["wasm-bindgen-cli", bindgen], ["worker-build", read("tools/Cargo.toml").match(/^worker-build = "=(.*)"$/m)[1]]]) {
    assert.match(lock, new RegExp(`name = "${name}"\nversion = "${version}"\nsource = .*\nchecksum = "[0-9a-f]{64}"`));
    assert.match(read(`tools/${name}.lock`), new RegExp(`name = "${name}"\nversion = "${version}"\n(?!source)`));
  }
  const makefile = read("Makefile");
  assert.equal(makefile.match(/node scripts\/install-tool\.mjs/g).length, 2);
  for (const [line] of makefile.matchAll(/^.*cargo install.*$/gm)) assert.match(line, /--locked/);
  assert.doesNotMatch(makefile, /cargo install (worker-build|wasm-bindgen-cli)/);
});

test("Cloudflare keeps the lines of the Worker, and of no request its URL or headers", () => {
  for (const env of [undefined, "production"]) {
    const { observability } = readConfig({ config: "wrangler.toml", env });
    assert.deepEqual(structuredClone(observability), { enabled: true, redact_query_string: true, logs: { enabled: true, invocation_logs: false } }, env);
  }
});

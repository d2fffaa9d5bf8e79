// Writes what the built Worker consists of, as CycloneDX 1.6, to build/sbom.cdx.json: node scripts/sbom.mjs
//
// Asks `cargo tree`, for it alone leaves out what the tests or the tool switch on. The same build has
// the same octets here too: no serial number, no time.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

/** The lines of the tree of what the library has on wasm: depth, name, version, licence. */
function tree(edges) {
  const args = ["tree", "--locked", "--target", "wasm32-unknown-unknown", "--edges", edges];
  const options = { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
  const { status, stdout } = spawnSync("cargo", [...args, "--prefix", "depth", "--format", " {p} | {l} |"], options);
  if (status !== 0) throw new Error("cargo tree failed.");
  return stdout.trim().split("\n").map((line) => {
    const [, depth, name, version, licence] = line.match(/^(\d+) (\S+) v(\S+)[^|]* \| ([^|]+) \|/);
    return { depth: Number(depth), name, version, licence, ref: `pkg:cargo/${name}@${version}` };
  });
}

const packages = new Map();
const dependencies = new Map();
const above = [];
for (const { depth, ref, ...rest } of tree("normal")) {
  packages.set(ref, rest);
  if (!dependencies.has(ref)) dependencies.set(ref, new Set());
  if (depth > 0) dependencies.get(above[depth - 1]).add(ref);
  above[depth] = ref;
}
const [[ours, { name, version, licence }], ...crates] = packages;

const lock = readFileSync("Cargo.lock", "utf8");
const checksums = new Map(Array.from(
  lock.matchAll(/name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"/g),
  ([, name, version, checksum]) => [`pkg:cargo/${name}@${version}`, checksum],
));
const sha256 = (content) => [{ alg: "SHA-256", content }];
// Old manifests write `MIT/Apache-2.0`, which is no SPDX expression.
const licenses = (licence) => [{ expression: licence.replaceAll("/", " OR ") }];

// What is not linked ran in the compiler: macros, and what they are made of.
const linked = new Set(tree("normal,no-proc-macro").map(({ ref }) => ref));

const bom = {
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    component: {
      type: "application",
      "bom-ref": ours,
      name,
      version,
      licenses: licenses(licence),
      purl: ours,
      components: ["index_bg.wasm", "index.js"].map((file) => ({
        type: "file",
        "bom-ref": file,
        name: file,
        hashes: sha256(createHash("sha256").update(readFileSync(`build/${file}`)).digest("hex")),
      })),
    },
  },
  components: crates.sort().map(([ref, { name, version, licence }]) => ({
    type: "library",
    "bom-ref": ref,
    name,
    version,
    scope: linked.has(ref) ? "required" : "excluded",
    hashes: sha256(checksums.get(ref)),
    licenses: licenses(licence),
    purl: ref,
  })),
  dependencies: Array.from(dependencies, ([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn].sort() }))
    .sort((one, other) => (one.ref < other.ref ? -1 : 1)),
};
writeFileSync("build/sbom.cdx.json", `${JSON.stringify(bom, null, 2)}\n`);
console.log(`build/sbom.cdx.json: ${linked.size - 1} crates in the wasm, ${crates.length + 1 - linked.size} that wrote code for it`);

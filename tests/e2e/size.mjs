// Fails when the wasm exceeds its budget: node size.mjs OCTETS GZIPPED-OCTETS

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const [maximum, maximumGzipped] = process.argv.slice(2).map(Number);
const wasm = readFileSync(new URL("../../build/index_bg.wasm", import.meta.url));
const gzipped = gzipSync(wasm, { level: 9 }).length;
console.log(`wasm: ${wasm.length} octets of ${maximum}, gzipped ${gzipped} of ${maximumGzipped}`);
if (wasm.length > maximum || gzipped > maximumGzipped) {
  console.error("The wasm is over its budget: `twiggy top build/index_bg.wasm` shows what is large.");
  process.exit(1);
}

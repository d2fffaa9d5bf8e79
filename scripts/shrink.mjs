// Optimises the built wasm for size: node scripts/shrink.mjs WASM
//
// Rust's standard library brings some 25 KB of code that prints backtraces, in case of a panic. There
// are none to print in wasm, where RUST_BACKTRACE cannot be set, so that code is never reached; but
// only a nightly compiler can leave it out. Here its functions lose their bodies by their names,
// and what only they needed goes with them.

import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const PRINTS_BACKTRACES = /^(?!.*drop_in_place).*(rustc_demangle|std\[\w+\]::backtrace_rs::|BacktraceLock>::print)/;

const [path] = process.argv.slice(2);
const module = binaryen.readBinary(readFileSync(path));
// What the module uses is no longer written in it; without exceptions, the optimiser breaks it silently.
module.setFeatures(binaryen.Features.All);
let emptied = 0;
for (let index = 0; index < module.getNumFunctions(); index += 1) {
  const reference = module.getFunctionByIndex(index);
  const { name, module: imported } = binaryen.getFunctionInfo(reference);
  if (!imported && PRINTS_BACKTRACES.test(name)) {
    binaryen.Function.setBody(reference, module.unreachable());
    emptied += 1;
  }
}
if (emptied === 0) {
  console.error(`${path} has no function that prints backtraces: were its names stripped, or is Rust a newer one?`);
  process.exit(1);
}
binaryen.setOptimizeLevel(2);
binaryen.setShrinkLevel(2);
// Functions that are called once stay apart, but for the smallest: gzip likes that better.
binaryen.setOneCallerInlineMaxSize(20);
module.optimize();
binaryen.setDebugInfo(false);
writeFileSync(path, module.emitBinary());
console.log(`Emptied ${emptied} functions that print backtraces.`);

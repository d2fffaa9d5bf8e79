// Makes the built wasm small: node scripts/shrink.mjs WASM
//
// It takes out what never runs, which an optimiser cannot know, and then optimises for size. What it
// looks for has to be there, so that a new version of a tool cannot end it unseen.

import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

// Classes that the SDK exports to JavaScript, and of which nothing here makes an instance.
const CLASSES = [
  "containerstartupoptions",
  "intounderlyingbytesource",
  "intounderlyingsink",
  "intounderlyingsource",
  "minifyconfig",
  "r2range",
];

// How libraries print panics, backtraces, fractions and errors that never are, with what demangles names
// for it. wasm has no standard error to print to and no frames to walk; the SDK's own hook logs a panic.
// Each of these now does nothing and returns, if it returns anything, 0: `Ok(())`.
const PRINTERS = [
  "std::panicking::default_hook",
  "<<std::sys::backtrace::BacktraceLock>::print::DisplayBacktrace as core::fmt::Display>::fmt",
  "<std::backtrace::Backtrace as core::fmt::Display>::fmt",
  "<std::backtrace_rs::symbolize::SymbolName as core::fmt::Display>::fmt",
  "<rustc_demangle::DemangleStyle as core::fmt::Display>::fmt",
  // Errors of encodings that are not used: keys come as JWKs.
  "<der::error::ErrorKind as core::fmt::Debug>::fmt",
  "<der::tag::Tag as core::fmt::Display>::fmt",
  "<const_oid::error::Error as core::fmt::Debug>::fmt",
  // Fractions, which nothing prints but JSON, and that has its own way.
  "core::fmt::float::float_to_decimal_common_exact::<f64>",
  "core::fmt::float::float_to_decimal_common_shortest::<f64>",
];

const path = process.argv[2];
const wasm = binaryen.readBinary(readFileSync(path));
// What the module uses is no longer written in it. Without exceptions the optimiser breaks it silently;
// with more than engines have, it writes what they do not read.
wasm.setFeatures([
  "MutableGlobals",
  "NontrappingFPToInt",
  "BulkMemory",
  "BulkMemoryOpt",
  "SIMD128",
  "SignExt",
  "ExceptionHandling",
  "ReferenceTypes",
  "CallIndirectOverlong",
  "Multivalue",
  "ExtendedConst",
  "GC",
].reduce((features, name) => features | binaryen.Features[name], 0));

const exported = Array.from(
  { length: wasm.getNumExports() },
  (_, index) => binaryen.getExportInfo(wasm.getExportByIndex(index)).name,
);
for (const name of CLASSES) {
  const isOfClass = new RegExp(`^(__wbg_|__wbg_get_|__wbg_set_)?${name}_`);
  const methods = exported.filter((method) => isOfClass.test(method));
  if (methods.length === 0) throw new Error(`The wasm exports no class ${name}.`);
  methods.forEach((method) => wasm.removeExport(method));
}

const functions = Array.from({ length: wasm.getNumFunctions() }, (_, index) =>
  binaryen.getFunctionInfo(wasm.getFunctionByIndex(index)),
);
for (const printer of PRINTERS) {
  // Without the hashes of crates and functions: `std[a543996e6e7dbf1e]::…`, `…::h00feecbb3fabb5d5`.
  const found = functions.find(({ name }) => name.replaceAll(/\[[0-9a-f]+\]|::h[0-9a-f]{16}$/g, "") === printer);
  if (found === undefined) throw new Error(`The wasm has no function ${printer}.`);
  const { name, params, results } = found;
  wasm.removeFunction(name);
  wasm.addFunction(name, params, results, [], results === binaryen.none ? wasm.nop() : wasm.i32.const(0));
}

binaryen.setOptimizeLevel(2);
binaryen.setShrinkLevel(2);
// Functions that are called once stay apart, but for the smallest: gzip likes that better.
binaryen.setOneCallerInlineMaxSize(20);
// What the first round leaves, the second makes another half a per cent of.
wasm.optimize();
wasm.optimize();
binaryen.setDebugInfo(false);
if (!wasm.validate()) throw new Error("What is left is no valid wasm.");
const shrunk = wasm.emitBinary();
new WebAssembly.Module(shrunk);
writeFileSync(path, shrunk);

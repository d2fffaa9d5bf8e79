// Fails when the build names folders of the machine that made it: node paths.mjs

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";

const { CARGO_HOME, CARGO_TARGET_DIR } = process.env;
const checkout = resolve(import.meta.dirname, "../..");
const folders = ["registry/src/", homedir(), checkout, CARGO_HOME, CARGO_TARGET_DIR]
  .filter((folder) => folder?.length > 1)
  .map((folder) => folder.replaceAll(/[^\w/]/g, "\\$&"));
const path = new RegExp(`(?:${folders.join("|")})[\\x21-\\x7e]{0,100}`, "g");

let found = 0;
for (const file of ["index_bg.wasm", "index.js"]) {
  const text = readFileSync(`${checkout}/build/${file}`, "latin1");
  for (const { 0: match, index } of text.matchAll(path)) {
    console.error(`${file} at ${index}: ${match}`);
    found += 1;
  }
}
if (found > 0) {
  console.error(`The build names ${found} paths of this machine: see how the Makefile makes build/index.js.`);
  process.exit(1);
}
console.log("The build names no path of this machine.");

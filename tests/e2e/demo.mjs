// A project in a folder of its own, in which scripts/run.mjs serves the demo with what is built here, so that
// its wrangler.toml can be another.

import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { binary } from "./worker.mjs";

/** What builds is there already: the project has no Makefile, and the `cargo` of its PATH runs the tool. */
export function demoProject() {
  const root = mkdtempSync(join(tmpdir(), "edge-token-demo-"));
  for (const name of ["node_modules", "build", "scripts", "examples"]) symlinkSync(resolve(name), join(root, name));
  mkdirSync(join(root, "bin"));
  const tool = `#!/usr/bin/env bash\nwhile [ "$1" != -- ]; do shift; done; shift\nexec ${binary} "$@"\n`;
  writeFileSync(join(root, "bin/cargo"), tool, { mode: 0o755 });
  const configuration = readFileSync("wrangler.toml", "utf8").replace('command = "make build"', 'command = "true"');
  writeFileSync(join(root, "wrangler.toml"), configuration);
  const env = { ...process.env, PATH: `${join(root, "bin")}:${process.env.PATH}`, WRANGLER_SEND_METRICS: "false" };
  return { root, configuration, env };
}

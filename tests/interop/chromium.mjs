// The Chromium of this machine. Without one the tests that need it are skipped and say so; CI fails.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { chromium } from "playwright-core";

const found = () => ["/usr/bin/chromium", "chromium", "google-chrome"]
  .map((name) => spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim())
  .find((path) => path !== "");
const executablePath = process.env.CHROMIUM || found();

/** Why its tests are skipped, or `false`. */
export const skip = !executablePath && !process.env.CI && "no Chromium: apt-get install -y chromium, or set CHROMIUM";
if (skip) console.error(`Skipped: ${basename(process.argv[1])}. ${skip}`);

const ARGUMENTS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

/** Starts a browser, with more arguments. */
export async function launch(...more) {
  assert.ok(executablePath, "no Chromium");
  // Chromium's sandbox does not start for root.
  const args = [...ARGUMENTS, ...more, ...process.getuid() === 0 ? ["--no-sandbox"] : []];
  return await chromium.launch({ executablePath, args });
}

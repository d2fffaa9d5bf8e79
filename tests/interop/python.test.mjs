// Runs clients.py in the virtual environment that the Makefile made.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { register, start } from "../e2e/worker.mjs";

const python = ".tools/venv/bin/python";
const skip = !existsSync(python) && !process.env.CI
  && "no Python with venv: apt-get install -y python3-venv";
if (skip) console.error(`Skipped: Authlib and PyJWT. ${skip}`);

test("Authlib gets tokens and PyJWT verifies them", { skip }, async () => {
  const worker = await start();
  try {
    const basic = await register(worker, "--client-id", "my app +%");
    const post = await register(worker, "--auth-method", "client_secret_post");
    const args = [worker.issuer, basic.client_id, basic.client_secret, post.client_id, post.client_secret];
    const env = { ...process.env, AUTHLIB_INSECURE_TRANSPORT: "1" };
    const child = spawn(python, ["tests/interop/clients.py", ...args], { env });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { said += data; });
    const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
    assert.equal(status, 0, said);
    console.log(said.trim());
  } finally {
    await worker.stop();
  }
});

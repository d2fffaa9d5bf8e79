// The programs of examples/verify, each as `open(env)`, which starts one with that environment and
// returns `ask(token)`, to which the answer is `{ claims }` or `{ refused }`, and `close()`.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const folder = "examples/verify";
const python = ".tools/venv/bin/python";
const jackson = ["databind", "core", "annotations"].map((part) => `/usr/share/java/jackson-${part}.jar`);
const classPath = jackson.join(":");
const scratch = mkdtempSync(join(tmpdir(), "edge-token-verify-"));
const goProgram = join(scratch, "verify");
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** The first number that a command prints; none if there is no such command. */
const versionOf = (command, ...args) =>
  Number(spawnSync(command, args, { encoding: "utf8" }).stdout?.match(/\d+/)?.[0]);

/** Why there is no Java for this, if there is none. */
function withoutJava() {
  if (!(versionOf("javac", "--version") >= 17)) return "no JDK 17: apt-get install -y default-jdk-headless";
  if (!jackson.every((jar) => existsSync(jar))) return "no Jackson: apt-get install -y libjackson2-databind-java";
  return false;
}

/** A program that reads tokens from standard input. */
const overPipes = (command, ...args) => (settings) => {
  // What is set here for the user of the tests is not meant for the program.
  const { ISSUER, AUDIENCE, JWKS_URI, TYP, MAX_AGE, COOLDOWN, ...rest } = process.env;
  const env = { ...rest, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1", ...settings };
  const child = spawn(command, args, { env });
  const ended = new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  let said = "";
  child.stderr.on("data", (data) => { said += data; });
  child.stdin.on("error", () => {}); // one that has ended says why on standard error
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(token) {
      child.stdin.write(`${token}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ended: ${said}`);
      const refused = value.match(/^refused: (.+)$/)?.[1];
      return refused ? { refused } : { claims: JSON.parse(value) };
    },
    async close() {
      child.stdin.end();
      assert.equal(await ended, 0, said);
    },
  };
};

/** The Worker, bundled as wrangler does it. */
async function openWorker(env) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [`${folder}/worker.mjs`],
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers"],
    write: false,
  });
  const compatibilityDate = readFileSync("wrangler.toml", "utf8").match(/^compatibility_date = "(.*)"$/m)[1];
  const miniflare = new Miniflare(convertV4MiniflareOptions({
    cf: false,
    compatibilityDate,
    modules: [{ type: "ESModule", path: "worker.mjs", contents: text }],
    bindings: env,
    handleStructuredLogs: () => {},
  }));
  return {
    async ask(token) {
      const headers = { authorization: `Bearer ${token}` };
      const response = await miniflare.dispatchFetch("http://api.example/", { headers });
      const challenge = response.headers.get("www-authenticate");
      const body = await response.text();
      if (response.status === 200) return { claims: JSON.parse(body) };
      // RFC 6750 §3: what is no token is not said to be a bad one.
      if (response.status === 401 && !token) assert.equal(challenge, 'Bearer realm="api"');
      else if (response.status === 401) {
        assert.match(challenge, /^Bearer realm="api", error="invalid_token", error_description="\w+"$/);
      } else assert.equal(response.status, 503, body);
      return { refused: `${response.status} ${challenge}` };
    },
    close: () => miniflare.dispose(),
  };
}

/** The same, built before it is opened for the first time. */
function built([command, ...args], open) {
  let isBuilt = false;
  return (settings) => {
    if (!isBuilt) {
      const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      isBuilt = true;
    }
    return open(settings);
  };
}

// `eager`: it asks again for every unknown kid while the endpoint fails, since the cool-down of its
// library counts from the last fetch that succeeded; that of the others from the last of all.
export const PROGRAMS = [
  {
    name: "Rust",
    file: "main.rs",
    eager: false,
    open: built(["cargo", "build", "--quiet", "--locked", "--example", "verify"], overPipes("target/debug/examples/verify")),
  },
  {
    name: "Node",
    file: "node.mjs",
    eager: true,
    open: overPipes(process.execPath, `${folder}/node.mjs`),
  },
  {
    name: "Worker",
    file: "worker.mjs",
    eager: true,
    open: openWorker,
  },
  {
    name: "Python",
    file: "verify.py",
    eager: true,
    open: overPipes(python, `${folder}/verify.py`),
    skip: !existsSync(python) && !process.env.CI && "no Python with venv: apt-get install -y python3-venv",
  },
  {
    name: "Go",
    file: "main.go",
    eager: false,
    open: built(["go", "build", "-o", goProgram, `${folder}/main.go`], overPipes(goProgram)),
    skip: Number.isNaN(versionOf("go", "version")) && "no Go: apt-get install -y golang-go",
  },
  {
    name: "Java",
    file: "Verify.java",
    eager: false,
    open: built(["javac", "-cp", classPath, "-d", scratch, `${folder}/Verify.java`],
      overPipes("java", "-cp", `${classPath}:${scratch}`, "Verify")),
    skip: withoutJava(),
  },
];

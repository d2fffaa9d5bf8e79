// `--help`: each command has examples, and all of them work as they are written, one after the other,
// over a wrangler that keeps namespace and secrets in a file. And completions, as shells use them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { project } from "./project.mjs";
import { CLIENT_SECRETS_KEY, freePort, tool } from "./worker.mjs";

/** All commands, in an order in which each finds what it needs. */
const ORDER = [
  "key generate", "key rotate", "key list", "key settle", "client create", "client show", "client list",
  "client disable", "client enable", "client rotate-secret", "client revoke-secret", "client set-jwks",
  "client set-auth-method", "client export", "client delete", "client import", "revoke client", "revoke subject", "revoke realm", "revoke list",
  "key revoke", "check", "setup", "completions", "console",
];

/** What commands say that cannot do it here: nothing listens, or there is nothing to do. */
const MAY_FAIL = [
  [/^key generate --lifetime 90/, undefined],
  [/^key rotate/, /since this is not safe/],
  [/^key settle/, /there is nothing to settle/],
  [/^check /, /cannot be checked/],
  [/^client import .* --compare /, /no client could be compared/],
  [/^setup --remote/, undefined],
];

const it = project();
after(() => it.remove());

const help = (...words) => {
  const { status, stdout, stderr } = it.run(...words, "--help");
  assert.equal(status, 0, stderr);
  return stdout;
};

/** The commands below some words, which have none below them. */
function leaves(words = []) {
  const [, list] = /^Commands:\n((?: {2}.*\n| {10,}.*\n|\n(?= ))+)/m.exec(help(...words)) ?? [];
  if (!list) return [words.join(" ")];
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].flatMap(([, name]) => leaves([...words, name]));
}

test("every command has examples, and they work", async () => {
  assert.deepEqual(leaves().toSorted(), ORDER.toSorted());
  for (const folder of [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"]) {
    mkdirSync(join(it.root, folder), { recursive: true });
  }
  const write = (name, text) => writeFileSync(join(it.root, name), text);
  const { keys: [{ d, nbf, exp, ...jwk }] } = tool("key", "generate", "--print");
  write("keys.json", JSON.stringify({ keys: [jwk] }));
  mkdirSync(join(it.root, ".demo"));
  write(".demo/secrets.env", `CLIENT_SECRETS_KEY='${CLIENT_SECRETS_KEY}'\n`);
  write("secret.txt", "the-secret-it-had-before\n");
  write("keycloak.json", JSON.stringify({ realm: "dx", clients: [{ clientId: "app", secret: "the-one-of-keycloak", serviceAccountsEnabled: true }] }));
  write("clients.csv", "client_id,client_secret\nother,the-one-of-the-list\n");
  const port = await freePort(); // On the demo's own, `make run` may serve.
  let ran = 0;
  for (const command of ORDER) {
    const [, text = ""] = help(...command.split(" ")).split("\nExamples:\n");
    const examples = text.trim().split("\n").map((line) => line.trim()).filter(Boolean);
    assert.ok(examples.length > 0, `${command} has no example`);
    for (const example of examples) {
      const [, words] = /(?:^| )edge-token (.*)/.exec(example);
      assert.ok(words.startsWith(command), example);
      const { kv } = it.state();
      const [[kid]] = Object.entries(kv).filter(([key]) => key.startsWith("signing-keys/"))
        .map(([, value]) => JSON.parse(value).keys.map(({ kid }) => kid)).concat([[]]);
      const billing = kv["client/default/billing"] && JSON.parse(kv["client/default/billing"]);
      const line = example.replace("KID", kid).replace("SECRET_ID", billing?.secrets[0].id).replace("8787", port);
      const [, may] = MAY_FAIL.find(([pattern]) => pattern.test(words)) ?? [];
      if (command === "console") {
        const { status, stderr } = it.shell(`timeout 3 ${line}`);
        assert.equal(status, 124, `${example} serves until it is ended\n${stderr}`);
        continue;
      }
      const { status, stderr } = it.shell(line);
      // 2 is that of arguments which clap does not take.
      assert.notEqual(status, 2, `${example}\n${stderr}`);
      if (status !== 0) {
        assert.ok(MAY_FAIL.some(([pattern]) => pattern.test(words)), `${example}\n${stderr}`);
        if (may) assert.match(stderr, may, example);
      }
      ran += 1;
    }
  }
  const { kv } = it.state();
  assert.equal(JSON.parse(kv["client/default/billing"]).client_name, "Billing");
  assert.match(readFileSync(join(it.root, ".config/fish/completions/edge-token.fish"), "utf8"), /rotate-secret/);
  console.log(`# ${ran} examples of ${ORDER.length} commands`);
});

test("bash completes commands, subcommands and options", () => {
  const complete = (...words) => {
    const line = `source <(edge-token completions bash)
      COMP_WORDS=(edge-token ${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length}
      _edge__token edge-token '${words.at(-1)}' '${words.at(-2) ?? "edge-token"}'
      echo "\${COMPREPLY[@]}"`;
    const { status, stdout, stderr } = it.shell(line);
    assert.equal(status, 0, stderr);
    return stdout.trim().split(" ");
  };
  assert.deepEqual(complete("set"), ["setup"]);
  assert.deepEqual(complete("client", "ex"), ["export"]);
  assert.deepEqual(complete("client", "import", "--over"), ["--overwrite"]);
  assert.ok(complete("key", "").includes("rotate"));
});

for (const shell of ["zsh", "fish"]) {
  const there = spawnSync(shell, ["-c", "true"]).status === 0;
  test(`${shell} reads its completions`, { skip: there ? false : `${shell} is not installed` }, () => {
    const { status, stderr } = it.shell(`edge-token completions ${shell} > script && ${shell} -n script`);
    assert.equal(status, 0, stderr);
  });
}

// `client export` and `client import` of what it wrote: 10,000 clients wiped and restored through the
// real wrangler, with what that took (printed), and what is refused.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { measured } from "./measured.mjs";
import { project } from "./project.mjs";
import { binary, runTool, tool } from "./worker.mjs";

const COUNT = 10_000;

// Each value that workerd writes waits for the disk: in memory, where there is such a folder, what is
// measured is the tool's.
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "edge-token-export-"));
after(() => rmSync(folder, { recursive: true }));

/** Client `number` of `realm`, as a pair: records of all kinds, their members in no order of ours. */
function pair(realm, number) {
  const digest = (of, length) => createHash("sha256").update(`${of}/${number}`).digest("base64url").slice(0, length);
  const client_id = number % 7 === 0 ? `a b/${number}` : `client-${number}`;
  const record = {
    updated_by: "alice", client_id, version: 1, updated_at: 1_700_000_000 + number,
    client_name: `Büro „${number}“ 🗝`, grant_types: ["client_credentials"], scope: "read write",
    token_endpoint_auth_method: "client_secret_basic",
    secrets: [{ id: digest("id", 8), hash: `${number % 2 ? "sha256" : "hmac-sha256"}$${digest("salt", 21)}A$${digest("hash", 42)}A` }],
    ...(number % 3 === 0 && { claims: { tier: number, text: "\\\"\n" } }),
  };
  return { key: `client/${realm}/${client_id}`, value: JSON.stringify(record) };
}

/** Works in a namespace as wrangler keeps it, inside workerd, which takes a fraction of wrangler's time. */
async function inNamespace(state, act, list) {
  const miniflare = new Miniflare(convertV4MiniflareOptions({
    modules: true,
    resourcePersistencePath: join(state, "v3"),
    kvNamespaces: { CLIENTS: "CLIENTS" },
    script: `export default { async fetch(request, { CLIENTS }) {
      const list = await request.json(), values = {};
      const act = request.url.endsWith("put") ? ({ key, value }) => CLIENTS.put(key, value)
        : async (key) => { values[key] = await CLIENTS.get(key); };
      for (let at = 0; at < list.length; at += 50) await Promise.all(list.slice(at, at + 50).map(act));
      return Response.json(values);
    } }`,
  }));
  try {
    const response = await miniflare.dispatchFetch(`http://namespace/${act}`, { method: "POST", body: JSON.stringify(list) });
    assert.equal(response.status, 200);
    return await response.json();
  } finally {
    await miniflare.dispose();
  }
}

test(`${COUNT} clients exported, wiped and imported are the same, octet by octet`, async () => {
  const state = join(folder, "state");
  const pairs = Array.from({ length: COUNT }, (_, number) => pair(number % 10 === 0 ? "dx" : "default", number));
  await inNamespace(state, "put", pairs);

  const file = join(folder, "backup.json");
  const exported = await measured("client", "export", "--all-realms", file, "--persist-to", state);
  assert.deepEqual(JSON.parse(exported.stdout), { file, clients: COUNT });
  assert.match(exported.stderr, /^Reading records: 5000 of 10000$/m);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const byKey = (list) => list.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  assert.deepEqual(byKey(JSON.parse(readFileSync(file, "utf8"))), byKey(pairs));

  rmSync(state, { recursive: true });
  const imported = await measured("client", "import", "--all-realms", file, "--persist-to", state);
  const report = JSON.parse(imported.stdout);
  assert.deepEqual([report.taken.length, report.overwritten, report.wrong], [COUNT, [], []]);
  assert.match(imported.stderr, /^Restored 10000 clients\.$/m);
  assert.match(imported.stderr, /^5000 of them have a secret that was chosen elsewhere/m);
  assert.match(imported.stderr, /^Writing values: 5000 of 1000\d$/m);

  const values = await inNamespace(state, "get", pairs.map(({ key }) => key));
  const differ = pairs.filter(({ key, value }) => values[key] !== value);
  assert.deepEqual(differ.slice(0, 3), []);
  console.log(`# ${COUNT} clients, ${(statSync(file).size / 1e6).toFixed(1)} MB: export ${exported.took}; import ${imported.took}`);
});

/** Some clients in a project whose wrangler keeps a file, and their export. */
function some(...args) {
  const kv = Object.fromEntries([pair("default", 1), pair("default", 2), pair("dx", 3)].map(({ key, value }) => [key, value]));
  const it = project({ kv });
  after(() => it.remove());
  const { status, stderr } = it.run("client", "export", ...args, "backup.json");
  assert.equal(status, 0, stderr);
  const read = () => JSON.parse(readFileSync(join(it.root, "backup.json"), "utf8"));
  return { ...it, kv, read, write: (list) => writeFileSync(join(it.root, "backup.json"), JSON.stringify(list)) };
}

const refused = ({ status, stdout, stderr }, message) => {
  assert.deepEqual([status, stdout], [1, ""], stderr);
  assert.match(stderr, message);
};
const clients = (it) => Object.fromEntries(Object.entries(it.state().kv).filter(([key]) => key.startsWith("client/")));

test("an export is of one realm or of all, and no file is overwritten", () => {
  const it = some("--realm", "default");
  assert.deepEqual(it.read().map(({ key }) => key), ["client/default/client-1", "client/default/client-2"]);
  const before = readFileSync(join(it.root, "backup.json"), "utf8");
  refused(it.run("client", "export", "--all-realms", "backup.json"), /backup\.json exists, nothing was written/);
  assert.equal(readFileSync(join(it.root, "backup.json"), "utf8"), before);
  const piped = it.run("client", "export", "--all-realms");
  assert.equal(piped.status, 0, piped.stderr);
  assert.deepEqual(Object.fromEntries(JSON.parse(piped.stdout).map(({ key, value }) => [key, value])), it.kv);
  for (const args of [[], ["--realm", "dx", "--all-realms"]]) assert.equal(it.run("client", "export", ...args).status, 2);
  refused(it.run("client", "export", "--all-realms", "--print"), /--print goes with/);
  const none = it.run("client", "export", "--realm", "dy");
  assert.deepEqual([none.status, none.stdout], [0, "[]\n"]);
  assert.match(none.stderr, /Note: there are no clients: are realm, target and --env right\?/);
  // What wrangler itself reads.
  assert.ok(before.startsWith('[\n{"key":"client/default/client-1","value":"{'), before);
});

test("from a deployed namespace 100 records are read a call, several calls at once", () => {
  const kv = Object.fromEntries(Array.from({ length: 950 }, (_, number) => pair("default", number)).map(({ key, value }) => [key, value]));
  const it = project({ kv });
  after(() => it.remove());
  const { status, stdout, stderr } = it.run("client", "export", "--all-realms", "--remote", "--env", "production");
  assert.equal(status, 0, stderr);
  assert.deepEqual(Object.fromEntries(JSON.parse(stdout).map(({ key, value }) => [key, value])), kv);
  assert.match(stderr, /^Reading records: 950 …\nReading records: 400 of 950\nReading records: 800 of 950\nReading records: 950 of 950\n/);
});

test("no client that exists is overwritten unless that is asked for, and then as it was", () => {
  const it = some("--all-realms");
  refused(it.run("client", "import", "--all-realms", "backup.json"), /`client\/dx\/client-3`: exists already: --overwrite puts/);
  assert.equal(it.run("client", "disable", "--realm", "dx", "--client-id", "client-3").status, 0);
  assert.equal(it.run("client", "delete", "--realm", "default", "--client-id", "client-1", "--yes").status, 0);
  const changed = clients(it);
  const overwrite = ["client", "import", "--all-realms", "backup.json", "--overwrite"];
  refused(it.run(...overwrite), /This overwrites 2 clients .*There is no terminal to ask on, so nothing was changed: --yes/s);
  assert.deepEqual(clients(it), changed);
  const partial = it.run("client", "import", "--all-realms", "backup.json", "--partial");
  assert.deepEqual(JSON.parse(partial.stdout).taken, ["client/default/client-1"]);
  assert.notDeepEqual(clients(it), it.kv);
  const { status, stdout, stderr } = it.run(...overwrite, "--yes");
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).overwritten.length, 3);
  assert.deepEqual(clients(it), it.kv);
  const lines = Object.entries(it.state().kv).filter(([key]) => key.startsWith("audit/")).map(([, line]) => JSON.parse(line));
  const restored = lines.filter(({ action }) => action === "restore").map(({ realm, client_ids, by }) => [realm, client_ids.toSorted(), by]);
  assert.deepEqual(restored.toSorted(), [
    ["default", ["client-1"], "alice"], ["default", ["client-1", "client-2"], "alice"], ["dx", ["client-3"], "alice"],
  ]);
});

test("a client that its realm cannot serve is restored by --force alone", () => {
  const it = some("--all-realms");
  const realms = readFileSync("wrangler.toml", "utf8");
  const broken = realms.replace(/^\[vars\.REALMS\.dx\]\n/m, "$&refresh_token_grace = 9999\n");
  assert.notEqual(broken, realms);
  const other = project({ configuration: broken });
  after(() => other.remove());
  writeFileSync(join(other.root, "backup.json"), JSON.stringify(it.read()));
  const args = ["client", "import", "--all-realms", "backup.json"];
  refused(other.run(...args), /`client\/dx\/client-3`: realm `dx` cannot be served as wrangler\.toml has it: .*refresh_token_grace.* \(--force\)/);
  assert.deepEqual(other.state().kv, {});
  refused(other.run("client", "create", "--realm", "dx"), /realm `dx` cannot be served as wrangler\.toml has it/);
  assert.equal(other.run(...args, "--force").status, 0);
  assert.deepEqual(clients(other), it.kv);
});

test("what is no record of its key is refused, and nothing is written", () => {
  const it = some("--all-realms");
  const [first, ...rest] = it.read();
  const record = JSON.parse(first.value);
  const as = (changes) => ({ ...first, value: JSON.stringify({ ...record, ...changes }) });
  for (const [list, message] of [
    [[as({ version: 2 }), ...rest], /`client\/default\/client-1`: record version 2 is not 1\./],
    [[as({ colour: "red" }), ...rest], /member `colour` is unknown/],
    [[as({ client_id: "other" }), ...rest], /member `client_id` is another client's/],
    [[as({ secrets: [{ id: "0", hash: "plain" }] }), ...rest], /member `secrets` must be/],
    [[{ ...first, value: "" }, ...rest], /not a JSON object/],
    [[{ ...first, value: record }, ...rest], /member `value` must be a text/],
    [[{ ...first, key: "client/default" }, ...rest], /its key is not client\/REALM\/ID/],
    [[{ ...first, key: "not-before/default" }, ...rest], /its key is not client\/REALM\/ID/],
    [[{ ...first, key: "client/-/client-1" }, ...rest], /its key is not client\/REALM\/ID/],
    [[{ ...first, expiration: 1 }, ...rest], /member `expiration` is unknown/],
    [[as({ token_endpoint_auth_method: "none" }), ...rest], /client_credentials needs a client that authenticates.* \(--force\)/],
    [[first, first, ...rest], /stands twice in the file/],
    [[first, { key: "\u001b[2J", value: "" }], /`\ufffd\[2J`: its key/],
  ]) {
    const empty = project({});
    after(() => empty.remove());
    writeFileSync(join(empty.root, "backup.json"), JSON.stringify(list));
    refused(empty.run("client", "import", "--all-realms", "backup.json"), message);
    assert.deepEqual(empty.state().kv, {}, String(message));
  }
  refused(it.run("client", "import", "--realm", "dx", "backup.json", "--overwrite", "--yes"), /is of realm `default`: --all-realms takes it too/);
  writeFileSync(join(it.root, "list.json"), '[{"client_id":"x","client_secret":"s"}]');
  for (const args of [["--all-realms"], ["--realm", "dx", "--overwrite"]]) {
    refused(it.run("client", "import", ...args, "list.json"), /go with what `client export` wrote, and list\.json is not: name the realm with --realm/);
  }
  assert.equal(runTool("client", "import", "--print", "backup.json").status, 2);
});

test("a folder that cannot be written to is told, and leaves no half of a file", { skip: process.getuid?.() === 0 && "root may write anywhere" }, () => {
  const it = some("--all-realms");
  chmodSync(it.root, 0o500);
  const run = it.run("client", "export", "--all-realms", "other.json");
  chmodSync(it.root, 0o700);
  refused(run, /cannot read or write other\.json/);
  assert.ok(!existsSync(join(it.root, "other.json")));
});

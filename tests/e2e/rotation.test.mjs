// Rotation of signing keys and client secrets by the tool: against a stand-in for wrangler with a
// namespace and secrets in a file, which can fail and end the tool in between, and once against local
// state.

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { addFrom } from "./sent.mjs";
import { binary, CLIENT_SECRETS_KEY, showsNoMore, tool } from "./worker.mjs";

const folder = mkdtempSync(join(tmpdir(), "edge-token-rotation-"));
after(() => rmSync(folder, { recursive: true }));

const now = () => Math.floor(Date.now() / 1000);
const HOUR = 3600;
const DAY = 24 * HOUR;
/** The longest that a token of this realm lives. */
const TTL = 300;
const CONFIGURATION = `
[vars.REALMS.default]
issuer = "https://auth.example/realms/default"
`;

/**
 * A project whose wrangler keeps namespace and secrets in a file. It fails when its arguments match
 * `fail`, and kills the tool that runs it when they match `kill`.
 */
function project({ configuration = CONFIGURATION, kv = {}, secrets = {}, target = "--remote" } = {}) {
  const root = mkdtempSync(join(folder, "project-"));
  const bin = join(root, "node_modules/.bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(root, "wrangler.toml"), configuration);
  const file = join(root, "state.json");
  const read = () => JSON.parse(readFileSync(file, "utf8"));
  const write = (state) => writeFileSync(file, JSON.stringify(state));
  write({ kv, secrets, calls: [] });
  writeFileSync(join(bin, "wrangler"), `#!/usr/bin/env node
    const { readFileSync, writeFileSync } = require("node:fs");
    const args = process.argv.slice(2);
    const state = JSON.parse(readFileSync(${JSON.stringify(file)}, "utf8"));
    const call = args.slice(0, 3).filter((word) => !word.startsWith("-") && !word.startsWith("/")).join(" ");
    const path = args.find((arg) => arg.startsWith("/") && arg.endsWith(".json"));
    const given = path && JSON.parse(readFileSync(path, "utf8"));
    const input = call.startsWith("secret put") ? readFileSync(0, "utf8") : "";
    const keep = () => writeFileSync(${JSON.stringify(file)}, JSON.stringify(state));
    state.calls.push(call);
    if (state.kill && call.match(state.kill)) {
      // Nobody waits for what would be written afterwards.
      keep();
      process.kill(process.ppid, "SIGKILL");
      process.exit();
    }
    if (state.fail && call.match(state.fail)) { console.error("no access"); process.exitCode = 1; }
    else if (call.startsWith("secret put")) state.secrets[args[2]] = input;
    else if (call.startsWith("secret list")) console.log(JSON.stringify(Object.keys(state.secrets).map((name) => ({ name }))));
    else if (call === "kv bulk get") console.log(JSON.stringify(Object.fromEntries(given.map((key) => [key, { value: state.kv[key] ?? null }]))));
    else if (call === "kv bulk put") for (const { key, value } of given) state.kv[key] = value;
    else if (call === "kv bulk delete") for (const key of given) delete state.kv[key];
    else if (call === "kv key list") console.log(JSON.stringify(Object.keys(state.kv)
      .filter((key) => key.startsWith(args[args.indexOf("--prefix") + 1])).map((name) => ({ name }))));
    else process.exitCode = 2;
    keep();
  `);
  chmodSync(join(bin, "wrangler"), 0o755);
  const run = (...args) => {
    const run = spawnSync(binary, [...args, target], {
      cwd: root,
      env: { ...process.env, CLIENT_SECRETS_KEY, EDGE_TOKEN_OPERATOR: "alice" },
      encoding: "utf8",
    });
    addFrom(readFileSync(file, "utf8"));
    showsNoMore(args, run);
    return run;
  };
  return {
    run,
    /** What a command that does its work prints. */
    done(...args) {
      const { status, stdout, stderr } = run(...args);
      assert.equal(status, 0, stderr);
      return { ...JSON.parse(stdout), stderr };
    },
    /** What a command says that refuses, having written nothing. */
    refused(...args) {
      const before = read();
      const { status, stdout, stderr } = run(...args);
      assert.notEqual(status, 0, args.join(" "));
      assert.equal(stdout, "", args.join(" "));
      const { kv, secrets } = read();
      assert.deepEqual({ kv, secrets }, { kv: before.kv, secrets: before.secrets }, args.join(" "));
      return stderr;
    },
    let: (change) => write({ ...read(), fail: undefined, kill: undefined, ...change }),
    calls: () => read().calls,
    facts: (name) => read().kv[`signing-keys/${name}`] && JSON.parse(read().kv[`signing-keys/${name}`]),
    /** The keys that a secret holds. */
    keys: (name) => JSON.parse(read().secrets[name]).keys.map(({ kid }) => kid),
    audit: (realm) => Object.entries(read().kv).filter(([key]) => key.startsWith(`audit/${realm}/`)).map(([, line]) => JSON.parse(line)),
    client: (id) => JSON.parse(read().kv[`client/default/${id}`]),
    root,
  };
}

/** A secret with one made-up key, and what is written down of it. */
function held(secret, kid, nbf, exp = nbf + 365 * DAY, more = {}) {
  const facts = { version: 1, keys: [{ kid, nbf, exp }], updated_at: nbf, updated_by: "bob", ...more };
  return {
    kv: { [`signing-keys/${secret}`]: JSON.stringify(facts) },
    secrets: { [secret]: JSON.stringify({ keys: [{ kid, d: `private ${kid}` }] }) },
  };
}

const both = (...slots) => ({
  kv: Object.assign({}, ...slots.map(({ kv }) => kv)),
  secrets: Object.assign({}, ...slots.map(({ secrets }) => secrets)),
});
const FIRST = "SIGNING_KEYS";
const SECOND = "SIGNING_KEYS_NEXT";
const states = ({ timetable }) => timetable.map(({ kid, state }) => [kid, state]);
const date = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000", "");

test("a rotation publishes a key now that signs in an hour, and writes down what is where", () => {
  const { done, refused, facts, keys, audit, calls } = project();
  assert.match(refused("key", "rotate"), /`key generate` makes one that signs at once/);
  const first = done("key", "generate");
  assert.deepEqual(facts(FIRST).keys, [{ kid: first.kid, nbf: first.nbf, exp: first.exp }]);
  assert.deepEqual([facts(FIRST).version, facts(FIRST).updated_by, facts(FIRST).pending], [1, "alice", undefined]);
  assert.match(refused("key", "generate", "--secret", SECOND), /SIGNING_KEYS exists, nothing was changed: `key rotate`/);

  const start = now();
  const before = calls().length;
  const rotated = done("key", "rotate", "--lifetime", "30");
  assert.deepEqual(calls().slice(before), ["secret list", "kv bulk get", "kv key list",
    "kv bulk put", `secret put ${SECOND}`, "kv bulk put"]);
  const { secret, kid, nbf, exp } = rotated;
  assert.equal(secret, SECOND);
  assert.ok(nbf >= start + HOUR && nbf <= now() + HOUR);
  assert.equal(exp - nbf, 30 * DAY);
  assert.deepEqual([keys(FIRST), keys(SECOND)], [[first.kid], [kid]]);
  assert.deepEqual(facts(SECOND).keys, [{ kid, nbf, exp }]);
  assert.equal(facts(SECOND).token_lifetime, TTL);
  const [old, next] = rotated.timetable;
  assert.deepEqual([old.kid, old.secret, old.state], [first.kid, FIRST, "signing"]);
  assert.deepEqual([old.signs_from, old.signs_until, old.retires_at], [first.nbf, nbf, nbf + TTL + 60]);
  assert.deepEqual([next.kid, next.secret, next.state], [kid, SECOND, "next"]);
  assert.deepEqual([next.signs_from, next.signs_until, next.retires_at], [nbf, exp - TTL, exp]);
  assert.ok(next.published_from >= start && next.published_from <= now());
  assert.ok(rotated.stderr.includes(`${date(nbf)} (in 60 min)`), rotated.stderr);
  assert.ok(rotated.stderr.includes(`retires         ${date(nbf + TTL + 60)}  in 66 min`), rotated.stderr);

  const again = refused("key", "rotate");
  assert.ok(again.includes(`Try again at ${date(nbf + TTL + 60)}`), again);
  assert.ok(again.includes(`--force overwrites ${SECOND} and takes ${kid} away`), again);
  const forced = done("key", "rotate", "--force");
  assert.equal(forced.secret, SECOND);
  assert.deepEqual(states(forced), [[first.kid, "signing"], [forced.kid, "next"]]);
  assert.deepEqual(audit("-").map(({ action, secret, kid, by }) => [action, secret, kid, by]).toSorted(), [
    ["generate-key", FIRST, first.kid, "alice"],
    ["rotate-key", SECOND, forced.kid, "alice"],
    ["rotate-key", SECOND, kid, "alice"],
  ].toSorted());
});

test("the secret whose keys have all retired is overwritten, and no other", () => {
  const slots = (since) => both(held(FIRST, "old", now() - 99 * DAY), held(SECOND, "new", now() - since));
  const early = project(slots(TTL + 50));
  assert.match(early.refused("key", "rotate"), /SIGNING_KEYS holds old, which has to verify until/);
  const { done, keys } = project(slots(TTL + 60));
  assert.equal(done("key", "rotate").secret, FIRST);
  assert.deepEqual(keys(SECOND), ["new"]);
});

test("what is unsafe is refused, with what to do instead", () => {
  const { refused, done } = project(held(FIRST, "old", now() - DAY));
  assert.match(refused("key", "rotate", "--lead", "359s"), /--lead 360s or more is safe/);
  assert.match(refused("key", "rotate", "--lead", "1"), /'--lead <SPAN>'/);
  assert.match(refused("key", "rotate", "--lifetime", "1", "--token-lifetime", String(2 * DAY)), /longer than the key/);
  assert.match(done("key", "rotate", "--lead", "359s", "--force").stderr, /Forced, although this is not safe/);

  const ending = project(held(FIRST, "old", now() - DAY, now() + TTL + 1000));
  const [, lead] = ending.refused("key", "rotate").match(/No key would sign tokens that live 5 min from .* --lead (\d+)s leaves no gap/);
  assert.ok(lead > 900 && lead <= 1001, lead);
  assert.equal(ending.done("key", "rotate", "--lead", `${lead - 60}s`).secret, SECOND);

  const ended = project(held(FIRST, "old", now() - DAY, now() + 10));
  assert.match(ended.done("key", "list").stderr, /Warning: no key signs tokens that live 5 min now/);
  assert.match(ended.refused("key", "rotate"), /--lead 0s --force leaves no gap/);
  assert.deepEqual(states(ended.done("key", "rotate", "--lead", "0", "--force")).at(-1)[1], "signing");
});

test("token lifetimes come from wrangler.toml and from clients' records", () => {
  const client = (realm, id, ...args) => tool("client", "create", "--print", "--force", "--realm", realm, "--client-id", id, ...args).kv;
  const records = [client("default", "a", "--access-token-ttl", "1000"), client("default", "b"),
    client("own", "c", "--access-token-ttl", "5000"), client("gone", "d", "--access-token-ttl", "6000")];
  const kv = Object.fromEntries(records.map(({ key, value }) => [key, value]));
  const configuration = `${CONFIGURATION}
    [vars.REALMS_2.own]
    issuer = "https://auth.example/realms/own"
    signing_keys = ["OWN", "OWN_NEXT"]
    [env.production.vars.REALMS.light]
    dialect = "light-oauth2"
    issuer = "https://auth.example/realms/light"
    iss = "light"
    [env.half.vars.REALMS.half]
    issuer = "https://auth.example/realms/half"
    signing_keys = ["HALF"]
    [env.wrong.vars.REALMS.wrong]
    issuer = "https://auth.example/realms/wrong"
    access_token_ttl = 0
  `;
  const { done, refused } = project({ configuration, kv });
  const lifetime = (...args) => done("key", "list", ...args).token_lifetime;
  assert.equal(lifetime(), 1000);
  assert.equal(lifetime("--secret", "OWN"), 5000);
  assert.equal(lifetime("--secret", "OWN_NEXT"), 5000);
  assert.equal(lifetime("--env", "production"), 600);
  assert.equal(lifetime("--token-lifetime", "7"), 7);
  assert.match(refused("key", "rotate", "--env", "half", "--secret", "HALF"), /realm `half` has its keys in one of HALF, HALF_NEXT/);
  assert.match(refused("key", "rotate", "--env", "wrong"), /wrangler.toml: realm `wrong`: member `access_token_ttl`/);
  assert.match(refused("key", "rotate", "--env", "none"), /no realm of wrangler.toml, environment `none`, has its keys in SIGNING_KEYS/);
  const earlier = project(held(FIRST, "old", now() - DAY, undefined, { token_lifetime: 4000 }));
  assert.equal(earlier.done("key", "list").token_lifetime, 4000, "tokens that lived longer when a key was made");
});

test("a secret of which nothing is written down is never overwritten without --force", () => {
  const secrets = { [FIRST]: JSON.stringify({ keys: [{ kid: "by hand", d: "private" }] }) };
  const { done, refused, keys } = project({ secrets });
  assert.match(done("key", "list").stderr, /nothing is written down of the keys in SIGNING_KEYS/);
  const { secret, kid } = done("key", "rotate");
  assert.deepEqual([secret, keys(FIRST)], [SECOND, ["by hand"]]);
  assert.match(refused("key", "rotate"), /--force overwrites SIGNING_KEYS_NEXT/);
  assert.match(refused("key", "revoke", "by hand"), /no key `by hand` is known/);
  // One name in 64 begins like an option.
  assert.match(refused("key", "revoke", "-Of"), /no key `-Of` is known/);
  assert.equal(done("key", "revoke", kid, "--yes").kid, null);
  assert.deepEqual(keys(SECOND), []);
});

test("a failing wrangler leaves what is written down as it was", () => {
  const old = both(held(FIRST, "signing", now() - DAY), held(SECOND, "retired", now() - 99 * DAY));
  for (const slots of [held(FIRST, "signing", now() - DAY), old]) {
    const { refused, let: change, done } = project(slots);
    change({ fail: "secret put" });
    const said = refused("key", "rotate");
    assert.match(said, /no access\nThe secret SIGNING_KEYS_NEXT was not written, and what is written down of it is as it was/);
    change({ fail: "kv bulk put" });
    assert.match(refused("key", "rotate"), /`wrangler kv bulk put` failed/);
    change({});
    assert.equal(done("key", "rotate").secret, SECOND);
  }
});

test("a rotation that was killed is done again, or settled by what the JWK Set shows", () => {
  const killed = (slots) => {
    const it = project(slots);
    it.let({ kill: "secret put" });
    assert.equal(it.run("key", "rotate").signal, "SIGKILL");
    it.let({});
    return it;
  };
  // Without a secret before, it is plain that none was written.
  const fresh = killed(held(FIRST, "signing", now() - DAY));
  assert.equal(fresh.facts(SECOND).pending.length, 1);
  assert.deepEqual(states(fresh.done("key", "list")), [["signing", "signing"]]);
  assert.equal(fresh.done("key", "rotate").secret, SECOND);
  assert.equal(fresh.facts(SECOND).pending, undefined);

  const old = both(held(FIRST, "signing", now() - DAY), held(SECOND, "retired", now() - 99 * DAY));
  const later = killed(old);
  const [{ keys: [{ kid }], updated_by }] = later.facts(SECOND).pending;
  assert.equal(updated_by, "alice");
  const listed = later.done("key", "list");
  assert.deepEqual(states(listed), [["retired", "retired"], ["signing", "signing"], [kid, "pending"]]);
  assert.match(listed.stderr, /a write to SIGNING_KEYS_NEXT did not finish, begun by alice/);
  assert.deepEqual(states(later.done("key", "rotate")).map(([, state]) => state), ["signing", "next"]);

  // Once its key may sign, the tool does not guess.
  const pending = (nbf) => [{ keys: [{ kid: "b", nbf, exp: nbf + 365 * DAY }], updated_at: nbf - HOUR, updated_by: "bob" }];
  const begun = () => project(both(held(FIRST, "signing", now() - DAY),
    held(SECOND, "retired", now() - 99 * DAY, undefined, { pending: pending(now() - HOUR) })));
  const written = begun();
  for (const force of [[], ["--force"]]) {
    assert.match(written.refused("key", "rotate", ...force), /If b is there: `key settle SIGNING_KEYS_NEXT b`/);
  }
  assert.match(written.refused("key", "settle", SECOND, "c"), /it cannot be so/);
  assert.match(written.refused("key", "settle", FIRST, "signing"), /nothing to settle/);
  written.done("key", "settle", SECOND, "b");
  assert.deepEqual(states(written.done("key", "rotate")).slice(0, 1), [["b", "signing"]]);
  assert.deepEqual(written.audit("-").map(({ action }) => action).toSorted(), ["rotate-key", "settle-key"]);
  const missed = begun();
  missed.done("key", "settle", SECOND, "retired");
  assert.equal(missed.done("key", "rotate").secret, SECOND);
});

test("a secret that came to be although its rotation was killed can be settled", () => {
  const it = project(held(FIRST, "signing", now() - DAY));
  it.let({ kill: "secret put" });
  it.run("key", "rotate");
  const [{ keys: [{ kid }] }] = it.facts(SECOND).pending;
  it.let({ secrets: { [FIRST]: '{"keys":[]}', [SECOND]: '{"keys":[]}' } });
  assert.deepEqual(states(it.done("key", "list")).at(-1), [kid, "pending"]);
  it.done("key", "settle", SECOND, kid);
  assert.deepEqual(states(it.done("key", "list")).at(-1), [kid, "next"]);
});

test("a key is revoked at once, and another signs", () => {
  const signing = project(held(FIRST, "signing", now() - DAY));
  const replaced = signing.done("key", "revoke", "signing", "--yes");
  assert.deepEqual([replaced.revoked, replaced.secret, signing.keys(FIRST)], ["signing", FIRST, [replaced.kid]]);
  assert.deepEqual(states(replaced), [[replaced.kid, "signing"]]);
  assert.match(replaced.stderr, /Tokens signed with signing fail wherever they are verified .* 300 s/);

  const next = project(both(held(FIRST, "signing", now() - DAY), held(SECOND, "next", now() + HOUR)));
  const removed = next.done("key", "revoke", "next", "--yes");
  assert.deepEqual([removed.kid, removed.secret, next.keys(SECOND)], [null, SECOND, []]);
  assert.deepEqual(states(removed), [["signing", "signing"]]);
  assert.equal(next.done("key", "rotate").secret, SECOND);

  const keys = ["a", "b"].map((kid, index) => ({ kid, nbf: now() - 200 + index, exp: now() + DAY }));
  const shared = project(held(FIRST, "", 0, 0, { keys }));
  assert.match(shared.refused("key", "revoke", "b"), /the same secret holds a,/);
  assert.match(shared.refused("key", "revoke", "c"), /no key `c` is known/);
  shared.done("key", "revoke", "b", "--force", "--yes");
  assert.deepEqual(shared.audit("-").map(({ action }) => action), ["revoke-key"]);
});

test("the list warns before the newest key ends, and of facts that it cannot read", () => {
  const { done } = project(held(FIRST, "old", now() - DAY, now() + 29 * DAY));
  assert.match(done("key", "list").stderr, /Warning: the newest key signs its last token at .* make the next by `key rotate`/);
  const broken = project(held(FIRST, "old", 0, 0, { version: 2 }));
  assert.match(broken.refused("key", "list"), /the value at `signing-keys\/SIGNING_KEYS` is unusable: version 2 is not 1/);
  for (const command of [["rotate"], ["list"], ["revoke", "x"], ["settle", FIRST]]) {
    assert.match(project({ target: "--print" }).refused("key", ...command), /--print goes with/);
  }
});

test("old and new secrets of a client overlap within one value", () => {
  const { done, refused, client, audit } = project();
  const which = ["--realm", "default", "--client-id", "app"];
  done("client", "create", ...which);
  const [first] = client("app").secrets;
  const start = now();
  const second = done("client", "rotate-secret", ...which);
  assert.match(second.client_secret, /^[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(client("app").secrets.map(({ id }) => id), [first.id, second.secret_id]);
  assert.equal(client("app").secrets[0].hash, first.hash);
  const [old, fresh] = second.secrets;
  assert.ok(old.expires_at >= start + DAY && old.expires_at <= now() + DAY);
  assert.deepEqual([old.id, fresh], [first.id, { id: second.secret_id }]);
  assert.ok(!second.stderr.includes(second.client_secret));
  assert.match(second.stderr, new RegExp(`${first.id}  ends .* \\(in 24 h\\)`));
  assert.match(second.stderr, new RegExp(`\`secret_id\`: when ${first.id} stands in none`));
  assert.match(second.stderr, /A location may need 60 s/);

  const end = now() + 30 * DAY;
  const third = done("client", "rotate-secret", ...which, "--overlap", "7d", "--client-secret", "chosen elsewhere",
    "--secret-expires-at", String(end));
  assert.equal(third.client_secret, "chosen elsewhere");
  assert.equal(third.secrets.length, 3);
  assert.equal(third.secrets[0].expires_at, old.expires_at, "never later than before");
  assert.equal(third.secrets[2].expires_at, end);
  assert.match(client("app").secrets[2].hash, /^hmac-sha256\$/);

  const short = done("client", "rotate-secret", ...which, "--overlap", "59s");
  assert.match(short.stderr, /one may refuse the new secret while another refuses the old one/);
  const left = done("client", "rotate-secret", ...which, "--overlap", "0");
  assert.deepEqual(left.secrets, [{ id: left.secret_id }]);
  assert.deepEqual(audit("default").map(({ action, secret_id }) => [action, secret_id]).toSorted(), [
    ["create", undefined],
    ...[second, third, short, left].map(({ secret_id }) => ["rotate-secret", secret_id]),
  ].toSorted());
  assert.match(refused("client", "revoke-secret", ...which, "--secret-id", left.secret_id), /the last valid secret/);
});

test("one secret is revoked at once, the last valid one only by --force", () => {
  const { done, refused, client, audit } = project();
  const which = ["--realm", "default", "--client-id", "app"];
  done("client", "create", ...which);
  const [first] = client("app").secrets;
  const { secret_id } = done("client", "rotate-secret", ...which);
  assert.match(refused("client", "revoke-secret", ...which, "--secret-id", "nothing"),
    new RegExp(`has no secret \`nothing\`, nothing was changed; its secrets: ${first.id}, ${secret_id}`));
  const revoked = done("client", "revoke-secret", ...which, "--secret-id", first.id, "--yes");
  assert.deepEqual(revoked.secrets, [{ id: secret_id }]);
  assert.match(refused("client", "revoke-secret", ...which, "--secret-id", secret_id), /--force takes it away/);
  assert.deepEqual(done("client", "revoke-secret", ...which, "--secret-id", secret_id, "--force", "--yes").secrets, []);
  const lines = audit("default").filter(({ action }) => action === "revoke-secret");
  assert.deepEqual(lines.map((line) => line.secret_id).toSorted(), [first.id, secret_id].toSorted());
});

test("rotations of secrets with wrong arguments write nothing", () => {
  const { done, refused } = project();
  const which = (id) => ["--realm", "default", "--client-id", id];
  done("client", "create", ...which("app"));
  done("client", "create", ...which("public"), "--auth-method", "none", "--grant-types", "");
  for (const [args, message] of [
    [[...which("public")], /client `public` authenticates by none, not by a secret/],
    [[...which("nobody")], /no client `nobody`/],
    [[...which("app"), "--overlap", "24"], /'--overlap <SPAN>': a whole number with a unit/],
    [[...which("app"), "--overlap", "-1h"], /--overlap|unexpected argument/],
    [[...which("app"), "--client-secret", ""], /--client-secret is empty/],
    [[...which("app"), "--secret-expires-at", "1000"], /--secret-expires-at is over already/],
  ]) {
    assert.match(refused("client", "rotate-secret", ...args), message, args.join(" "));
  }
  assert.match(project({ target: "--print" }).refused("client", "rotate-secret", ...which("app")), /--print goes with/);
});

test("local state", () => {
  const root = mkdtempSync(join(folder, "local-"));
  copyFileSync("wrangler.toml", join(root, "wrangler.toml"));
  symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  const run = (...args) => {
    const { status, stdout, stderr } = spawnSync(binary, [...args, "--persist-to", join(root, "state")], { cwd: root, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    addFrom(readFileSync(join(root, ".demo/secrets.env"), "utf8"));
    showsNoMore(args, { stdout, stderr });
    return JSON.parse(stdout);
  };
  const first = run("key", "generate");
  const second = run("key", "rotate");
  assert.equal(second.timetable[0].retires_at, second.nbf + 7 * DAY + 60, "as the realm screening-eagle needs it");
  assert.deepEqual(states(second), [[first.kid, "signing"], [second.kid, "next"]]);
  const secrets = readFileSync(join(root, ".demo/secrets.env"), "utf8");
  assert.deepEqual([...secrets.matchAll(/^(\w+)='.*"kid":"([^"]+)"/gm)].map(([, name, kid]) => [name, kid]),
    [[FIRST, first.kid], [SECOND, second.kid]]);
});

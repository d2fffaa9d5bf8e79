// Moments before which no token holds: what the tool writes to local state and refuses, and how long
// the Worker takes to know.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "./keys.mjs";
import { put, stored } from "./namespace.mjs";
import { basic, register, runTool, start } from "./worker.mjs";

const KEY = "not-before/default";

const folder = mkdtempSync(join(tmpdir(), "edge-token-revoke-"));
after(() => rmSync(folder, { recursive: true }));

/** `revoke` for the realm `default` on a namespace. */
const revoker = (state) => (what, ...args) =>
  runTool("revoke", what, "--persist-to", state, "--realm", "default", ...(what === "list" ? [] : ["--yes"]), ...args);

/** What a command that did its work printed. */
function done({ status, stdout, stderr }) {
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function refused({ status, stdout, stderr }, message) {
  assert.notEqual(status, 0);
  assert.equal(stdout, "");
  assert.match(stderr, message);
}

test("moments of clients, subjects and the realm stand in one record, each with its audit line", () => {
  const state = join(folder, "state");
  const revoke = revoker(state);
  put(state, { key: "client/default/app", value: "{}" });
  const began = now();
  const client = revoke("client", "--client-id", "app");
  const { not_before: ofClient, ...named } = done(client);
  assert.deepEqual(named, { realm: "default", client_id: "app" });
  assert.ok(ofClient >= began && ofClient <= now());
  for (const said of [/Void: the tokens of client `app` in realm `default` issued before /, /after 30 s at most/,
    /by themselves take them until they expire/, /`client disable` keeps it from that/]) {
    assert.match(client.stderr, said);
  }
  assert.doesNotMatch(client.stderr, /not registered/);

  const subject = revoke("subject", "--subject", "aßc d", "--before", "30m");
  const { not_before: ofSubject } = done(subject);
  assert.ok(ofSubject >= began - 1800 && ofSubject <= now() - 1800);
  assert.doesNotMatch(subject.stderr, /client disable/);
  assert.deepEqual(done(revoke("realm", "--before", "1700000000")), { realm: "default", not_before: 1700000000 });

  const moments = { clients: { app: ofClient }, subjects: { "aßc d": ofSubject } };
  const { [KEY]: { updated_at, updated_by, ...record } } = stored(state, "not-before/");
  assert.deepEqual(record, { version: 1, realm: 1700000000, ...moments });
  assert.ok(updated_at >= began && updated_at <= now());
  assert.equal(typeof updated_by, "string");
  const listed = revoke("list");
  assert.deepEqual(done(listed), { realm: "default", not_before: 1700000000, ...moments });
  assert.match(listed.stderr, /Void: the tokens of realm `default` issued before 2023-11-14 22:13:20Z/);

  const lines = Object.entries(stored(state, "audit/"));
  assert.ok(lines.every(([key]) => /^audit\/default\/\d{12}-[0-9a-f]{8}$/.test(key)));
  assert.ok(lines.every(([, { version }]) => version === 1));
  const told = lines.map(([, { version, at, by, ...line }]) => line).toSorted((a, b) => (a.action < b.action ? -1 : 1));
  assert.deepEqual(told, [
    { action: "revoke-client", realm: "default", client_id: "app", before: ofClient },
    { action: "revoke-realm", realm: "default", before: 1700000000 },
    { action: "revoke-subject", realm: "default", subject: "aßc d", before: ofSubject },
  ]);
});

test("an earlier moment than the one that stands takes --force", () => {
  const state = join(folder, "standing");
  const revoke = revoker(state);
  const record = { version: 1, realm: 20, clients: { app: 20 }, subjects: { alice: 20 }, updated_at: 30, updated_by: "test" };
  put(state, { key: KEY, value: JSON.stringify(record) });
  for (const args of [["realm"], ["client", "--client-id", "app"], ["subject", "--subject", "alice"]]) {
    refused(revoke(...args, "--before", "19"), /would bring tokens back to life that are void. Nothing was changed; --force/);
  }
  assert.deepEqual(stored(state, ""), { [KEY]: record });
  const forced = revoke("client", "--client-id", "app", "--before", "19", "--force");
  assert.equal(done(forced).not_before, 19);
  assert.match(forced.stderr, /come back to life/);
  assert.match(forced.stderr, /Note: client `app` in realm `default` is not registered. If it was deleted, this is right/);
  const { clients, realm, subjects } = stored(state, "not-before/")[KEY];
  assert.deepEqual({ clients, realm, subjects }, { clients: { app: 19 }, realm: 20, subjects: { alice: 20 } });
});

test("a record that cannot be read is named and never overwritten", () => {
  const state = join(folder, "broken");
  const revoke = revoker(state);
  put(state, { key: KEY, value: '{"version":1,"unknown":true}' });
  for (const args of [["realm", "--force"], ["list"]]) {
    refused(revoke(...args), /the record at `not-before\/default` is unusable: .*unknown.*\. Nothing was changed/);
  }
  assert.deepEqual(stored(state, ""), { [KEY]: { version: 1, unknown: true } });
});

test("a realm without a record has no moments", () => {
  const listed = revoker(join(folder, "empty"))("list");
  assert.deepEqual(done(listed), { realm: "default", not_before: 0, clients: {}, subjects: {} });
  assert.match(listed.stderr, /Nothing is revoked in realm `default`/);
});

test("wrong arguments say which, and write nothing", () => {
  const state = join(folder, "untouched");
  const revoke = revoker(state);
  for (const [args, message] of [
    [["realm", "--before", String(now() + 60)], /'--before <MOMENT>': it is in the future: tokens that are not issued yet/],
    [["realm", "--before", "tomorrow"], /'--before <MOMENT>': seconds since 1970, or a span before now/],
    [["realm", "--before=-1h"], /'--before <MOMENT>': seconds since 1970, or a span before now/],
    [["realm", "--print"], /--print goes with `client create`/],
    [["list", "--print"], /--print goes with `client create`/],
    [["list", "--force"], /--force/],
    [["client"], /--client-id/],
    [["client", "--client-id", ""], /'--client-id <ID>': 1 to 255/],
    [["subject"], /--subject/],
    [["subject", "--subject", ""], /--subject/],
    [["everything"], /everything/],
  ]) {
    refused(revoke(...args), message);
  }
  refused(runTool("revoke", "realm", "--persist-to", state, "--realm", "a/b"), /'--realm <NAME>': 1 to 64 letters/);
  refused(runTool("revoke", "realm", "--persist-to", state), /--realm/);
  assert.deepEqual(stored(state, ""), {});
});

test("the Worker knows of a moment within 30 s, and of no more than it says", async (t) => {
  const worker = await start();
  try {
    const clients = { void: await register(worker), other: await register(worker) };
    const issue = async ({ client_id, client_secret }) => (await (await worker.token(client_id, client_secret)).json()).access_token;
    const isActive = async ({ client_id, client_secret }, token) => {
      const response = await fetch(`${worker.issuer}/introspect`, {
        method: "POST",
        headers: { authorization: basic(client_id, client_secret) },
        body: new URLSearchParams({ token }),
      });
      assert.equal(response.status, 200);
      return (await response.json()).active;
    };
    const [token, other] = [await issue(clients.void), await issue(clients.other)];
    await sleep(1000); // The moment is a later second than the token's.
    const state = join(folder, "measured");
    done(revoker(state)("client", "--client-id", clients.void.client_id));
    const record = stored(state, "not-before/")[KEY];

    // Here the Worker first reads that there is no record: the longest wait begins.
    assert.equal(await isActive(clients.void, token), true);
    const written = performance.now();
    await worker.put({ key: KEY, value: JSON.stringify(record) });
    const waited = () => (performance.now() - written) / 1000;
    while ((await isActive(clients.void, token)) && waited() < 40) await sleep(200);
    const seconds = waited();
    t.diagnostic(`a moment was known ${seconds.toFixed(1)} s after it was written`);
    assert.ok(seconds <= 32, `${seconds} s`);

    assert.equal(await isActive(clients.other, other), true);
    assert.equal(await isActive(clients.void, await issue(clients.void)), true);
  } finally {
    await worker.stop();
  }
});

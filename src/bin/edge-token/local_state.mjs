// Reads and writes a namespace of local state where `wrangler dev` keeps it, also while that runs, without
// the seconds that wrangler takes to start: a SQLite file with the keys of the namespace, and a file for each
// value (https://github.com/cloudflare/workers-sdk, packages/miniflare/src/workers/shared: keyvalue.worker.ts
// and blob.worker.ts). Run by the tool, which has its text, with the folder of the state and the id of the
// namespace, and on standard input what to do: {"get": [key…]}, {"list": prefix}, {"put": [{key, value}…]} or
// {"delete": [key…]}.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const OBJECT = "miniflare-KVNamespaceObject";

const [state, namespace] = process.argv.slice(-2);
const request = JSON.parse(readFileSync(0, "utf8"));
const [objects, blobs] = [join(state, "kv", OBJECT), join(state, "kv", namespace, "blobs")];

/** The id that workerd gives the object of a name. */
function objectId(name) {
  const key = createHash("sha256").update(OBJECT).digest();
  const hmac = (data) => createHmac("sha256", key).update(data).digest().subarray(0, 16);
  return Buffer.concat([hmac(name), hmac(hmac(name))]).toString("hex");
}

const file = join(objects, `${objectId(namespace)}.sqlite`);
const isWrite = "put" in request || "delete" in request;

function open() {
  if (!isWrite) return new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  mkdirSync(objects, { recursive: true });
  mkdirSync(blobs, { recursive: true });
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA busy_timeout = 10000;
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS _mf_entries (key TEXT PRIMARY KEY, blob_id TEXT NOT NULL, expiration INTEGER, metadata TEXT);
    CREATE INDEX IF NOT EXISTS _mf_entries_expiration_idx ON _mf_entries(expiration);
  `);
  return database;
}

/** The value at a key; `null` if there is none. */
function read(find, key) {
  // A value that is overwritten meanwhile leaves its file for another.
  for (let tries = 0; ; tries += 1) {
    const row = find.get(key, Date.now());
    if (row === undefined) return null;
    try {
      return readFileSync(join(blobs, row.blob_id), "utf8");
    } catch (error) {
      if (error.code !== "ENOENT" || tries === 3) throw error;
    }
  }
}

const ACTS = {
  get(database, keys) {
    const find = database.prepare(
      "SELECT blob_id FROM _mf_entries WHERE key = ? AND (expiration IS NULL OR expiration > ?)");
    return Object.fromEntries(keys.map((key) => [key, read(find, key)]).filter(([, value]) => value !== null));
  },

  list(database, prefix) {
    const rows = database.prepare("SELECT key FROM _mf_entries WHERE substr(key, 1, length(:prefix)) = :prefix"
      + " AND (expiration IS NULL OR expiration > :now) ORDER BY key").all({ prefix, now: Date.now() });
    return rows.map(({ key }) => key);
  },

  put(database, pairs) {
    const rows = pairs.map(({ key, value }) => {
      const blob = randomBytes(40).toString("hex");
      writeFileSync(join(blobs, blob), value);
      return [key, blob];
    });
    const put = database.prepare("INSERT OR REPLACE INTO _mf_entries (key, blob_id) VALUES (?, ?)");
    return replace(database, rows.map(([key]) => key), () => rows.forEach((row) => put.run(...row)));
  },

  delete(database, keys) {
    const remove = database.prepare("DELETE FROM _mf_entries WHERE key = ?");
    return replace(database, keys, () => keys.forEach((key) => remove.run(key)));
  },
};

/** Changes what is at these keys, all or none, and removes the values that were there. */
function replace(database, keys, change) {
  const find = database.prepare("SELECT blob_id FROM _mf_entries WHERE key = ?");
  database.exec("BEGIN IMMEDIATE");
  const before = keys.map((key) => find.get(key)).filter((row) => row !== undefined);
  change();
  database.exec("COMMIT");
  for (const { blob_id } of before) rmSync(join(blobs, blob_id), { force: true });
  return null;
}

const [act] = Object.keys(request);
const isEmpty = !isWrite && !existsSync(file);
const nothing = act === "list" ? [] : {};
try {
  process.stdout.write(JSON.stringify(isEmpty ? nothing : ACTS[act](open(), request[act])));
} catch (error) {
  process.stderr.write(`${file}: ${error.message}\n`);
  process.exitCode = 1;
}

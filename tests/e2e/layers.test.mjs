// The guard of the layers (scripts/layers.mjs), which `make check` runs: it must see what it is for.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";

const copy = mkdtempSync(join(tmpdir(), "layers-"));
after(() => rmSync(copy, { recursive: true }));

const guard = () => spawnSync("node", [resolve("scripts/layers.mjs")], { cwd: copy, encoding: "utf8" });

test("an import that runs upward or sideways fails, and names the file", () => {
  cpSync("src", join(copy, "src"), { recursive: true });
  assert.equal(guard().status, 0, guard().stderr);
  for (const [path, line, message] of [
    ["scope.rs", "use crate::realm::Realm;", /src\/scope\.rs imports realm, which is above scope/],
    ["jose/jwk.rs", "use crate::scope::ScopeSet;", /src\/jose\/jwk\.rs imports scope, which is beside jose/],
    ["time.rs", "use crate::{\n    json::{Json, Object},\n};", /src\/time\.rs imports json, which is above time/],
  ]) {
    const file = join(copy, "src", path);
    writeFileSync(file, `${line}\n${readFileSync(file, "utf8")}`);
    const { status, stderr } = guard();
    assert.equal(status, 1);
    assert.match(stderr, message);
    cpSync(join("src", path), file);
  }
  writeFileSync(join(copy, "src/unplaced.rs"), "//! Nothing.\n");
  assert.match(guard().stderr, /src\/unplaced\.rs: no floor is named for it/);
});

// Fails if an import in the core runs upward or sideways, which leaves no circle: node scripts/layers.mjs
//
// A room is a file or folder of src/. It imports only rooms of the floors below its own. Within a room
// files import one another as they like.

import { readdirSync, readFileSync } from "node:fs";

/** The rooms, from the ground up. */
const FLOORS = [
  ["error_code", "form", "grant_type", "time", "uri", "uuid"],
  ["json"],
  ["auth_method", "jose", "name", "scope", "stored"],
  ["dialect", "proof"],
  ["http", "person"],
  ["client", "family", "rotation"],
  ["not_before"],
  ["store"],
  ["realm"],
  ["dpop"],
  ["error"],
  ["client_auth", "context"],
  ["token"],
  ["grant"],
  ["endpoint"],
  ["service"],
  ["edge"],
];

const floorOf = new Map(FLOORS.flatMap((rooms, floor) => rooms.map((room) => [room, floor])));
const roomOf = (path) => path.split("/")[1].replace(/\.rs$/, "");

/** The rooms that a file names: `crate::room…`, alone or in braces. */
function imported(source) {
  const code = source.replaceAll(/\/\/.*/g, "");
  const names = [...code.matchAll(/\bcrate::(\w+)/g)].map(([, room]) => room);
  for (const [, list] of code.matchAll(/\bcrate::\{([^;]*)\};/g)) {
    const outermost = list.replaceAll(/\{[^{}]*\}/g, "").split(",");
    names.push(...outermost.map((part) => part.trim().split("::")[0]).filter((name) => name !== ""));
  }
  return new Set(names);
}

const wrong = [];
const isCore = (path) => path.endsWith(".rs") && !path.startsWith("bin/");
for (const path of readdirSync("src", { recursive: true }).filter(isCore).toSorted().map((path) => `src/${path}`)) {
  const room = roomOf(path);
  if (room === "lib") continue;
  if (!floorOf.has(room)) {
    wrong.push(`${path}: no floor is named for it in scripts/layers.mjs`);
    continue;
  }
  // Tests may take whatever they test with.
  const [source] = readFileSync(path, "utf8").split("#[cfg(test)]");
  for (const other of imported(source)) {
    if (other === room || /^[A-Z]|^impl_json$/.test(other)) continue;
    if (!floorOf.has(other)) wrong.push(`${path} imports ${other}, which has no floor in scripts/layers.mjs`);
    else if (floorOf.get(other) >= floorOf.get(room)) {
      const how = floorOf.get(other) === floorOf.get(room) ? "beside" : "above";
      wrong.push(`${path} imports ${other}, which is ${how} ${room}: move what it needs to a floor below both`);
    }
  }
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`Imports run downward: ${floorOf.size} rooms on ${FLOORS.length} floors.`);

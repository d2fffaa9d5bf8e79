// What crosses between the runtime and the wasm for each request, in one call each way. A text in lines
// costs less than a call for each header field; no method, URL, name or value has a line break.

/** The header fields that the service reads, in the order in which mod.rs takes them. */
const FIELDS = [
  "content-length", "authorization", "content-type", "content-encoding", "accept", "origin",
  "cf-connecting-ip", "if-none-match", "cookie", "dpop", "cf-ray",
];

/** And of a preflight request the one that only those have. */
const PREFLIGHT_FIELDS = [...FIELDS, "access-control-request-headers"];

/**
 * A request but for its body: method, URL, how many header fields it has, and each of its FIELDS, with a
 * `+` before its value, or as an empty line if it is not there.
 */
export function describe({ method, url, headers }) {
  let count = 0;
  for (const _ of headers.keys()) count += 1;
  let text = `${method}\n${url}\n${count}`;
  for (const name of method === "OPTIONS" ? PREFLIGHT_FIELDS : FIELDS) {
    const value = headers.get(name);
    text += value === null ? "\n" : `\n+${value}`;
  }
  return text;
}

/** How long a request's body may take from its header on, in milliseconds. */
const BODY_TIMEOUT = 10_000;

/**
 * What a reading gives, or `null` if it takes longer than a body may. The timer does not outlive the reading: a
 * request that a panic leaves without an answer would be held for as long, where the runtime ends it at once.
 */
function inTime(reading) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, BODY_TIMEOUT, null);
    reading.then((octets) => {
      clearTimeout(timer);
      resolve(octets);
    }, reject);
  });
}

/** The octets of a request's body, at once; for bodies that can have no more than they announce. */
export function readAllInTime(message) {
  return inTime(message.arrayBuffer());
}

/** The octets of a request's body, as [`readAtMost`] gives them. */
export function readAtMostInTime(message, max) {
  return inTime(readAtMost(message, max));
}

/** The octets of a body, but no more of them than show that it has more than `max`. */
export async function readAtMost({ body }, max) {
  if (body === null) return new Uint8Array();
  const octets = new Uint8Array(max + 1);
  let end = 0;
  for await (const chunk of body) {
    const taken = chunk.subarray(0, octets.length - end);
    octets.set(taken, end);
    end += taken.length;
    if (end > max) break;
  }
  return octets.subarray(0, end);
}

/** The header fields of the last response, and their text: most have the same as the one before. */
const last = { fields: "", headers: new Headers() };

/** A response with header fields, of which each is a line with its name and one with its value. */
export function response(status, fields, body) {
  if (fields !== last.fields) {
    const lines = fields.split("\n");
    last.headers = new Headers();
    for (let at = 1; at < lines.length; at += 2) last.headers.append(lines[at - 1], lines[at]);
    last.fields = fields;
  }
  return new Response(body === "" ? null : body, { status, headers: last.headers });
}

/** The members of an audit line that are the blobs of its data point, in their order. */
const BLOBS = [
  "realm", "client_id", "endpoint", "outcome", "reason", "grant_type", "kid", "secret_id", "client_kid",
  "level", "colo", "auth_method",
];

/**
 * Writes a line to the log, by a method of `console`. What it tells of a request becomes a data point too,
 * as docs/observe.md has it, where `ANALYTICS` is bound: nothing waits for that, nor fails with it.
 */
export function log(level, line, env) {
  console[level](line);
  const dataset = env.ANALYTICS;
  if (dataset === undefined) return;
  const told = JSON.parse(line);
  if (told.outcome === undefined) return;
  const { version, time, realm = "", client_id = "" } = told;
  // Moments would make each reason the only one of its kind.
  told.reason &&= told.reason.replace(/\d{9,}/g, "…");
  try {
    dataset.writeDataPoint({
      // At most 96 octets, or it is not recorded; both are ASCII.
      indexes: [`${realm}/${client_id}`.slice(0, 96)],
      blobs: BLOBS.map((name) => told[name] ?? ""),
      doubles: [told.status, told.record_age ?? 0],
    });
  } catch (error) {
    const reason = String(error?.message);
    console.warn(JSON.stringify({ version, time, level: "warning", event: "analytics", reason }));
  }
}

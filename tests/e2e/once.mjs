// Many uses at once of what is good once.

import assert from "node:assert/strict";

export const PARALLEL = 200;

/** Sends a request many times at once, and counts answers that are the same but for date and nonce. */
export async function count(send) {
  const counts = new Map();
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    const response = await send();
    const headers = [...response.headers].filter(([name]) => !["date", "dpop-nonce"].includes(name));
    const text = await response.text();
    const answer = response.status === 200 ? "200" : JSON.stringify([response.status, headers, text]);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }));
  return counts;
}

/** Asserts that one was good and that all others got one and the same answer. */
export function onlyOnce(counts, t) {
  t.diagnostic(JSON.stringify([...counts]));
  assert.equal(counts.size, 2);
  assert.equal(counts.get("200"), 1);
  counts.delete("200");
  const [[answer, times]] = counts;
  assert.equal(times, PARALLEL - 1);
  const [status, headers, body] = JSON.parse(answer);
  return [status, JSON.parse(body).error, new Map(headers).get("www-authenticate")];
}

// Requests at a rate that does not wait for answers (open loop), each timed from the moment at which
// it was due, so that a service that stalls cannot hide it (coordinated omission).

import { Agent, request } from "node:http";
import { connect } from "node:net";
import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/** How long an answer may take, and how many may be waited for, so that a dead service ends the load. */
const TIMEOUT = 10_000;
const MAX_IN_FLIGHT = 1000;

// workerd ends connections that were idle for 5 s; this end does so before.
const agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: 3000 });

/** Sends a request and returns the answer's status and body. An error's code stands for a status. */
export function send(port, wanted, isAgain = false) {
  const { method = "POST", path = "/realms/default/token", headers = {}, body } = wanted;
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const outward = request({
      agent, host: "127.0.0.1", port, method, path, headers: { ...headers, ...length },
      signal: AbortSignal.timeout(TIMEOUT),
    });
    let answer;
    outward.on("response", (response) => {
      answer = response;
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("close", () => resolve({
        status: response.complete ? response.statusCode : "cut off",
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      }));
    });
    outward.on("error", (error) => {
      if (answer) return;
      // A connection may end while a request is on its way to it, which then was not read.
      if (outward.reusedSocket && !isAgain && ["ECONNRESET", "EPIPE"].includes(error.code)) {
        resolve(send(port, wanted, true));
      } else {
        resolve({ status: error.name === "AbortError" || error.name === "TimeoutError" ? "timeout" : error.code });
      }
    });
    outward.end(body);
  });
}

/** Writes texts to a connection of their own, `pause` ms apart, then cuts it or waits for the answer. */
export function write(port, texts, { pause = 0, cut = false } = {}) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (status) => {
      resolve({ status });
      socket.destroy();
    };
    socket.setTimeout(TIMEOUT, () => end("timeout"));
    socket.on("error", ({ code }) => end(code));
    socket.on("close", () => end("cut off"));
    socket.on("data", (data) => end(Number(data.toString("latin1").match(/^HTTP\/1\.1 (\d{3}) /)?.[1])));
    socket.on("connect", async () => {
      for (const each of texts) {
        socket.write(each);
        await sleep(pause);
      }
      if (cut) end("dropped");
    });
  });
}

/** Counts of names, such as statuses. */
export class Counts {
  #counts = new Map();
  add(name, count = 1) {
    this.#counts.set(String(name), (this.#counts.get(String(name)) ?? 0) + count);
  }
  toJSON() {
    return Object.fromEntries([...this.#counts].toSorted());
  }
}

/** Does one act of a kind, and counts in `tally` its status and whether it is what must be. */
export async function act(port, kind, tally) {
  const answer = kind.act ? await kind.act() : await send(port, kind.request());
  tally.statuses.add(answer.status);
  if (!kind.expect.includes(answer.status) || kind.body !== undefined && kind.body !== answer.body) {
    tally.unexpected += 1;
  }
}

export const newTally = () => ({ statuses: new Counts(), unexpected: 0 });

/**
 * Acts `rate` times a second for some seconds, each time of a kind by chance and weight, counted in
 * `tallies` by its name. Tells how many were due and sent, how late the latest was sent, and the
 * latencies of those that are no connections of their own, in ms.
 */
export async function openLoop(port, kinds, tallies, rate, seconds) {
  const latencies = createHistogram();
  const running = new Set();
  const total = kinds.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const choose = () => {
    let left = Math.random() * total;
    return kinds.find(({ weight = 1 }) => (left -= weight) < 0) ?? kinds[0];
  };
  const due = Math.round(rate * seconds);
  const begin = performance.now();
  let [sent, latest] = [0, 0];
  for (let index = 0; index < due; index += 1) {
    const at = begin + index * 1000 / rate;
    while (performance.now() < at) await sleep(Math.max(1, at - performance.now()));
    latest = Math.max(latest, performance.now() - at);
    if (running.size >= MAX_IN_FLIGHT) continue;
    sent += 1;
    const kind = choose();
    const done = act(port, kind, tallies.get(kind.name)).then(() => {
      if (!kind.act) latencies.record(Math.max(1, Math.round((performance.now() - at) * 1000)));
      running.delete(done);
    });
    running.add(done);
  }
  const took = (performance.now() - begin) / 1000;
  await Promise.all(running);
  const percentile = (of) => latencies.percentile(of) / 1000;
  return {
    due, sent, seconds: took, latest_ms: latest,
    p50_ms: percentile(50), p99_ms: percentile(99), p999_ms: percentile(99.9), max_ms: latencies.max / 1000,
  };
}

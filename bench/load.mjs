// Requests from a process of its own, on a processor of its own: closed loops, in which each connection
// sends when it was answered, and open loops, in which requests are due at a rate and are timed from
// the moment at which they were due (so that what stalls cannot hide it: coordinated omission).

import { spawn } from "node:child_process";
import { connect } from "node:net";
import { createHistogram } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

const SELF = fileURLToPath(import.meta.url);

/** How late an answer may be, in ms, so that a dead service ends the load. */
const TIMEOUT = 10_000;

/** The text of a request, as it goes over the wire. */
export function wire({ method = "POST", path, headers = {}, body = "" }) {
  const fields = { host: "127.0.0.1", ...headers, ...(method === "POST" && { "content-length": Buffer.byteLength(body) }) };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`;
}

/**
 * Starts the process that sends, on the processor `cpu`. `run` sends `requests` for `seconds` to a port of
 * this machine, on `connections`, `rate` a second or as fast as they are answered: the first again and
 * again, or by chance as `pick` says, `zipf` or `each` once. Every answer must have the status `expect`. Returns how many
 * were answered, in which time, and the latencies in ms.
 */
export function startLoad(cpu) {
  const child = spawn("taskset", ["-c", String(cpu), process.execPath, SELF], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = new Promise((_, reject) => child.once("exit", (status) => reject(new Error(`the load ended with ${status}`))));
  ended.catch(() => {});
  process.once("exit", () => child.kill());
  return {
    async run(job) {
      const answer = new Promise((resolve) => child.once("message", resolve));
      child.send({ connections: 16, expect: 200, ...job });
      const told = await Promise.race([answer, ended]);
      if (told.error) throw new Error(told.error);
      return told;
    },
    stop: () => child.kill(),
  };
}

/** The index of a request, of `count`, the `i`th 1/i times as often as the first (Zipf, s = 1). */
function zipf(count) {
  const sums = new Float64Array(count);
  for (let index = 0, sum = 0; index < count; index += 1) sums[index] = sum += 1 / (index + 1);
  return () => {
    const wanted = Math.random() * sums[count - 1];
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Sends what a job says. */
function run({ port, requests, pick, connections, rate, seconds, expect }) {
  const texts = requests.map((request) => Buffer.from(request, "latin1"));
  let next = 0;
  const choose = { zipf: zipf(texts.length), each: () => next++ }[pick] ?? (() => 0);
  const latencies = createHistogram();
  const status = `HTTP/1.1 ${expect} `;
  const [idle, due] = [[], []];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let [answered, planned, open, lastAnswer] = [0, 0, 0, begin];
  return new Promise((resolve, reject) => {
    const isOver = () => performance.now() >= end || pick === "each" && next >= texts.length;
    const send = (line, at) => {
      line.at = at;
      line.waits = true;
      line.socket.write(texts[choose()]);
    };
    const after = (line) => {
      if (rate === undefined) return isOver() ? close(line) : send(line, performance.now());
      if (due.length > 0) send(line, due.shift());
      else idle.push(line);
    };
    const close = (line) => {
      line.socket.destroy();
      open -= 1;
      if (open === 0) finish();
    };
    const finish = () => {
      const ms = (part) => latencies.percentile(part) / 1000;
      resolve({
        answered, seconds: (lastAnswer - begin) / 1000, latencies: { p50: ms(50), p99: ms(99), p999: ms(99.9) },
      });
    };
    for (let index = 0; index < connections; index += 1) {
      const socket = connect(port, "127.0.0.1").setNoDelay(true).setTimeout(TIMEOUT);
      const line = { socket, rest: "" };
      open += 1;
      socket.on("connect", () => after(line));
      socket.on("timeout", () => reject(new Error("no answer in time")));
      socket.on("error", reject);
      socket.on("end", () => reject(new Error("the connection was ended")));
      socket.on("data", (data) => {
        line.rest += data.latin1Slice();
        if (!isWhole(line.rest)) return;
        if (!line.rest.startsWith(status)) return reject(new Error(`${expect} was expected, but:\n${line.rest}`));
        line.rest = "";
        line.waits = false;
        lastAnswer = performance.now();
        latencies.record(Math.max(1, Math.round((lastAnswer - line.at) * 1000)));
        answered += 1;
        after(line);
      });
    }
    if (rate === undefined) return;
    const plan = () => {
      const now = performance.now();
      for (; now < end && begin + planned * 1000 / rate <= now; planned += 1) {
        const at = begin + planned * 1000 / rate;
        // The one that was idle for the longest time, before the server ends it for that.
        if (idle.length > 0) send(idle.shift(), at);
        else due.push(at);
      }
      if (now < end || due.length > 0 || idle.length < open) setImmediate(plan);
      else idle.forEach(close);
    };
    plan();
  });
}

/** Whether a text is an answer from its status line to the end of its body. */
function isWhole(text) {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text);
  return length === null ? text.endsWith("\r\n0\r\n\r\n") : text.length === head + 4 + Number(length[1]);
}

if (process.argv[1] === SELF) {
  process.on("message", async (job) => {
    process.send(await run(job).catch((error) => ({ error: error.message })));
  });
}

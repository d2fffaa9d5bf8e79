// Bodies that do not come, on workerd itself: each request is answered in time and its connection ends, and
// nobody else waits for it.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { register } from "./worker.mjs";
import { serve } from "./workerd.mjs";

const SENDERS = 2000;
/** How long a body may take, and the runtime to notice, in milliseconds. */
const [DEADLINE, SLACK] = [10_000, 15_000];

const BODY = "grant_type=client_credentials&scope=read";

/** Requests whose body is half there: the beginning of each, and what would end it. */
const HALVES = {
  "with a content-length": [`content-length: ${BODY.length}\r\n\r\n${BODY.slice(0, 20)}`, BODY.slice(20)],
  "with a content-length, and nothing of it": [`content-length: ${BODY.length}\r\n\r\n`, BODY],
  "with a content-length over 16 KiB": ["content-length: 20000\r\n\r\ngrant", "x".repeat(20_000 - 5)],
  "in chunks": ["transfer-encoding: chunked\r\n\r\n5\r\ngrant\r\n",
    `${(BODY.length - 5).toString(16)}\r\n${BODY.slice(5)}\r\n0\r\n\r\n`],
};

let worker;
let client;

before(async () => {
  worker = await serve();
  client = await register(worker);
});
after(() => worker.stop());

/** Sends the beginning of a request. What comes back, when that began, and when the connection ended. */
function send(beginning) {
  const port = new URL(worker.url).port;
  const credentials = Buffer.from(`${client.client_id}:${client.client_secret}`).toString("base64");
  const began = Date.now();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(`POST /token HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Basic ${credentials}\r\n`
    + `content-type: application/x-www-form-urlencoded\r\n${beginning}`);
  const sent = { socket, text: "", answered: undefined };
  sent.ended = new Promise((resolve) => {
    socket.setEncoding("utf8").on("data", (text) => {
      sent.answered ??= Date.now() - began;
      sent.text += text;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(Date.now() - began));
  });
  return sent;
}

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds, undefined));

test(`${SENDERS} half-sent bodies are answered in time and closed, and meanwhile others are served`, async (t) => {
  const beginnings = Object.values(HALVES).map(([beginning]) => beginning);
  const all = Array.from({ length: SENDERS }, (_, index) => send(beginnings[index % beginnings.length]));
  let slowest = 0;
  for (let times = 0; times < 20; times += 1) {
    const began = Date.now();
    const response = await worker.token(client.client_id, client.client_secret);
    assert.equal(response.status, 200);
    slowest = Math.max(slowest, Date.now() - began);
    await later(100);
  }
  const ended = await Promise.race([Promise.all(all.map(({ ended }) => ended)), later(DEADLINE + 3 * SLACK)]);
  assert.ok(ended, `${all.filter(({ socket }) => !socket.destroyed).length} connections are still there`);
  const counts = new Map();
  for (const { text } of all) {
    const status = text.slice(0, 12);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  assert.deepEqual([...counts], [["HTTP/1.1 408", SENDERS]]);
  for (const { text, answered } of all) {
    assert.ok(text.includes('{"error":"invalid_request","error_description":"The body did not arrive within 10 seconds."}'), text);
    assert.ok(answered >= DEADLINE - 500 && answered < DEADLINE + SLACK, `${answered} ms`);
  }
  t.diagnostic(`all ended within ${Math.max(...ended)} ms; the slowest of 20 tokens meanwhile took ${slowest} ms`);
});

for (const [name, [beginning, rest]] of Object.entries(HALVES)) {
  test(`a body ${name} that is slow, but in time, is read`, async () => {
    const sent = send(beginning);
    await later(1000);
    assert.equal(sent.text, "");
    sent.socket.write(rest);
    while (!sent.text.includes("}")) await later(20);
    assert.match(sent.text, rest.length > 16_384 ? /^HTTP\/1.1 413 / : /^HTTP\/1.1 200 /);
    sent.socket.destroy();
  });
}

test("a body that comes by drops does not prolong its time", async () => {
  const sent = send("content-length: 100\r\n\r\n");
  const drops = setInterval(() => sent.socket.write("a"), 500);
  const ended = await Promise.race([sent.ended, later(DEADLINE + SLACK)]);
  clearInterval(drops);
  assert.ok(ended, "it is still there");
  assert.match(sent.text, /^HTTP\/1.1 408 /);
  assert.ok(sent.answered < DEADLINE + 2000, `${sent.answered} ms`);
});

// What bench.mjs has measured, as a page and as a chart.

const NAMES = {
  "js-hello": "a: hello in one line of JavaScript, the floor",
  "sdk-hello": "a: the SDK's hello in Rust, the floor of a Worker in Rust",
  own: "b: edge-token, one client",
  plain: "P1: plain JavaScript with `crypto.subtle`",
  hono: "P2: Hono and `jose`",
  "oidc-provider": "P3: `oidc-provider` on Node",
  "p256-0.13": "P4: edge-token with jwt-compact's own p256 0.13",
  zipf: "c: edge-token, 10,000 clients, Zipf",
  wrong: "d: edge-token, wrong secrets alone",
  assertion: "e: edge-token, `private_key_jwt`",
  jwks: "g: edge-token, JWK Set",
};

const number = (value) => value >= 100
  ? Math.round(value).toLocaleString("en-US")
  : value.toFixed(value >= 10 ? 1 : 2);
const figure = ({ median, least, greatest }) => `${number(median)} (${number(least)} to ${number(greatest)})`;
const table = (heads, rows) => [heads, heads.map((_, index) => index === 0 ? "---" : "---:"), ...rows]
  .map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** Tokens, or requests, of a second of CPU. */
const perCpuSecond = ({ cpu_us }) => 1e6 / cpu_us.median;

export function report(results) {
  const { machine, closed, open, sizes, signatures, fresh, memory, growth } = results;
  const { own, hono, plain, "oidc-provider": oidc, "p256-0.13": slow, "sdk-hello": hello } = closed;
  const times = (one, other) => `${(perCpuSecond(one) / perCpuSecond(other)).toFixed(2)} times`;
  const [wasm, subtle] = [signatures.own.cpu_us.median, signatures.subtle.cpu_us.median];
  return `# What a token costs

\`make bench\` wrote this page on ${machine.date}: one run on one machine, each figure the median of five interleaved
rounds, with the least and the greatest. What is measured ran on one processor and the load on another.

${table(["", ""], [
    ["Processor", machine.processor],
    ["workerd", machine.workerd], ["Node", machine.node], ["Rust", machine.rustc],
    ["Peers", Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`).join(", ")],
  ])}

![Tokens of a second of CPU](results.svg)

## What was asked

${table(["", "measured"], [
    ["CPU µs of a token above the SDK's hello", number(own.cpu_us.median - hello.cpu_us.median)],
    ["Tokens of a second of CPU, beside P1, plain JavaScript", times(own, plain)],
    ["beside P2, Hono and jose", times(own, hono)],
    ["beside P3, oidc-provider", times(own, oidc)],
    ["beside P4, p256 0.13", times(own, slow)],
    ["ES256 signature in wasm, µs", number(wasm)],
    ["the same by `crypto.subtle`, µs", number(subtle)],
    ["First token of a fresh isolate, CPU ms", number(fresh.first_ms.median)],
    ["KV reads a token of a hot client", own.kv_reads.median.toFixed(4)],
  ])}

## As fast as it goes

Sixteen connections, each with one request at a time. CPU is the process's, on all its threads, HTTP and KV
included.

${table(["", "requests/s", "CPU µs each", "a second of CPU", "KV reads each"], Object.entries(NAMES).map(([name, text]) => [
    text, figure(closed[name].per_second), figure(closed[name].cpu_us), number(perCpuSecond(closed[name])),
    closed[name].kv_reads?.median.toFixed(4) ?? "none",
  ]))}

## At half of that

An open loop: latencies in ms count from the moment at which a request was due.

${table(["", "requests/s", "p50", "p99", "p99.9"], Object.entries(open).map(([name, { rate, p50, p99, p999 }]) => [
    NAMES[name], number(rate.median), figure(p50), figure(p99), figure(p999),
  ]))}

## A fresh isolate

CPU ms of the process from before a request to 30 ms after its answer, when the process had come to rest.

${table(["first token", "second", "hundredth"], [[fresh.first_ms, fresh.second_ms, fresh.hundredth_ms].map(figure)])}

## Size and memory

The wasm has ${sizes.raw.toLocaleString("en-US")} octets, gzipped ${sizes.gzipped.toLocaleString("en-US")}. With 10,000 clients, Zipf:

${table(["", "tokens", "RSS of the process, MB", "memory of the wasm, MB"], Object.entries(memory).map(([name, { tokens = 0, rss_mb, wasm_mb }]) =>
    [{ start: "at the start", warm: "warm", end: "at the end" }[name], tokens.toLocaleString("en-US"), number(rss_mb), wasm_mb.toFixed(2)]))}

## Growth

${table(["", "CPU µs a token", "KV reads a token"], Object.entries(growth).map(([name, { cpu_us, kv_reads }]) =>
    [name, figure(cpu_us), kv_reads.median.toFixed(4)]))}
`;
}

/** Bars: the tokens of a second of CPU, from the most down. */
export function chart({ closed }) {
  const names = ["plain", "own", "hono", "oidc-provider", "p256-0.13"];
  const bars = names.map((name) => ({ name, value: perCpuSecond(closed[name]) })).toSorted((a, b) => b.value - a.value);
  const [left, width, height, gap] = [250, 420, 26, 12];
  const scale = width / bars[0].value;
  const text = (name) => NAMES[name].replaceAll("`", "").replace(/^b: |, one client$/g, "");
  const rows = bars.map(({ name, value }, index) => {
    const y = 44 + index * (height + gap);
    return `
  <text x="${left - 10}" y="${y + 18}" text-anchor="end">${text(name)}</text>
  <rect x="${left}" y="${y}" width="${(value * scale).toFixed(1)}" height="${height}" rx="3" class="${name === "own" ? "own" : "other"}"/>
  <text x="${(left + value * scale + 8).toFixed(1)}" y="${y + 18}">${number(value)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${54 + bars.length * (height + gap)}" role="img" aria-label="Tokens of a second of CPU">
  <style>
    text { font: 14px system-ui, sans-serif; fill: #24292f; }
    .own { fill: #0969da; } .other { fill: #8c959f; }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .own { fill: #4493f8; } }
  </style>
  <text x="10" y="24" font-weight="600">Tokens of a second of CPU</text>${rows.join("")}
</svg>
`;
}

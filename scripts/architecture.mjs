// Draws docs/architecture.svg, which README and docs/concepts.md show: node scripts/architecture.mjs
// With --print it goes to standard output. The picture takes the reader's light or dark colours.

import { writeFileSync } from "node:fs";

const [WIDTH, HEIGHT] = [880, 460];

/** What there is: where, how large, and what is written in it. The Worker is drawn around others. */
const BOXES = [
  { x: 20, y: 60, w: 190, h: 74, title: "Machine client", lines: ["secret, key or certificate"] },
  { x: 20, y: 180, w: 190, h: 74, title: "Browser", lines: ["of a person who signs in"] },
  { x: 20, y: 300, w: 190, h: 74, title: "Login application", lines: ["yours: knows the people"] },
  { x: 310, y: 40, w: 250, h: 354, title: "edge-token", lines: ["one Worker, in every location"], kind: "worker" },
  { x: 330, y: 110, w: 210, h: 92, title: "Core", lines: ["realms, dialects, grants,", "ES256: Rust, no I/O"], kind: "inner" },
  { x: 330, y: 222, w: 210, h: 66, title: "Memory of an isolate", lines: ["copies of records, 30 s"], kind: "inner" },
  { x: 330, y: 308, w: 210, h: 66, title: "Secrets and variables", lines: ["signing keys, realms"], kind: "inner" },
  { x: 670, y: 40, w: 190, h: 74, title: "Workers KV", lines: ["clients, moments, audit"], kind: "store" },
  { x: 670, y: 150, w: 190, h: 74, title: "Durable Objects", lines: ["what happens once"], kind: "store" },
  { x: 670, y: 260, w: 190, h: 74, title: "Log, Analytics Engine", lines: ["a line for each outcome"], kind: "store" },
  { x: 670, y: 370, w: 190, h: 74, title: "Resource server", lines: ["verifies by itself"] },
  { x: 20, y: 400, w: 190, h: 44, title: "Operator's tool", lines: [] },
];

/** Who talks to whom: the points of the way, and what is written at one of them. */
const WAYS = [
  { points: [[210, 97], [310, 97]], text: "POST /token", at: [260, 90] },
  { points: [[210, 217], [310, 217]], text: "authorize", at: [260, 210] },
  { points: [[210, 337], [310, 337]], text: "who it is", at: [260, 330] },
  { points: [[115, 254], [115, 300]], text: "", at: [0, 0] },
  { points: [[560, 77], [670, 77]], text: "read", at: [615, 70] },
  { points: [[560, 187], [670, 187]], text: "exactly once", at: [615, 180] },
  { points: [[560, 297], [670, 297]], text: "write", at: [615, 290] },
  { points: [[670, 400], [600, 400], [600, 370], [560, 370]], text: "public keys", at: [633, 417] },
  { points: [[210, 422], [435, 422], [435, 394]], text: "secrets, by wrangler", at: [322, 415] },
  { points: [[115, 400], [115, 392], [8, 392], [8, 16], [765, 16], [765, 40]], text: "client records, by wrangler", at: [435, 11], isQuiet: true },
];

const STYLE = `
  text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #57606a; }
  .title { font-weight: 600; fill: #1f2328; }
  .small { font-size: 12px; }
  rect { fill: #ffffff; stroke: #8c959f; stroke-width: 1.2; }
  .worker { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.6; }
  .store { fill: #f6f8fa; }
  path { fill: none; stroke: #57606a; stroke-width: 1.4; }
  .quiet { stroke-dasharray: 4 4; }
  marker path { fill: #57606a; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .title { fill: #f0f6fc; }
    rect { fill: #151b23; stroke: #656c76; }
    .worker { fill: #0c2d4d; stroke: #4493f8; }
    .store { fill: #212830; }
    path { stroke: #9198a1; }
    marker path { fill: #9198a1; }
  }`;

const box = ({ x, y, w, h, title, lines, kind = "outer" }) => [
  `<rect class="${kind}" x="${x}" y="${y}" width="${w}" height="${h}" rx="8"/>`,
  `<text class="title" x="${x + w / 2}" y="${y + (lines.length > 0 ? 30 : 27)}" text-anchor="middle">${title}</text>`,
  ...lines.map((line, index) =>
    `<text x="${x + w / 2}" y="${y + 52 + 19 * index}" text-anchor="middle">${line}</text>`),
];

const way = ({ points, text, at: [x, y], anchor = "middle", isQuiet = false }) => [
  `<path${isQuiet ? ' class="quiet"' : ""} d="M${points.map((point) => point.join(" ")).join("L")}" marker-end="url(#end)"/>`,
  ...(text ? [`<text class="small" x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`] : []),
];

const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -8 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
  "<title id=\"title\">Clients, browsers and a login application ask the Worker; it reads Workers KV, keeps in Durable "
    + "Objects what must happen once, and writes a log; resource servers verify by its public keys</title>",
  `<style>${STYLE}\n</style>`,
  '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
    + '<path d="M0 0L8 4L0 8z"/></marker></defs>',
  ...BOXES.flatMap(box),
  ...WAYS.flatMap(way),
  "</svg>",
].join("\n");

if (process.argv[2] === "--print") console.log(svg);
else writeFileSync("docs/architecture.svg", `${svg}\n`);

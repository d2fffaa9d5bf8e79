// The pages hold together: links and anchors lead somewhere, commands and options exist, what is JSON,
// TOML or YAML parses, and what is generated or drawn from a source is in step with it. Nothing is fetched.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";
import { binary } from "./worker.mjs";

const read = (path) => readFileSync(path, "utf8");
const all = (text, regex) => [...text.matchAll(regex)].map((match) => match.slice(1));

const PAGES = ["README.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md", "tests/README.md",
  ...globSync("docs/*.md").sort(), ...globSync("examples/*/README.md").sort()];

/** A page in parts: its fences, and its prose with an empty line in place of each. */
function parts(path) {
  const fences = [];
  const prose = read(path).replaceAll(/^( *)```(.*)\n([^]*?)^\1```$/gm, (_, indent, info, code) => {
    fences.push({ path, info, code: code.replaceAll(new RegExp(`^${indent}`, "gm"), "") });
    return "";
  });
  return { path, fences, prose };
}

const pages = PAGES.map(parts);
const fences = pages.flatMap(({ fences }) => fences);

/** The pieces of inline code of a page. */
const inline = ({ prose }) => all(prose, /(?<!`)`([^`\n]+)`(?!`)/g).flat();

// ---- Links --------------------------------------------------------------------------------------

/** The anchors that GitHub makes of a page's headings. */
function anchors(path) {
  const seen = new Map();
  return new Set(all(parts(path).prose, /^#{1,6} (.+)$/gm).map(([title]) => {
    const slug = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  }));
}

/** What is wrong with a link of a page, if anything is. */
function broken(page, target) {
  if (/^(https?|mailto):/.test(target)) return URL.canParse(target) ? undefined : "no URL";
  const [file, anchor] = target.split("#");
  const path = file === "" ? page : join(dirname(page), file);
  if (!existsSync(path)) return `no ${path}`;
  if (anchor !== undefined && !anchors(path).has(anchor)) return `no heading #${anchor} in ${path}`;
  return undefined;
}

test("every link leads to a file and a heading that exist", () => {
  let links = 0;
  for (const { path, prose } of pages) {
    const text = prose.replaceAll(/(?<!`)`[^`\n]+`(?!`)/g, (code) => code.replaceAll(/[()[\]]/g, "·"));
    for (const [target] of all(text, /\]\(([^)\s]+)\)/g)) {
      assert.equal(broken(path, target), undefined, `${path}: ${target}`);
      links += 1;
    }
  }
  console.log(`links: ${links} in ${pages.length} pages`);
  assert.ok(links > 150);
  assert.match(broken("README.md", "docs/none.md"), /no docs\/none.md/);
  assert.match(broken("README.md", "docs/deploy.md#none"), /no heading/);
});

test("README leads to every page", () => {
  const linked = new Set(all(pages[0].prose, /\]\(([^)#\s]+)/g).flat());
  assert.deepEqual(globSync("docs/*.md").filter((path) => !linked.has(path)), []);
});

test("files that are named exist", () => {
  // What the tool, a build or a user makes.
  const made = /^(docs\/…|build\/|target\/|fuzz\/(found|artifacts)|bench\/(RESULTS|results))/;
  for (const page of pages) {
    for (const text of inline(page)) {
      if (!/^(src|docs|tests|scripts|examples|bench|fuzz)\/[\w./-]*$/.test(text) || made.test(text)) continue;
      assert.ok(existsSync(text), `${page.path}: ${text}`);
    }
  }
});

// ---- Commands -----------------------------------------------------------------------------------

/** Splits a line of shell into commands, and those into words, as far as these pages need it. */
function commands(code) {
  const lines = code.replaceAll("\\\n", " ").split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const found = [];
  const split = (text) => {
    let words = [];
    let word;
    const end = () => {
      if (word !== undefined) words.push(word);
      word = undefined;
    };
    const finish = () => {
      end();
      if (words.length > 0) found.push(words);
      words = [];
    };
    for (let at = 0; at < text.length; at += 1) {
      const rest = text.slice(at);
      const quoted = rest.match(/^'([^']*)'/) ?? rest.match(/^"((?:[^"\\]|\\.)*)"/);
      const substituted = rest.match(/^\$\(((?:'[^']*'|[^()'])*)\)/);
      const [divided] = rest.match(/^(\||&&|;|[<>]+)/) ?? [];
      if (quoted) {
        for (const [inner] of all(quoted[0].startsWith('"') ? quoted[1] : "", /\$\(([^()]*)\)/g)) split(inner);
        word = (word ?? "") + quoted[1];
        at += quoted[0].length - 1;
      } else if (substituted) {
        split(substituted[1]);
        word = `${word ?? ""}$()`;
        at += substituted[0].length - 1;
      } else if (divided && /[<>]/.test(divided)) {
        end();
        at += text.slice(at).match(/^[<>]+\s*\S+/)[0].length - 1;
      } else if (divided) {
        finish();
        at += divided.length - 1;
      } else if (text[at] === " ") {
        end();
      } else {
        word = (word ?? "") + text[at];
      }
    }
    finish();
  };
  lines.forEach(split);
  // Variables that are set for one command.
  return found.map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter((words) => !/^[A-Z_]+=/.test(words[0]));
}

/** What a program says of itself, once for each. */
const said = new Map();
function help(command, words) {
  const key = [command, ...words].join(" ");
  if (!said.has(key)) {
    const run = spawnSync(command === "wrangler" ? command : binary, [...words, "--help"], { encoding: "utf8" });
    said.set(key, run.status === 0 ? run.stdout : undefined);
  }
  return said.get(key);
}

/** Whether a command of a program with subcommands exists, with all of its options. */
function check(program, words) {
  const plain = words.slice(0, [...words, "-"].findIndex((word) => /^(-|\$|<|…|[A-Z]{2,}$)/.test(word)));
  const options = words.filter((word) => /^--\w/.test(word)).map((word) => word.split("=")[0]);
  // What follows the subcommand is an argument of it.
  for (let length = plain.length; length >= 0; length -= 1) {
    const text = help(program, plain.slice(0, length));
    const isCommand = text !== undefined && (length === 0 || new RegExp(`${plain[length - 1]}\\b`).test(text));
    if (!isCommand) continue;
    assert.ok(length > 0, `no such command: ${program} ${words.join(" ")}`);
    // Of a group, a subcommand must be named.
    if (length < plain.length) assert.doesNotMatch(text, /^(Commands:|COMMANDS)$/m, `no such command: ${program} ${words.join(" ")}`);
    for (const option of options) {
      const known = option.replace(/^--no-/, "--(no-)?");
      assert.match(text, new RegExp(`${known}\\b(?!-)`), `${program} ${words.join(" ")}`);
    }
    return;
  }
  assert.fail(`no such command: ${program} ${words.join(" ")}`);
}

const targets = new Set(all(read("Makefile"), /^([a-z0-9-]+):/gm).flat());
const scripts = JSON.parse(read("package.json")).scripts ?? {};
/** What is on every machine, or comes with what the pages ask for. */
const PROGRAMS = new Set(["curl", "jq", "sort", "uniq", "openssl", "tr", "cat", "cd", "git", "go", "java", "javac", "python", "python3", "mvn",
  "docker", "rm", "export", "echo", "pip", "rustup", "apt-get"]);

function checkCommand(words) {
  const [program, ...rest] = words;
  if (program === "npx" || program === "wrangler") {
    const [tool, ...own] = program === "npx" ? rest : words;
    assert.equal(tool, "wrangler");
    return check("wrangler", own);
  }
  if (program === "cargo" && rest[0] === "run") {
    const own = rest.slice(rest.indexOf("--") + 1);
    if (rest.includes("--example")) return undefined;
    return check("edge-token", own);
  }
  if (program === "cargo") return assert.match(rest[0], /^(test|fmt|clippy|deny|bench|install|add|fuzz)$/);
  if (program === "make") {
    for (const target of rest.filter((word) => !word.includes("="))) assert.ok(targets.has(target), `make ${target}`);
    return undefined;
  }
  if (program === "npm") return assert.ok(/^(ci|install)$/.test(rest[0]) || scripts[rest[1]], words.join(" "));
  if (program === "node") {
    const file = rest.find((word) => word.endsWith("mjs"));
    return assert.ok(file ? existsSync(file) : /^-[pe]$/.test(rest[0]), words.join(" "));
  }
  return assert.ok(PROGRAMS.has(program), `an unknown program: ${words.join(" ")}`);
}

test("every command of a fence exists, with its options", () => {
  let count = 0;
  for (const { path, info, code } of fences) {
    if (!/^sh\b/.test(info)) continue;
    for (const words of commands(code)) {
      try {
        checkCommand(words);
      } catch (error) {
        assert.fail(`${path}: ${words.join(" ")}: ${error.message}`);
      }
      count += 1;
    }
  }
  for (const { path, code } of fences.filter(({ info }) => info === "yaml")) {
    for (const [line] of all(code, /- run: (.*)/g)) {
      for (const words of commands(line)) checkCommand(words, path);
    }
  }
  console.log(`commands: ${count}, ${said.size} of them asked for help`);
  assert.ok(count > 80);
  for (const wrong of ["make none", "npx wrangler none", "npx wrangler deploy --none", "cargo run -- client none",
    "cargo run -- client list --none", "cargo run -- none", "node scripts/none.mjs", "none"]) {
    assert.throws(() => commands(wrong).forEach(checkCommand), undefined, wrong);
  }
});

test("every command and option that prose names exists", () => {
  /** Of cargo, Node, workerd and V8. */
  const others = new Set(["--no-default-features", "--cpu-prof", "--perf-basic-prof", "--none", "--cfg", "--test-concurrency"]);
  const texts = () => [...said.values()].join("\n");
  // Some reasons of the log begin like commands.
  const reasons = globSync("src/**/*.rs", { exclude: ["src/bin/**"] }).map(read).join("\n");
  for (const page of pages.filter(({ path }) => path !== "CHANGELOG.md" && path !== "docs/http.md")) {
    for (const text of inline(page)) {
      const [program] = text.split(" ");
      const isOurs = /^(client|key|revoke) [a-z-]+( |$)/.test(text) && !/[|/:…]/.test(text) && !reasons.includes(text);
      try {
        if (isOurs) check("edge-token", text.split(" ").filter((word) => !/^…$/.test(word)));
        else if (/^(make|npx|cargo run|wrangler) /.test(text) && !/[…<]| is not /.test(text)) commands(text).forEach(checkCommand);
        else if (/^--[a-z]/.test(text) && !others.has(program)) {
          const [option] = text.split(/[ =]/);
          for (const words of [["client", "create"], ["client", "rotate-secret"], ["key", "rotate"], ["check"], ["console"], ["client", "import"]]) {
            help("edge-token", words);
          }
          assert.ok(new RegExp(`${option}\\b`).test(texts()), "no such option");
        }
      } catch (error) {
        assert.fail(`${page.path}: ${text}: ${error.message}`);
      }
    }
  }
});

// ---- What parses --------------------------------------------------------------------------------

test("JSON, TOML and YAML parse, and every fence has a language that is known", () => {
  const parsers = {
    json: (code) => {
      try {
        JSON.parse(code);
      } catch {
        code.trim().split("\n").forEach((line) => JSON.parse(line));
      }
    },
    toml: parseToml,
    yaml: parseYaml,
  };
  const counts = {};
  for (const { path, info, code } of fences) {
    const [language] = info.split(" ");
    counts[language] = (counts[language] ?? 0) + 1;
    if (!parsers[language]) {
      assert.match(language, /^(sh|sql|js|rust|)$/, `${path}: ${info}`);
      continue;
    }
    try {
      parsers[language](code);
    } catch (error) {
      assert.fail(`${path}: ${error.message}\n${code}`);
    }
  }
  console.log("fences:", JSON.stringify(counts));
  assert.ok(counts.json > 4 && counts.toml > 8 && counts.yaml > 0);
});

// ---- What is generated or told from a source ----------------------------------------------------

test("what is generated is in step with its source", () => {
  for (const [script, page] of [["scripts/http-reference.mjs", "docs/http.md"], ["scripts/architecture.mjs", "docs/architecture.svg"]]) {
    const { status, stdout, stderr } = spawnSync("node", [script, "--print"], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.ok(stdout === read(page), `${page} is not what its source says now: node ${script}`);
  }
});

test("docs/troubleshooting.md has every error, status, description and reason of the sources, and no other", () => {
  const page = read("docs/troubleshooting.md");
  const errors = read("src/error.rs");
  const literal = String.raw`"((?:[^"\\]|\\.|\\\n)*)"`;
  /** A text as both have it: no placeholder's name, no backtick. */
  const plain = (text) => text.replaceAll(/\\\n\s*/g, "").replaceAll(/\\(["\\])/g, "$1").replaceAll(/\{[^}]*\}/g, "…").replaceAll("`", "");
  const spans = new Set([...all(page, /``\s?(.+?)\s?``(?!`)/g), ...all(page.replaceAll(/\n/g, " "), /(?<!`)`([^`]+)`(?!`)/g)]
    .flat().map(plain));

  // Words and statuses, of the dialects too.
  const codes = read("src/error_code.rs");
  const wire = all(codes, /Self::(\w+) => \("(\w+)", (\d+)\),/g);
  const words = Object.fromEntries(wire.map(([code, word]) => [code, word]));
  const statuses = Object.fromEntries(wire.map(([code, , status]) => [code, status]));
  const own = all(read("src/dialect.rs"), /\(ErrorCode::(\w+), (\d+)\)/g);
  const sections = Object.fromEntries(page.split(/^## /m).slice(1).map((text) => [text.match(/^`(\w+)`/)?.[1], text]));
  assert.ok(Object.keys(words).length > 20 && own.length > 0);
  for (const [code, status] of [...Object.entries(statuses), ...own]) {
    assert.match(sections[words[code]] ?? "", new RegExp(`\\b${status}\\b`), `${words[code]} with ${status}`);
  }
  const headings = all(page, /^## `(\w+)`$/gm).flat();
  assert.deepEqual(headings.toSorted(), [...new Set(Object.values(words))].toSorted());

  // Descriptions.
  const sources = globSync("src/**/*.rs", { exclude: ["src/bin/**"] }).map((path) => read(path).split("#[cfg(test)]")[0]).join("\n");
  const described = all(errors, /fn (?:told|description|proof_description|member_description)\(([^]*?)\n(?:    )?\}\n/g).flatMap(([text]) => all(text, new RegExp(literal, "g")));
  const invalid = all(sources, new RegExp(`Rejection::InvalidRequest\\(\\s*${literal}`, "g"));
  const descriptions = [...described, ...invalid].flat().map(plain);
  assert.ok(described.length > 35 && invalid.length > 20);
  assert.deepEqual(descriptions.filter((text) => !spans.has(text) && !page.replaceAll("`", "").includes(text)), []);

  // Reasons, but for those that only pass on another.
  const reasons = [
    ...all(sources, new RegExp(`#\\[error\\(\\s*${literal}`, "g")),
    ...all(sources, new RegExp(`(?:InvalidAccessToken|VoidByRecord)\\(\\s*${literal}`, "g")),
    ...all(sources, new RegExp(`is_void\\(${literal}`, "g")),
  ].flat().map(plain).filter((text) => text !== "…");
  assert.ok(reasons.length > 120);
  assert.deepEqual([...new Set(reasons)].filter((text) => !spans.has(text)), []);

  // What stands in the first column is of the sources, or of the tool.
  const known = new Set([...descriptions, ...reasons]);
  const tool = globSync("src/bin/**/*.rs").map(read).join("\n").replaceAll(/\\\n\s*/g, "").replaceAll("`", "");
  const rows = page.split("\n").filter((line) => /^\| `/.test(line)).map((line) => line.split(" | ")[0]);
  const double = /``\s?(.+?)\s?``(?!`)/g;
  for (const row of rows) {
    for (const text of [...all(row, double), ...all(row.replaceAll(double, ""), /`([^`]+)`/g)].flat().map(plain)) {
      const isTools = text.split("…").map((part) => part.trim()).every((part) => tool.includes(part));
      assert.ok(known.has(text) || isTools || /^(subject|actor)_token$/.test(text), `nothing says: ${text}`);
    }
  }
});

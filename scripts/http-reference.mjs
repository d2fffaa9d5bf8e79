// Writes docs/http.md, the HTTP reference, from docs/openapi.yaml: node scripts/http-reference.mjs
// With --print it goes to standard output. Read by npm's `yaml`, which knows the anchors and merges of that file.

import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";

const api = parse(readFileSync("docs/openapi.yaml", "utf8"), { maxAliasCount: -1, merge: true });

const METHODS = ["get", "post", "head", "options"];
/** What has a heading: the tags of paths' operations, of which the first counts, and operations without any. */
const SECTIONS = [...api.tags.map(({ name }) => name).filter((name) => name !== "documents"), undefined];

const at = ($ref) => $ref.slice(2).split("/").reduce((value, name) => value[name], api);
const nameOf = ({ $ref }) => $ref?.split("/").at(-1);
const resolved = (value) => (value?.$ref ? at(value.$ref) : value);
const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ").trim();
const code = (text) => `\`${cell(text)}\``;
const row = (...cells) => `| ${cells.join(" | ")} |`;
const link = (name) => `[${name}](#${name.toLowerCase()})`;
const sentence = (text) => (text ? text.trim().replace(/([^.:`])$/, "$1.") : "");

/** What a value is, in a few words; schemas that have a name lead to it. */
function type(schema) {
  if (schema.$ref) {
    const { type: simple, const: only } = resolved(schema);
    return simple === "string" || only !== undefined ? type(resolved(schema)) : link(nameOf(schema));
  }
  if (schema.const !== undefined) return code(typeof schema.const === "string" ? schema.const : JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(value)).join(", ");
  if (schema.anyOf ?? schema.oneOf) return (schema.anyOf ?? schema.oneOf).map(type).join(" or ");
  const types = [schema.type ?? "object"].flat();
  return types.map((name) => (name === "array" ? `array of ${schema.items ? type(schema.items) : "any"}` : name)).join(" or ");
}

/** The members of a schema, those of `allOf` first. */
const members = (schema) => [
  ...(schema.allOf ?? []).flatMap((one) => members(resolved(one))),
  ...Object.entries(schema.properties ?? {}).map(([name, value]) => ({
    name, value, isRequired: schema.required?.includes(name) ?? false,
  })),
];

const limits = ({ pattern, minimum, maximum, minLength, maxLength, maxItems, format }) => [
  pattern && `matches ${code(pattern)}`, format,
  minimum !== undefined && `at least ${minimum}`, maximum !== undefined && `at most ${maximum}`,
  maxLength && `${minLength ?? 0} to ${maxLength} characters`, maxItems && `at most ${maxItems}`,
].filter(Boolean).join(", ");

function memberTable(schema) {
  const all = members(schema);
  if (all.length === 0) return [];
  return [row("member", "type", "required", "what"), "|---|---|---|---|", ...all.map(({ name, value, isRequired }) => {
    const { description = "" } = { ...resolved(value), ...value };
    return row(code(name), type(value), isRequired ? "yes" : "", [cell(description), limits(resolved(value))].filter(Boolean).join("; "));
  }), ""];
}

function schemaSection([name, schema]) {
  const alternatives = (schema.anyOf ?? schema.oneOf ?? []).filter(({ $ref }) => $ref).map((one) => link(nameOf(one)));
  const words = (schema.oneOf ?? []).filter((one) => one.const !== undefined);
  return [
    `### ${name}`, "", ...(schema.description ? [sentence(schema.description), ""] : []),
    ...(schema.type === "string" || schema.type === "array" ? [`${type(schema)} ${limits(schema)}`.trim(), ""] : []),
    ...(alternatives.length > 0 ? [`One of ${alternatives.join(", ")}${members(schema).length > 0 ? ", with" : "."}`, ""] : []),
    ...(words.length > 0 ? [row("word", "status"), "|---|---|", ...words.map((one) => row(code(one.const), cell(one.description))), ""] : []),
    ...memberTable(schema),
  ];
}

/** Who may ask, by the security schemes of an operation. */
function callers(security = [{}]) {
  const names = security.flatMap((one) => Object.keys(one));
  if (names.length === 0) return [];
  const texts = names.map((name) => sentence(at(`#/components/securitySchemes/${name}`).description).replace(/\.$/, ""));
  return ["Authentication:", "", ...texts.map((text) => `- ${text}`),
    ...(security.some((one) => Object.keys(one).length === 0) ? ["- in the form, by another method that the client is registered with"] : []), ""];
}

function parameterLines(parameters) {
  return parameters.map(resolved).filter((one) => one.name !== "realm").map((one) =>
    (one.in === "query" && one.schema.$ref
      ? `Query: ${link(nameOf(one.schema))}.`
      : `${one.in === "header" ? "Header" : "Query"} ${code(one.name)}: ${sentence(one.description)}`));
}

function bodyLines(body) {
  return Object.entries(resolved(body)?.content ?? {}).map(([media, { schema }]) => {
    const what = schema.$ref ? link(nameOf(schema)) : members(schema).map(({ name }) => code(name)).join(", ");
    return `Body: ${code(media)}, ${what}.`;
  });
}

const headersOf = ({ headers = {} }) => Object.keys(headers).map(code).join(", ");
const bodiesOf = ({ content = {} }) => Object.entries(content).map(([media, { schema }]) =>
  (schema.$ref ? link(nameOf(schema)) : media.startsWith("text/html") ? "a page" : type(schema))).join(" or ");

function operationSection(method, operation, paths) {
  const responses = Object.entries(operation.responses);
  const good = responses.filter(([status]) => Number(status) < 400);
  const bad = responses.filter(([status]) => Number(status) >= 400);
  return [
    `#### ${method.toUpperCase()} ${paths[0]}`, "",
    ...(paths.length > 1 ? [`Also at ${paths.slice(1).map(code).join(", ")}.`, ""] : []),
    [sentence(operation.summary), sentence(operation.description)].filter(Boolean).join(" "), "",
    ...callers(operation.security),
    ...[...parameterLines(operation.parameters ?? []), ...bodyLines(operation.requestBody)].flatMap((line) => [line, ""]),
    row("status", "answer", "body", "header fields"), "|---|---|---|---|",
    ...good.map(([status, answer]) => row(status, cell(resolved(answer).description), bodiesOf(resolved(answer)), headersOf(resolved(answer)))),
    "", `[Refusals](#refusals): ${bad.map(([status, answer]) => `${status} ${nameOf(answer)}`).join(", ")}.`, "",
  ];
}

/** The paths of each section, those with the same operations together. */
function sections() {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    const { parameters, ...operations } = resolved(item);
    const key = JSON.stringify(operations, (name, value) => (name === "operationId" ? undefined : value));
    const group = groups.get(key) ?? { operations, paths: [] };
    groups.set(key, group);
    group.paths.push(path);
  }
  return SECTIONS.map((tag) => ({
    tag,
    groups: [...groups.values()].filter(({ operations: { get, post } }) => (post ?? get).tags?.[0] === tag),
  }));
}

function pathSection({ tag, groups }) {
  const about = api.tags.find(({ name }) => name === tag)?.description;
  return [
    `### ${tag ?? "Of all realms"}`, "", ...(about ? [sentence(about), ""] : []),
    ...groups.flatMap(({ operations, paths }) => [
      ...["get", "post"].filter((method) => operations[method])
        .flatMap((method) => operationSection(method, operations[method], paths)),
      ...["head", "options"].filter((method) => operations[method]).flatMap((method) =>
        [`${code(method.toUpperCase())}: ${sentence(operations[method].summary)}`, ""]),
    ]),
  ];
}

function refusals() {
  const statuses = {};
  for (const item of Object.values(api.paths)) {
    for (const method of METHODS) {
      for (const [status, answer] of Object.entries(resolved(item)[method]?.responses ?? {})) {
        if (Number(status) >= 400 && answer.$ref) (statuses[nameOf(answer)] ??= new Set()).add(status);
      }
    }
  }
  return Object.entries(api.components.responses).filter(([name]) => statuses[name]).map(([name, answer]) =>
    row(code(name), [...statuses[name]].join(", "), cell(answer.description), bodiesOf(answer), headersOf(answer)));
}

const text = [
  "# HTTP reference", "",
  "Generated from [openapi.yaml](openapi.yaml) by `node scripts/http-reference.mjs`: change that file, not this one.", "",
  api.info.description.trim(), "",
  "What each error means and what to do: [troubleshooting.md](troubleshooting.md).", "",
  "## Paths", "", ...sections().flatMap(pathSection),
  "## Refusals", "", row("name", "status", "what", "body", "header fields"), "|---|---|---|---|---|", ...refusals(), "",
  "## Schemas", "", ...Object.entries(api.components.schemas).flatMap(schemaSection),
].join("\n").replaceAll(/\n{3,}/g, "\n\n").trimEnd();

if (process.argv[2] === "--print") console.log(text);
else writeFileSync("docs/http.md", `${text}\n`);

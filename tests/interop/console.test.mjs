// The tool's console in Chromium, as an operator uses it on an evening shift, by the keyboard alone; its
// pages for those who cannot see them, in light and dark and in narrow windows; and what tries to get in.
//
// CONSOLE_PICTURES=docs/console writes a picture of each page into that folder, and with
// CONSOLE_PICTURES_ALL=1 of all that is looked at, narrow ones too.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { add, isPrintedWithout } from "../e2e/sent.mjs";
import { launch, skip } from "./chromium.mjs";
import { startProject } from "./console.mjs";

// A name of somebody else's that leads to this machine.
const REBINDING = "rebinding.example";
const LONG_ID = "a-very-long-client-id-without-any-place-to-break-".repeat(5).slice(0, 250);

const WIDE = { width: 1040, height: 700 };

const pictures = process.env.CONSOLE_PICTURES;

let project;
let console_;
let browser;
let context;
/** The page of the only session of `console_`. */
let page;
/** The addresses of all requests that it made. */
const requested = [];

before(async () => {
  if (skip) return;
  browser = await launch(`--host-resolver-rules=MAP ${REBINDING} 127.0.0.1`);
  project = await startProject();
  project.put(...partners());
  console_ = await project.open();
  context = await browser.newContext({ viewport: WIDE });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => requested.push(request.url()));
  page.on("pageerror", (error) => { throw error; });
  await page.goto(console_.link);
  await heading("Realms");
});
after(async () => {
  await browser?.close();
  await project?.stop();
});

/** Waits for a page. */
async function heading(name) {
  await page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();
  assert.equal(await page.title(), `${name} – edge-token console`);
}

/** Goes to a page by its address under the session's. */
async function go(hash, name) {
  await page.evaluate((hash) => { location.hash = hash; }, `#/${hash}`);
  await heading(name);
}

/** Waits until nothing is asked any more. */
async function rest(milliseconds = 100) {
  await page.locator("#status:not(.busy)").waitFor({ state: "attached" });
  await page.waitForTimeout(milliseconds);
  await page.locator("#status:not(.busy)").waitFor({ state: "attached" });
}

// ---- By the keyboard ----------------------------------------------------------------------------

/** Moves the focus to an element by Tab, as often as it takes. */
async function reach(element) {
  await element.waitFor();
  for (let pressed = 0; pressed < 80; pressed += 1) {
    if (await element.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`not reached by Tab: ${element}`);
}

/** The same, within the part of a page. */
const reached = async (role, name, within = page) => reach(within.getByRole(role, { name, exact: true }).first());

async function press(role, name, key = "Enter", within = page) {
  await reached(role, name, within);
  await page.keyboard.press(key);
}

async function type(label, text) {
  await reach(page.getByLabel(label, { exact: true }));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

/** Asks for a token in *try it* and returns the status of the answer. */
async function tried(id, secret) {
  await press("link", "Try it");
  await heading("Try it");
  await type("Client id", id);
  await type("Secret", secret);
  await press("button", "Ask for a token");
  const answer = page.getByRole("heading", { name: /^The answer is \d+$/ });
  await answer.waitFor();
  return Number((await answer.innerText()).match(/\d+/)[0]);
}

/** Opens the page of a client from anywhere. */
async function openClient(id) {
  await press("link", "Clients");
  await heading("Clients");
  await press("link", id);
  await heading(id);
}

/** The secret that is shown once, which must stand nowhere but there. */
async function shownSecret() {
  const secret = await page.getByRole("region", { name: "New secret" }).locator("code").innerText();
  assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
  add(secret);
  return secret;
}

test("an evening shift, by the keyboard alone", { skip }, async () => {
  const id = "billing";
  await press("link", "Clients");
  await heading("Clients");
  await press("link", "New client");
  await heading("New client");
  await type("Name", "Billing");
  await type("Client id", id);
  await type("Scope", "read write");
  await press("button", "Create the client");
  await heading(id);
  const first = await shownSecret();
  await picture("secret");

  // With the secret that was just shown, which nobody has to type.
  await press("link", "Try it with this secret");
  await heading("Try it");
  assert.equal(await page.getByLabel("Secret", { exact: true }).inputValue(), first);
  await press("button", "Ask for a token");
  await page.getByRole("heading", { name: "The answer is 200" }).waitFor();
  const raw = await page.locator("pre").first().innerText();
  assert.match(raw, /^POST \/realms\/default\/token HTTP\/1\.1$/m);
  assert.match(raw, /^authorization: Basic \*+$/m);
  isPrintedWithout(raw);
  const rows = page.getByRole("table", { name: "Verification" }).getByRole("row");
  for (const what of ["Signature", "Issuer", "Not expired"]) {
    assert.match(await rows.filter({ hasText: what }).innerText(), /\byes\b/, what);
  }
  const members = page.getByRole("table", { name: "The token, member by member" });
  for (const [member, value, words] of [
    ["client_id", id, "The client to which it was issued"],
    ["typ", "at+jwt", "What kind of token it is"],
    ["scope", "read write", "What it allows"],
    ["iss", `${project.url}/realms/default`, "Who issued it"],
  ]) {
    const row = members.getByRole("row").filter({ has: page.getByRole("rowheader", { name: member, exact: true }) });
    const text = await row.innerText();
    assert.ok(text.includes(value) && text.includes(words), `${member}: ${text}`);
  }
  await page.getByRole("heading", { name: "The answer is 200" }).evaluate((heading) => heading.scrollIntoView());
  await picture("try");

  await openClient(id);
  await press("button", "Rotate the secret");
  await page.getByRole("heading", { name: /^The new secret, / }).waitFor();
  const second = await shownSecret();
  assert.notEqual(second, first);
  const secrets = page.getByRole("table", { name: "Secrets" }).getByRole("row");
  assert.equal(await secrets.count(), 3);
  assert.match(await secrets.nth(1).innerText(), /valid[^]*in 2[34] h/);
  assert.match(await secrets.nth(2).innerText(), /valid[^]*not by itself/);
  const oldId = await secrets.nth(1).getByRole("rowheader").innerText();
  assert.deepEqual([await tried(id, first), await tried(id, second)], [200, 200]);

  await openClient(id);
  await press("button", `Revoke the secret ${oldId}`);
  await page.getByRole("dialog", { name: `Revoke the secret ${oldId}?` }).waitFor();
  await press("button", "Revoke it");
  await page.getByText(`The secret ${oldId} is revoked.`, { exact: false }).first().waitFor();
  assert.equal(await secrets.count(), 2);
  assert.deepEqual([await tried(id, first), await tried(id, second)], [401, 200]);

  // One with an end of its own: it is good until then.
  await openClient(id);
  await reach(page.getByRole("radio", { name: "24 hours" }));
  await page.keyboard.press("ArrowUp");
  await type("Span of the overlap", "60s");
  await press("button", "Rotate the secret");
  await page.getByRole("heading", { name: /^The new secret, / }).waitFor();
  const ends = Date.now() + 60_000;
  const third = await shownSecret();
  assert.deepEqual([await tried(id, second), await tried(id, third)], [200, 200]);
  await page.waitForTimeout(Math.max(0, ends - Date.now()) + 1_000);
  assert.deepEqual([await tried(id, second), await tried(id, third)], [401, 200]);

  await openClient(id);
  await press("button", "Disable");
  await page.getByText("The client is refused everything.", { exact: false }).first().waitFor();
  assert.equal(await tried(id, third), 401);
  assert.match(await page.locator("pre").nth(1).innerText(), /"error": "invalid_client"/);

  await openClient(id);
  await press("button", "Delete …");
  const dialog = page.getByRole("dialog", { name: "Delete this client?" });
  await dialog.waitFor();
  await picture("delete");
  assert.ok(await dialog.getByRole("button", { name: "Delete it" }).isDisabled());
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(Object.keys(project.stored("client/default/")), [`client/default/${id}`]);
  await press("button", "Delete …");
  await type("Type billing to confirm", id);
  await press("button", "Delete it");
  await page.getByText(`The client ${id} is deleted.`).waitFor();
  assert.deepEqual(project.stored("client/default/"), {});

  await press("link", "Audit");
  await heading("Audit");
  await rest();
  const actions = await page.getByRole("table", { name: "Audit" }).getByRole("row").locator("[data-column=What]").allInnerTexts();
  assert.deepEqual(actions, ["delete", "disable", "rotate-secret", "revoke-secret", "rotate-secret", "create"]);
  await picture("audit");
  const lines = Object.values(project.stored("audit/default/"));
  assert.deepEqual(new Set(lines.map(({ by }) => by)), new Set(["alice"]));
});

test("what the tool refuses is told in its words", { skip }, async () => {
  await go("create/default", "New client");
  const submit = async (name, values) => {
    for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    return alert.innerText();
  };
  for (const [values, words] of [
    [{ "Client id": "ä" }, /invalid value 'ä' for '--client-id <ID>': 1 to 255 printable ASCII characters/],
    [{ "Client id": "--print", Scope: "a  b" }, /invalid value 'a {2}b' for '--scope <SCOPE>'/],
    [{ Scope: "a", "Default scope": "b" }, /`default_scope` exceeds `scope`/],
  ]) assert.match(await submit("Create the client", values), words);
  await go("client/default/nobody", "It cannot be shown");
  await page.getByText("no client `nobody` in realm `default`").waitFor();
  await go("try/empty", "Try it");
  await page.getByLabel("Client id").fill("nobody");
  await page.getByLabel("Secret", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Ask for a token" }).click();
  await page.getByRole("heading", { name: "The answer is 401" }).waitFor();
  await picture("refused");
  assert.deepEqual(project.stored("client/default/"), {});
});

// ---- Its pages ----------------------------------------------------------------------------------

const record = (id, members = {}) => ({
  key: `client/partner/${id}`,
  value: JSON.stringify({
    version: 1, client_id: id, client_name: `Service ${id}`, grant_types: ["client_credentials"], scope: "read write",
    token_endpoint_auth_method: "client_secret_basic", secrets: [{ id: "0a1b2c3d", hash: `sha256$${"A".repeat(22)}$${"A".repeat(43)}` }],
    disabled: false, trusted: false, updated_at: 1_795_383_939, updated_by: "alice", ...members,
  }),
});

/** The clients of the realm `partner`, which no test changes but for `service-002`. */
function partners() {
  const soon = Math.floor(Date.now() / 1000) + 7200;
  const [secret] = JSON.parse(record("x").value).secrets;
  return [
    ...Array.from({ length: 200 }, (_, index) => record(`service-${String(index).padStart(3, "0")}`)),
    record("service-001", { secrets: [{ ...secret, expires_at: soon }, { ...secret, id: "1a2b3c4d" }] }),
    record(LONG_ID, { client_name: "Łódź <b>&amp; Søn</b> " + "Überlang ".repeat(8), disabled: true }),
    { key: "client/partner/zz-broken", value: '{"version":9}' },
  ];
}

test("two hundred clients, and one whose record is broken: what is shown is read, what is sought is found", { skip }, async () => {
  await go("clients/partner", "Clients");
  await rest();
  await page.getByText("202 clients, 1 to 50 shown").waitFor();
  const rows = page.getByRole("table").getByRole("row");
  assert.equal(await rows.count(), 51);
  assert.match(await rows.filter({ hasText: "service-001" }).innerText(), /2, one ends in (1\d\d min|2 h)/);
  const [before] = [requested.length];
  await page.getByLabel("Find").fill("SERVICE-19");
  await page.getByText("10 of 202 clients").waitFor();
  await rest(1000);
  assert.equal(requested.length - before, 1);
  await page.getByLabel("Find").fill("service service-17");
  await page.getByText("0 of 202 clients").waitFor();
  await page.getByRole("button", { name: /^Search the names of \d+ more$/ }).click();
  await page.getByText("10 of 202 clients").waitFor();
  await page.getByLabel("Find").fill("zz-");
  await page.getByText("record version 9 is not 1").waitFor();
  await page.getByLabel("Find").fill("");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("51 to 100 shown").waitFor();
});

test("the service is checked, and a key rotates", { skip }, async () => {
  await go("check/default", "Check");
  await page.getByRole("button", { name: "Check the service" }).click();
  await page.getByText(/^nothing failed \d+ passed, 0 warned, 0 failed, \d+ skipped$/).waitFor();
  const checks = page.getByRole("table", { name: "Checks" }).getByRole("row");
  const [all] = [await checks.count()];
  assert.ok(all > 60, String(all));
  await page.getByLabel("Show what passed too").uncheck();
  assert.ok(await checks.count() < all);
  await page.getByLabel("Show what passed too").check();
  await picture("check");

  await go("keys", "Keys");
  await rest();
  assert.match(await page.getByRole("img", { name: /^Key / }).getAttribute("aria-label"), /^Key [\w-]{12}, signing: signs until .*, verifies until /);
  await page.getByLabel("Published before it signs").fill("1s");
  await page.getByRole("button", { name: "Rotate the key" }).click();
  assert.match(await page.getByRole("alert").innerText(), /nothing was changed, since this is not safe/);
  await page.getByLabel("Published before it signs").fill("1h");
  await page.getByRole("button", { name: "Rotate the key" }).click();
  await page.getByText(/^The new key [\w-]{43} is in SIGNING_KEYS_NEXT/).waitFor();
  const rows = await page.getByRole("table", { name: "Keys" }).locator("tbody tr").allInnerTexts();
  assert.deepEqual(rows.map((row) => /\b(signing|next)\b/.exec(row)[0]), ["signing", "next"]);
  assert.equal(JSON.parse(project.run("key", "list").stdout).timetable.length, 2);
});

const PAGES = {
  "realms": "Realms",
  "clients/partner": "Clients",
  "clients/empty": "Clients",
  "create/default": "New client",
  "client/partner/service-001": "service-001",
  [`client/partner/${LONG_ID}`]: LONG_ID,
  "keys": "Keys",
  "try/default": "Try it",
  "check/default": "Check",
  "audit/default": "Audit",
  "audit/-": "Audit",
  "client/partner/nobody": "It cannot be shown",
};

/** In the page: what is wider than it has room for, but for what is scrolled on purpose. */
function tooWide() {
  const main = document.getElementById("main");
  const right = main.getBoundingClientRect().right - parseFloat(getComputedStyle(main).paddingRight);
  const panel = (element) => element.closest(".panel, .cards > li, dialog")?.getBoundingClientRect().right ?? right;
  const wide = [...document.querySelectorAll("main *, dialog *")].filter((element) => !element.closest(".scroll *")
    && element.getBoundingClientRect().right > panel(element) + 1);
  return [document.documentElement, ...wide].filter((element) => wide.includes(element) || element.scrollWidth > innerWidth)
    .map((element) => element.outerHTML.slice(0, 200));
}

/** Those that are pictured as they are when one comes to them. */
const PICTURED = {
  light: { "realms": "realms", "clients/partner": "clients", "create/default": "create", "client/partner/service-001": "client", "keys": "keys" },
  dark: { "keys": "keys-dark" },
};

/** What is wrong with the page for people who use it with other means. */
async function violations() {
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.ok(passes.length > 10, "axe has looked at nothing");
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing wrong with any page, ${colorScheme}, wide or narrow, and none is wider than its window`, { skip }, async (t) => {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe.source);
    let looked = 0;
    const look = async (name) => {
      for (const width of [WIDE.width, 360]) {
        await page.setViewportSize({ ...WIDE, width });
        assert.deepEqual(await violations(), [], `${name}, ${width}`);
        assert.deepEqual(await page.evaluate(tooWide), [], `${name}, ${width}`);
        looked += 1;
        if (width === 360) await picture(`${name.split("/")[0]}-narrow-${colorScheme}`, true);
      }
      await page.setViewportSize(WIDE);
    };
    for (const [hash, name] of Object.entries(PAGES)) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/${hash}`);
      await heading(name);
      await rest();
      await look(hash);
      if (PICTURED[colorScheme][hash]) await picture(PICTURED[colorScheme][hash]);
    }
    // What follows an act: a dialog, a token, the battery.
    await go("client/partner/service-002", "service-002");
    await page.getByRole("button", { name: "Delete …" }).click();
    await look("dialog");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Rotate the secret" }).click();
    await page.getByRole("heading", { name: /^The new secret, / }).waitFor();
    await look("secret");
    await page.getByRole("link", { name: "Try it with this secret" }).click();
    await page.getByRole("button", { name: "Ask for a token" }).click();
    await page.getByRole("heading", { name: "The answer is 200" }).waitFor();
    await look("token");
    await go("check/partner", "Check");
    await page.getByRole("button", { name: "Check the service" }).click();
    await page.getByRole("table", { name: "Checks" }).waitFor();
    await look("checked");
    t.diagnostic(`${looked} looks`);
    await page.emulateMedia({ colorScheme: null });
  });
}

/** The pictures that the documents have, one a page. */
const DOCUMENTED = new Set(["realms", "clients", "create", "client", "keys", "keys-dark", "try", "check", "audit"]);

/** A picture of the page, if it is wanted. */
async function picture(name, fullPage = false) {
  if (!pictures || !(DOCUMENTED.has(name) || process.env.CONSOLE_PICTURES_ALL)) return;
  mkdirSync(pictures, { recursive: true });
  // What was done is told for some seconds.
  await page.locator("#status:empty").waitFor({ state: "attached" });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
}

test("realms that cannot be served are told, with the reason", { skip }, async () => {
  const other = await project.open("--env", "odd");
  const own = await browser.newContext();
  const tab = await own.newPage();
  try {
    await tab.goto(other.link);
    await tab.getByText("realm `broken`: member `issuer` must be").waitFor();
    assert.match(other.said(), /The console acts on the demo of this machine, environment `odd`\./);
    assert.deepEqual(await tab.getByRole("heading", { level: 2 }).allInnerTexts(), ["good rfc9068", "broken not served"]);
    await tab.getByRole("link", { name: "Clients: good" }).click();
    await tab.getByText("The realm good has no clients yet.").waitFor();
  } finally {
    await own.close();
    await other.stop();
  }
});

// ---- What tries to get in -----------------------------------------------------------------------

/** Sends a request as it stands, and returns status, headers and body. */
function send(port, { method = "GET", path, headers = {}, body = "" }) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, headers, setHost: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => { text += chunk; })
        .on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** The session of the browser, as headers of a request that its page would send. */
async function session() {
  const [cookie, ...others] = await context.cookies(page.url());
  assert.deepEqual([cookie.name, others.length], ["edge-token-console", 0]);
  const { origin, pathname, port, host } = new URL(page.url());
  return {
    port,
    path: pathname,
    cookie,
    headers: {
      host, origin, cookie: `${cookie.name}=${cookie.value}`, "sec-fetch-site": "same-origin",
      "content-type": "application/json", "x-edge-token-console": "1",
    },
  };
}

test("the link opens once; the cookie is the session's alone, and no script can read it", { skip }, async () => {
  const { cookie, path } = await session();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path, cookie.expires], [true, "Strict", path, -1]);
  assert.match(path, /^\/[\w-]{43}\/$/);
  assert.equal(new URL(page.url()).search, "");
  const other = await browser.newContext();
  const again = await (await other.newPage()).goto(console_.link);
  assert.deepEqual([again.status(), await other.cookies()], [403, []]);
  assert.match(await again.text(), /This link was opened already/);
  // Who has the path alone, from the history, has nothing.
  const stranger = await (await other.newPage()).goto(`${console_.origin}${path}`);
  assert.equal(stranger.status(), 401);
  await other.close();
});

test("a rebinding host name is refused, with the session's cookie too", { skip }, async () => {
  const { port, path, headers } = await session();
  const act = { method: "POST", path: `${path}act`, body: '{"act":"realms"}' };
  assert.equal((await send(port, { ...act, headers })).status, 200);
  for (const host of [`${REBINDING}:${port}`, `localhost:${port}`, "127.0.0.1", `127.0.0.1:${Number(port) + 1}`, `[::1]:${port}`]) {
    const refused = await send(port, { ...act, headers: { ...headers, host, origin: `http://${host}` } });
    assert.deepEqual([refused.status, /realm/.test(refused.text)], [421, false], host);
  }
  const { host, ...without } = headers;
  assert.notEqual((await send(port, { ...act, headers: without })).status, 200);
  const rebound = await browser.newContext();
  const answer = await (await rebound.newPage()).goto(`http://${REBINDING}:${port}${path}`);
  assert.equal(answer.status(), 421);
  await rebound.close();
});

test("a page of another origin gets nothing and changes nothing, of this machine or not", { skip }, async () => {
  const { port, path, headers } = await session();
  const before = project.stored("");
  const url = `${console_.origin}${path}`;
  const hostile = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end(`<title>hostile</title><form method="post"
      enctype="text/plain" action="${url}act"><input name='{"act":"disable","realm":"partner","client_id":"service-001","x":"' value='"}'></form>`);
  });
  await new Promise((resolve) => hostile.listen(0, resolve));
  const seen = [];
  const tab = await context.newPage();
  tab.on("response", (response) => response.url().startsWith(console_.origin) && seen.push(response.status()));
  try {
    for (const host of ["127.0.0.1", "localhost", REBINDING]) {
      const own = `http://${host}:${hostile.address().port}/`;
      await tab.goto(own);
      // By every way in which a page can ask; no answer may be read.
      const read = await tab.evaluate(async (url) => {
        const act = JSON.stringify({ act: "disable", realm: "partner", client_id: "service-001" });
        const json = { "content-type": "application/json", "x-edge-token-console": "1" };
        const ways = [
          { method: "POST", body: act, headers: json, credentials: "include" },
          { method: "POST", body: act, headers: { "content-type": "text/plain" }, credentials: "include", mode: "no-cors" },
          { method: "POST", body: act, credentials: "include" },
          { credentials: "include" },
        ];
        const asked = await Promise.all(ways.map((init) => fetch(init.method ? `${url}act` : url, init).then((it) => it.text(), () => "")));
        const loaded = ["script", "img", "iframe"].map((name) => new Promise((resolve) => {
          const element = document.createElement(name);
          element.src = `${url}${{ script: "app.js", img: "icon.svg", iframe: "" }[name]}`;
          element.onload = () => resolve(name === "iframe" ? "" : `${name} was loaded`);
          element.onerror = () => resolve("");
          document.body.append(element);
          setTimeout(() => resolve(""), 2000);
        }));
        return [...asked, ...await Promise.all(loaded)].filter((text) => text !== "");
      }, url);
      assert.deepEqual(read, [], host);
      await Promise.all([tab.waitForNavigation(), tab.evaluate(() => document.forms[0].submit())]);
      assert.doesNotMatch(await tab.content(), /<main/, host);
      await tab.goto(own);
      await Promise.all([tab.waitForNavigation(), tab.evaluate((url) => { location.href = url; }, url)]);
      assert.doesNotMatch(await tab.content(), /<main/, host);
    }
  } finally {
    await tab.close();
    hostile.close();
  }
  assert.ok(seen.length >= 9, String(seen));
  assert.deepEqual(new Set(seen), new Set([403]), String(seen));
  // A browser that tells less, or a program of this machine that has guessed less than all.
  const act = { method: "POST", path: `${path}act`, body: '{"act":"realms"}' };
  for (const [name, value, status] of [
    ["origin", "http://127.0.0.1:1", 403], ["origin", "null", 403], ["origin", undefined, 403],
    ["sec-fetch-site", "same-site", 403], ["sec-fetch-site", "cross-site", 403],
    ["x-edge-token-console", undefined, 403], ["content-type", "text/plain", 403],
    ["cookie", undefined, 401], ["cookie", "edge-token-console=x", 401],
  ]) {
    const { [name]: _, ...others } = headers;
    const refused = await send(port, { ...act, headers: value === undefined ? others : { ...others, [name]: value } });
    assert.equal(refused.status, status, `${name}: ${value}`);
  }
  assert.equal((await send(port, { path: `${path}act`, headers })).status, 403);
  assert.deepEqual(project.stored(""), before);
});

test("nothing is loaded from elsewhere or stored, and no script runs but its own", { skip }, async () => {
  assert.deepEqual(new Set(requested.map((url) => new URL(url).origin)), new Set([console_.origin]));
  const kept = await page.evaluate(async () => [
    localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length, document.cookie,
  ]);
  assert.deepEqual(kept, [0, 0, 0, 0, ""]);
  const { port, path, headers } = await session();
  const { headers: told } = await send(port, { path, headers });
  assert.match(told["content-security-policy"], /^default-src 'none'; script-src 'self'; /);
  assert.deepEqual([told["cache-control"], told["referrer-policy"], told["x-content-type-options"], told["cross-origin-resource-policy"]],
    ["no-store", "no-referrer", "nosniff", "same-origin"]);
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = "<img src=x onerror=alert(1)>";
      return "parsed";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(refused, "TypeError");
});

test("what it prints has the link and no other secret; it listens on 127.0.0.1 alone", { skip }, async () => {
  const { cookie, path } = await session();
  add(cookie.value, path.slice(1, -1));
  isPrintedWithout(console_.said());
  const { port } = new URL(console_.origin);
  const { stdout } = spawnSync("sh", ["-c", "cat /proc/net/tcp /proc/net/tcp6"], { encoding: "utf8" });
  const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
  const listening = [...stdout.matchAll(/\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /g)].filter(([, , own]) => own === hex);
  assert.deepEqual(listening.map(([, address]) => address), ["0100007F"]);
  const busy = project.run("console", "--port", port);
  assert.notEqual(busy.status, 0);
  assert.match(busy.stderr, new RegExp(`cannot serve on 127\\.0\\.0\\.1, port ${port}: .*--port names another`));
  for (const args of [["--print"], ["--service", "ftp://a"], ["--port", "0"]]) {
    const wrong = spawnSync(join(project.folder, "edge-token"), ["console", ...args], { cwd: project.folder, encoding: "utf8" });
    assert.notEqual(wrong.status, 0, args.join(" "));
    assert.equal(wrong.stdout, "");
  }
});

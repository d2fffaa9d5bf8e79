// Chromium signs in through the pages of examples/login, as a person would.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { start as startApp } from "../../examples/login/app.mjs";
import { freePort } from "../e2e/worker.mjs";
import { launch, skip } from "./chromium.mjs";
import { registerApplication, startWithPeople } from "./people.mjs";

let worker;
let app;
let browser;
let page;

before(async () => {
  if (skip) return;
  browser = await launch();
  worker = await startWithPeople();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { client_id, client_secret } =
    await registerApplication(worker, "default", "client_secret_basic", `${url}/callback`, `${url}/`);
  app = await startApp({ port, issuer: worker.issuer, client_id, client_secret });
});
after(async () => {
  await browser?.close();
  await app?.stop();
  await worker?.stop();
});

// A context is a browser without cookies.
beforeEach(async () => {
  if (skip) return;
  page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${app.url}/`);
});

const click = (role, name) => page.getByRole(role, { name, exact: true }).click();

/** Asserts which page is there. */
const heading = async (name) => {
  await page.getByRole("heading", { name, exact: true }).waitFor();
  assert.equal(await page.title(), name);
};

/** A table's rows, by their header. */
async function table(name) {
  const rows = await page.getByRole("table", { name }).getByRole("row").all();
  const cells = rows.map(async (row) =>
    [await row.getByRole("rowheader").innerText(), await row.getByRole("cell").innerText()]);
  return Object.fromEntries(await Promise.all(cells));
}

/** Signs in as somebody whom the login application asks. */
async function signIn(link, name) {
  await click("link", link);
  await heading("Sign in");
  await page.getByRole("radio", { name }).check();
  await click("button", "Continue");
  await heading(`Hello, ${name}`);
}

test("sign in, refresh, sign out", { skip }, async () => {
  await signIn("Sign in", "Ben Example");
  const [idToken, userinfo] = [await table("ID token"), await table("Userinfo")];
  assert.deepEqual([idToken.iss, idToken.sub], [worker.issuer, "1002"]);
  assert.deepEqual([userinfo.sub, userinfo.name, userinfo.email], ["1002", "Ben Example", "ben@example.com"]);

  await click("button", "Refresh");
  await page.getByText("The tokens were refreshed 1 times.").waitFor();
  assert.equal((await table("Userinfo")).sub, "1002");

  await click("button", "Sign out");
  await heading("Example application");
  assert.equal(page.url(), `${app.url}/`);
  await page.reload();
  await page.getByText("You are not signed in.").waitFor();
});

test("the login application remembers who signed in, and lets somebody else", { skip }, async () => {
  await signIn("Sign in", "Ada Example");
  await page.goto(`${app.url}/sign-in`);
  await heading("Hello, Ada Example");
  await page.goto(`${app.url}/sign-in?prompt=select_account`);
  await page.getByRole("radio", { name: "Chie Example" }).check();
  await click("button", "Continue");
  await heading("Hello, Chie Example");
});

test("signing out ends the login application's session too", { skip }, async () => {
  await signIn("Sign in", "Ada Example");
  await click("button", "Sign out");
  await heading("Example application");
  await click("link", "Sign in");
  await heading("Sign in");
});

test("an answer by a form posts itself, with scripts and by its button without them", { skip }, async () => {
  const answers = [];
  const client = createServer((request, response) => {
    // Browsers ask for an icon too.
    if (request.url !== "/cb") return response.writeHead(404).end();
    let body = "";
    return request.on("data", (part) => { body += part; }).on("end", () => {
      answers.push([request.method, new URLSearchParams(body)]);
      response.end("<title>posted</title>");
    });
  });
  await new Promise((resolve) => client.listen(0, "127.0.0.1", resolve));
  try {
    const callback = `http://127.0.0.1:${client.address().port}/cb`;
    const { client_id } = await registerApplication(worker, "default", "client_secret_basic", callback, callback);
    const query = new URLSearchParams({
      response_type: "code", response_mode: "form_post", client_id, redirect_uri: callback, scope: "openid",
      state: "\"><b>&amp;",
    });
    for (const javaScriptEnabled of [true, false]) {
      const other = await (await browser.newContext({ javaScriptEnabled })).newPage();
      other.setDefaultTimeout(10_000);
      await other.goto(`${worker.issuer}/authorize?${query}`);
      await other.getByRole("radio", { name: "Ada Example" }).check();
      await other.getByRole("button", { name: "Continue" }).click();
      if (!javaScriptEnabled) {
        await other.getByRole("heading", { name: "One moment" }).waitFor();
        await other.getByRole("button", { name: "Continue" }).click();
      }
      await other.waitForURL(callback);
      const [method, posted] = answers.at(-1);
      assert.equal(method, "POST");
      assert.equal(posted.get("state"), "\"><b>&amp;");
      assert.equal(posted.get("iss"), worker.issuer);
      assert.ok(posted.get("code"));
    }
    assert.equal(answers.length, 2);
  } finally {
    client.closeAllConnections();
    client.close();
  }
});

test("Cancel is access_denied, and one can try again", { skip }, async () => {
  await click("link", "Sign in");
  await click("button", "Cancel");
  await heading("You are not signed in");
  await page.getByText("The answer was access_denied.").waitFor();
  await signIn("Sign in", "Ada Example");
});

test("two sign-ins that begin at once in one browser do not mix", { skip }, async () => {
  await click("link", "Sign in");
  await heading("Sign in");
  const other = await page.context().newPage();
  await other.goto(`${app.url}/sign-in`);
  await other.getByRole("radio", { name: "Chie Example" }).check();
  await other.getByRole("button", { name: "Continue" }).click();
  await other.getByRole("heading", { name: "Hello, Chie Example" }).waitFor();
  await click("button", "Cancel");
  await page.getByRole("link", { name: "Sign in", exact: true }).waitFor();
  await other.reload();
  assert.equal(await other.title(), "Hello, Chie Example");
});

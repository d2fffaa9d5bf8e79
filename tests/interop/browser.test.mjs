// Chromium signs in through the pages of examples/login, as a person would.

import assert from "node:assert/strict";
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
  await click("button", "Sign out");
  await click("link", "Sign in");
  await heading("Hello, Ada Example");
  await click("button", "Sign out");
  await signIn("Sign in as somebody else", "Chie Example");
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

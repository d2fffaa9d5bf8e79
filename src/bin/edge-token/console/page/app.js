// Which page is shown, by what follows `#/` in the address.

import { page as audit } from "./audit.js";
import { page as check } from "./check.js";
import { page as client } from "./client.js";
import { page as clients, create } from "./clients.js";
import { failure, h, say, to } from "./dom.js";
import { page as keys } from "./keys.js";
import { page as realms } from "./realms.js";
import { configured } from "./service.js";
import { page as attempt } from "./try.js";

/** In the order in which they are listed; those without a title are reached from others. */
const PAGES = {
  realms: { title: "Realms", page: realms },
  clients: { title: "Clients", page: clients },
  create: { page: create, within: "clients" },
  client: { page: client, within: "clients" },
  keys: { title: "Keys", page: keys },
  try: { title: "Try it", page: attempt },
  check: { title: "Check", page: check },
  audit: { title: "Audit", page: audit },
};

/** The pages that are of a realm: a link to them keeps the realm that was looked at. */
const OF_REALMS = ["clients", "try", "check", "audit"];

const main = document.getElementById("main");
let realm;

async function show() {
  if (!location.hash.startsWith("#/") && location.hash !== "") return;
  const [name, ...path] = location.hash.slice(2).split("/").map(decodeURIComponent);
  const { page, within = name } = PAGES[name] ?? PAGES.realms;
  // A page that was left may go on to read: what it shows is not there any more.
  const section = h("section");
  main.replaceChildren(section);
  say("");
  try {
    const known = await configured();
    realm = path[0] && OF_REALMS.includes(within) && path[0] !== "-" ? path[0] : realm ?? first(known.realms);
    list(within);
    tell(known);
    await page(section, ...path.length > 0 ? path : OF_REALMS.includes(within) ? [realm] : []);
  } catch (error) {
    if (!section.querySelector("h1")) title(section, "It cannot be shown");
    section.append(failure(error));
  }
}

/** The realm to begin with: `default`, if it can be served. */
function first(realms) {
  const names = realms.filter(({ error }) => !error).map(({ name }) => name);
  return names.includes("default") ? "default" : names[0];
}

/** A page's heading, where reading begins. */
export function title(section, text, ...beside) {
  const heading = h("h1", { tabindex: "-1" }, text);
  section.append(h("div", { class: "title" }, heading, beside));
  document.title = `${text} – edge-token console`;
  if (section.isConnected) heading.focus();
}

function list(current) {
  const items = Object.entries(PAGES).filter(([, { title }]) => title).map(([name, { title }]) =>
    h("li", {}, h("a", {
      href: to(name, ...OF_REALMS.includes(name) && realm ? [realm] : []),
      "aria-current": name === current ? "page" : null,
    }, title)));
  document.getElementById("pages").replaceChildren(...items);
}

function tell({ target, is_remote: isRemote, operator }) {
  const told = document.getElementById("target");
  told.className = isRemote ? "remote" : "";
  told.replaceChildren(h("span", { class: "hidden" }, "It acts on "), h("strong", {}, target.replace(/^the /, "")),
    ` as ${operator}`);
}

addEventListener("hashchange", show);
show();

// The realms of wrangler.toml.

import { title } from "./app.js";
import { badge, facts, h, note, to } from "./dom.js";
import { length } from "./moment.js";
import { configured } from "./service.js";

export async function page(section) {
  const { realms } = await configured(true);
  title(section, "Realms");
  section.append(h("p", { class: "lead" }, "As wrangler.toml has them: tenants with an issuer, clients and scopes of their own."));
  if (realms.length === 0) {
    section.append(note("wrangler.toml configures no realm here. A table ", h("code", {}, "[vars.REALMS.default]"),
      " with an ", h("code", {}, "issuer"), " makes one."));
  }
  section.append(h("ul", { class: "cards" }, [...realms.filter(({ error }) => !error), ...realms.filter(({ error }) => error)].map((realm) => h("li", {}, realm.error ? broken(realm) : card(realm)))));
}

const card = ({ name, dialect, issuer, iss, token_endpoint, jwks_uri, scopes, access_token_ttl, has_people }) => [
  h("h2", {}, name, " ", badge("plain", dialect), has_people && [" ", badge("plain", "people")]),
  facts([
    ["Issuer", h("code", {}, issuer)],
    ["iss of its tokens", iss === issuer ? null : h("code", {}, iss)],
    ["Token endpoint", h("code", {}, within(token_endpoint, issuer))],
    ["Keys", h("code", {}, within(jwks_uri, issuer))],
    ["Scopes", scopes ?? "whatever its clients have"],
    ["Tokens live", length(access_token_ttl)],
  ]),
  h("p", { class: "links" }, Object.entries(LINKS).map(([page, text]) =>
    h("a", { href: to(page, name), "aria-label": `${text}: ${name}` }, text))),
];

/** A URL, as a path if it is on the issuer's origin. */
function within(url, issuer) {
  const origin = new URL(issuer).origin;
  return url?.startsWith(`${origin}/`) ? url.slice(origin.length) : url;
}

const LINKS = { clients: "Clients", try: "Try it", check: "Check", audit: "Audit" };

const broken = ({ name, error }) => [
  h("h2", {}, name ?? "Unnamed", " ", badge("bad", "not served")),
  h("p", { class: "words" }, error),
];

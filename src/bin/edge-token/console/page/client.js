// One client: what it is, its secrets, and what can be done to it.

import { title } from "./app.js";
import { state } from "./clients.js";
import { ask, badge, button, command, copy, facts, failure, field, form, h, input, link, note, table, to } from "./dom.js";
import { length, moment, now } from "./moment.js";
import { act, shownOnce } from "./service.js";

const OVERLAPS = [["24h", "24 hours"], ["1h", "1 hour"], ["7d", "7 days"], ["0", "none: it ends now"], ["", "as said here"]];

export async function page(section, realm, id) {
  const which = { realm, client_id: id };
  const key = `${realm}/${id}`;
  const { result } = await act("show", which, "Reading the client …");
  title(section, id);
  section.querySelector("h1").classList.add("id");
  const told = h("div", { class: "told" });
  const shown = h("div");
  section.prepend(h("p", { class: "way" }, link(`Clients of ${realm}`, "clients", realm)));
  section.append(told, shown);

  /** Does something, tells how it went, and shows the client as it is then. */
  const change = async (name, members, saying, telling) => {
    told.replaceChildren();
    try {
      const done = await act(name, { ...which, ...members }, saying);
      Object.assign(result, done.result);
      // Text that a change took away is not there any more.
      if (name === "rotate-secret") delete result.client_secret;
      show();
      told.replaceChildren(...telling(done));
      told.querySelector("[tabindex]")?.focus();
    } catch (error) {
      told.replaceChildren(failure(error));
    }
  };

  const rotate = ({ preset, overlap }) => change("rotate-secret", { overlap: preset || overlap }, "Rotating the secret …",
    ({ result: { client_secret: secret, secret_id: secretId }, command: line }) => {
      shownOnce.set(key, { secret });
      return [once(realm, result, secret, `The new secret, ${secretId}`), command(line)];
    });

  const revoke = async (secret) => {
    const others = result.secrets.filter((other) => other !== secret && isValid(other));
    const confirmed = await ask({
      title: `Revoke the secret ${secret.id}?`,
      text: others.length > 0
        ? "Whoever still uses it is refused at once. Tokens that were issued live until they expire."
        : "It is the last valid secret: without another one the client gets no token at all.",
      action: "Revoke it",
    });
    if (confirmed === undefined) return;
    await change("revoke-secret", { secret_id: secret.id, force: others.length === 0 }, "Revoking the secret …",
      ({ command: line }) => [note(`The secret ${secret.id} is revoked. A location may need 60 s to know.`), command(line)]);
  };

  const toggle = () => {
    const name = result.disabled ? "enable" : "disable";
    return change(name, {}, `${result.disabled ? "Enabling" : "Disabling"} the client …`, ({ command: line }) => [
      note(name === "enable" ? "The client is served again." : "The client is refused everything. A location may need 60 s to know; "
        + "tokens that were issued live until they expire."),
      command(line),
    ]);
  };

  const remove = async () => {
    const confirmation = await ask({
      title: "Delete this client?",
      text: "Its record and its secrets are gone then, and nothing brings them back. To refuse it for a while, disable it.",
      action: "Delete it",
      typed: id,
    });
    if (confirmation === undefined) return;
    told.replaceChildren();
    try {
      const { command: line } = await act("delete", { ...which, confirmation }, "Deleting the client …");
      shownOnce.delete(key);
      shown.replaceChildren();
      told.replaceChildren(note(h("span", { tabindex: "-1" }, `The client ${id} is deleted. `), link(`Clients of ${realm}`, "clients", realm)), command(line));
      told.querySelector("[tabindex]").focus();
    } catch (error) {
      told.replaceChildren(failure(error));
    }
  };

  const show = () => shown.replaceChildren(
    h("section", { class: "panel", "aria-label": "Record" },
      h("h2", {}, result.client_name ?? "Record", " ", state(result)), record(result),
      h("p", { class: "buttons" },
        h("a", { class: "button", href: attempt(realm, result) }, "Try it"),
        button(result.disabled ? "Enable" : "Disable", toggle),
        button("Delete …", remove, { class: "danger" }))),
    usesSecret(result) && h("section", { class: "panel", "aria-label": "Secrets" },
      h("h2", {}, "Secrets"), secrets(result, revoke),
      h("h3", {}, "Give it another secret"),
      form([overlaps()], "Rotate the secret", rotate)) || "",
  );

  show();
  const made = shownOnce.get(key);
  if (made?.what) {
    const { secret, command: line } = made;
    shownOnce.set(key, { secret });
    told.append(secret ? once(realm, result, secret, "The client is registered. Its secret") : note("The client is registered."), command(line));
  }
}

const isValid = ({ not_before: begin, expires_at: end }) => !(now() < begin) && !(end <= now());

/** Where a client is tried, in the way that its record has it. */
const attempt = (realm, { client_id: id, token_endpoint_auth_method: method }) =>
  to("try", realm, id, ...method === "client_secret_post" ? ["form"] : []);

const usesSecret = ({ token_endpoint_auth_method: method }) => method.startsWith("client_secret");

const record = (client) => facts([
  ["Grants", client.grant_types.join(", ")],
  ["Scope", client.scope],
  ["Default scope", client.default_scope],
  ["Hidden scope", client.hidden_scope],
  ["Authentication", client.token_endpoint_auth_method],
  ["Audience", client.audience?.join(", ")],
  ["Redirect URIs", client.redirect_uris?.join(", ")],
  ["Resources", client.resources?.join(", ")],
  ["sub of its tokens", client.subject],
  ["Tokens live", client.access_token_ttl && length(client.access_token_ttl)],
  ["Trusted", client.trusted ? "yes" : null],
  ["Claims", client.claims && h("code", {}, JSON.stringify(client.claims))],
  ["Changed", [moment(client.updated_at), ` by ${client.updated_by}`]],
]);

function secrets({ secrets: all = [] }, revoke) {
  if (all.length === 0) return note("It has none: it gets no token until it has one.");
  return table("Secrets", ["Secret", "State", "Begins", "Ends", "Act"], all.map((secret) => [
    h("code", {}, secret.id),
    isValid(secret) ? badge("good", "valid") : secret.expires_at <= now() ? badge("bad", "ended") : badge("plain", "not yet"),
    moment(secret.not_before) || "at once",
    secret.expires_at == null ? "not by itself" : moment(secret.expires_at),
    button("Revoke …", () => revoke(secret), { class: "danger small", "aria-label": `Revoke the secret ${secret.id}` }),
  ]));
}

function overlaps() {
  const own = input("overlap", { "aria-label": "Span of the overlap", placeholder: "90s, 30m, 12h, 2d", size: "16" });
  own.addEventListener("input", () => { own.closest("fieldset").querySelector("[value='']").checked = true; });
  return h("fieldset", {},
    h("legend", {}, "Its present secret stays valid for"),
    OVERLAPS.map(([value, text]) => h("span", { class: "choice" },
      h("label", {}, h("input", { type: "radio", name: "preset", value, checked: value === "24h" }), ` ${text}`),
      value === "" && [" ", own])));
}

/** A secret that is not shown again. */
const once = (realm, client, secret, name) => h("section", { class: "panel once", "aria-label": "New secret", tabindex: "-1" },
  h("h2", {}, name),
  h("p", { class: "secret" }, h("code", { tabindex: "0" }, secret), copy(secret, "secret")),
  h("p", {}, "It is shown this once, and stored as a hash alone: keep it now. A location may need 60 s to know it."),
  h("p", { class: "links" }, h("a", { href: attempt(realm, client) }, "Try it with this secret")));

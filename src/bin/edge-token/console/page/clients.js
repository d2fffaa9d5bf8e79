// The clients of a realm, and how one is made. Ids are read at once; records, which have the names,
// only for the rows that are shown, since a read takes a second or two for each hundred.

import { title } from "./app.js";
import { badge, button, failure, field, filled, form, h, input, link, note, select, table, to } from "./dom.js";
import { distance, now } from "./moment.js";
import { act, configured, shownOnce } from "./service.js";

/** How many rows a page has, which one read has room for. */
const ROWS = 50;

export async function page(section, realm) {
  title(section, "Clients", h("a", { class: "button main", href: to("create", realm) }, "New client"));
  const search = input("find", { type: "search", placeholder: "Id or name" });
  section.append(h("div", { class: "tools" }, await realms("clients", realm), field("Find", search)));
  const found = h("div");
  section.append(found);
  const ids = await act("clients", { realm }, `Reading the clients of ${realm} …`);
  const records = new Map();
  if (ids.length === 0) {
    found.append(note(`The realm ${realm} has no clients yet. `, link("Create the first", "create", realm)));
    return;
  }
  let first = 0;

  /** Reads the records of these ids that are not known yet. */
  const read = async (wanted) => {
    const missing = wanted.filter((id) => !records.has(id));
    for (let at = 0; at < missing.length; at += 100) {
      const some = missing.slice(at, at + 100);
      const of = missing.length > 100 ? `, ${at} of ${missing.length} done` : "";
      const read = await act("records", { realm, ids: some }, `Reading ${some.length} records${of} …`);
      read.forEach((record, index) => records.set(record.client_id ?? some[index], record));
    }
  };

  const matching = () => {
    const text = search.value.trim().toLowerCase();
    const has = (id) => `${id}\n${records.get(id)?.client_name ?? ""}`.toLowerCase().includes(text);
    return ids.filter(has);
  };

  const render = () => {
    const all = matching();
    const shown = all.slice(first, first + ROWS);
    const unread = ids.filter((id) => !records.has(id)).length;
    const turn = (by) => async () => {
      first += by;
      render();
      await more();
      found.querySelector("a")?.focus();
    };
    found.replaceChildren(
      h("p", { class: "count", role: "status" },
        all.length === ids.length ? `${ids.length} clients` : `${all.length} of ${ids.length} clients`,
        all.length > ROWS && `, ${first + 1} to ${first + shown.length} shown`),
      shown.length > 0
        ? table(`Clients of ${realm}`, ["Client", "Name", "Scope", "Secrets", "State"], shown.map((id) => row(realm, id, records.get(id))))
        : note("No client has this in its id", unread > 0 ? ", nor in a name that was read." : " or name."),
      h("p", { class: "buttons" },
        first > 0 && button("Previous", turn(-ROWS)),
        first + ROWS < all.length && button("Next", turn(ROWS)),
        search.value && unread > 0 && button(`Search the names of ${unread} more`, async () => {
          await read(ids).then(render, (error) => found.append(failure(error)));
        })),
    );
  };

  const more = async () => {
    try {
      await read(matching().slice(first, first + ROWS));
      render();
    } catch (error) {
      found.append(failure(error));
    }
  };

  let typing;
  search.addEventListener("input", () => {
    first = 0;
    render();
    clearTimeout(typing);
    typing = setTimeout(more, 400);
  });
  render();
  await more();
}

function row(realm, id, record) {
  const link = h("a", { class: "id", href: to("client", realm, id) }, id);
  if (!record) return [link, h("span", { class: "waiting" }, "…"), "", "", ""];
  if (record.error) return [link, h("span", { class: "words" }, record.error), "", "", badge("bad", "unusable")];
  const secrets = record.secrets ?? [];
  const ending = secrets.map(({ expires_at }) => expires_at).filter((end) => end > now()).toSorted()[0];
  return [
    link,
    record.client_name ?? "",
    record.scope,
    secrets.length === 0 ? record.token_endpoint_auth_method : [String(secrets.length), ending && `, one ends ${distance(ending)}`],
    state(record),
  ];
}

export const state = ({ disabled }) => disabled ? badge("bad", "disabled") : badge("good", "enabled");

/** A choice of realms that leads to the same page of another. */
export async function realms(page, realm) {
  const names = (await configured()).realms.filter(({ error }) => !error).map(({ name }) => name);
  const choice = select("realm", names.includes(realm) ? names : [realm, ...names], realm,
    { onchange: () => { location.hash = to(page, choice.value); } });
  return field("Realm", choice);
}

const METHODS = [
  ["client_secret_basic", "a secret, by HTTP Basic"],
  ["client_secret_post", "a secret, in the form"],
  ["client_secret", "a secret, either way"],
  ["none", "not at all: a public client"],
];

/** A new client. */
export async function create(section, realm) {
  title(section, "New client");
  const known = (await configured()).realms.find(({ name }) => name === realm);
  const told = h("div");
  const send = async (values) => {
    told.replaceChildren();
    const lines = (text) => (text ?? "").split("\n").map((line) => line.trim()).filter((line) => line !== "");
    try {
      const { result, command } = await act("create", {
        realm,
        client_id: filled(values.client_id),
        name: filled(values.name),
        scope: values.scope.trim(),
        default_scope: filled(values.default_scope),
        auth_method: values.auth_method,
        audience: lines(values.audience),
        access_token_ttl: filled(values.access_token_ttl),
      }, "Registering the client …");
      const { client_id: id, client_secret: secret } = result;
      shownOnce.set(`${realm}/${id}`, { what: "created", secret, command });
      location.hash = to("client", realm, id);
    } catch (error) {
      told.replaceChildren(failure(error));
    }
  };
  section.append(
    h("p", { class: "lead" }, `A machine client of the realm ${realm}, with the grant client_credentials. What else a client can be, `,
      h("code", {}, "client create --help"), " tells."),
    form([
      field("Name", input("name", { placeholder: "Billing" }), "For people; not sent to anybody."),
      field("Client id", input("client_id", { maxlength: "255" }), "1 to 255 printable ASCII characters; empty for a random UUID."),
      field("Scope", input("scope", { placeholder: known?.scopes ?? "read write" }), "All it may ask for, with a space between two."),
      field("Default scope", input("default_scope"), "What it gets when it asks for none; empty for all of its scope."),
      field("Authentication", select("auth_method", METHODS, known?.auth_method ?? "client_secret_basic")),
      field("Audience", h("textarea", { name: "audience", rows: "2", spellcheck: "false" }), "What its tokens may be for, one URI a line; empty for the realm's."),
      field("Tokens live, in seconds", input("access_token_ttl", { inputmode: "numeric", pattern: "[0-9]*" }),
        `Empty for the realm's: ${known?.access_token_ttl ?? ""}.`),
    ], "Create the client", send),
    told,
  );
}

// The lines that changes left in the namespace, the newest first.

import { title } from "./app.js";
import { button, failure, field, h, link, note, select, table, to } from "./dom.js";
import { moment } from "./moment.js";
import { act, configured } from "./service.js";

export async function page(section, realm) {
  title(section, "Audit");
  const names = (await configured()).realms.map(({ name }) => name).filter((name) => name);
  const choice = select("realm", [...names, ["-", "signing keys"]], realm,
    { onchange: () => { location.hash = to("audit", choice.value); } });
  section.append(
    h("p", { class: "lead" }, "Every change that the tool or this page made: who, what, when. Tokens that were issued stand in the Worker's log."),
    h("div", { class: "tools" }, field("Of", choice)),
  );
  const rows = [];
  const shown = h("div");
  section.append(shown);
  const more = async () => {
    try {
      const { all, lines } = await act("audit", { realm, skip: rows.length }, "Reading the audit …");
      rows.push(...lines);
      shown.replaceChildren(
        h("p", { class: "count" }, `${rows.length} of ${all} lines`),
        all > 0 ? table("Audit", ["When", "Who", "What", "Of"], rows.map((line) => cells(realm, line))) : note("Nothing was changed yet."),
        rows.length < all ? h("p", { class: "buttons" }, button("Older lines", more)) : "",
      );
    } catch (error) {
      shown.append(failure(error));
    }
  };
  await more();
}

/** The format of the lines that this page knows; the first do not say it. A later one is shown as it is. */
const VERSION = 1;

function cells(realm, { at, by, action, realm: _, client_id: id, ...rest }) {
  const others = Object.entries(rest).filter(([name, value]) => value != null && !(name === "version" && value === VERSION)).map(([name, value]) =>
    h("span", { class: "member" }, `${name} `, h("code", {}, String(value))));
  return [moment(at), by, action, [id && h("span", { class: "member" }, link(id, "client", realm, id)), others]];
}

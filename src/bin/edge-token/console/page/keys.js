// The signing keys of a pair of secrets: when which does what, and the next one.

import { title } from "./app.js";
import { badge, checkbox, command, failure, field, form, h, input, note, select, table, to } from "./dom.js";
import { length, moment } from "./moment.js";
import { act, configured } from "./service.js";
import { timeline } from "./timeline.js";

const STATES = { signing: "good", next: "odd", retiring: "plain", retired: "plain", expired: "bad", pending: "bad" };

export async function page(section, secret) {
  title(section, "Keys");
  const { realms, is_remote: isRemote } = await configured();
  const sets = [...new Set(realms.filter(({ error }) => !error).map(({ signing_keys: names }) => names[0]))];
  const set = secret ?? sets[0];
  const ofSet = realms.filter(({ signing_keys: names }) => names?.[0] === set).map(({ name }) => name);
  section.append(h("p", { class: "lead" }, "A key is published before it signs, and stays until the last token that it signed has ended: a rotation costs no outage."));
  if (sets.length > 1) {
    const choice = select("set", sets, set, { onchange: () => { location.hash = to("keys", choice.value); } });
    section.append(h("div", { class: "tools" }, field("Secret", choice)));
  }
  const told = h("div", { class: "told" });
  const shown = h("div");
  section.append(told, shown);
  const { result } = await act("keys", { secret: set }, "Reading what is known of the keys, and how long tokens live …");

  const rotate = async ({ lead, lifetime, force }) => {
    told.replaceChildren();
    try {
      const { result: done, command: line } = await act("rotate-key", { secret: set, lead, lifetime, force: force === "on" },
        "Rotating the key: reads how long tokens live, then writes the secret …");
      show({ ...result, timetable: done.timetable, warnings: [] });
      told.replaceChildren(note(h("span", { tabindex: "-1" }, `The new key ${done.kid} is in ${done.secret}. It is published now and signs from `),
        moment(done.nbf), ". ", isRemote ? "Every location has it, as a rule, within 60 s." : "Start `make run` again to serve it."), command(line));
      told.querySelector("[tabindex]").focus();
    } catch (error) {
      told.replaceChildren(failure(error));
    }
  };

  const show = ({ timetable, token_lifetime: lifetime, warnings }) => shown.replaceChildren(
    h("section", { class: "panel", "aria-label": "Timetable" },
      h("h2", {}, "Timetable"),
      h("p", {}, `Of ${set} and ${set}_NEXT, for ${ofSet.join(", ")}, with tokens that live ${length(lifetime)} at most.`),
      warnings.map((text) => note(h("span", { class: "words" }, text))),
      timetable.length > 0 && [timeline(timetable), h("div", { class: "keys" }, rows(timetable))]),
    h("section", { class: "panel", "aria-label": "Rotation" },
      h("h2", {}, "Add the next key"),
      form([
        h("div", { class: "columns" },
          field("Published before it signs", input("lead", { value: "1h", required: true, size: "8" }), "At least 6 minutes: caches of the JWK Set have to end."),
          field("Good for, in days", input("lifetime", { value: "365", required: true, inputmode: "numeric", size: "8" }))),
        checkbox("force", "Do it although the tool says that it is not safe"),
      ], "Rotate the key", rotate),
      h("p", { class: "hint" }, "If a private key leaked: ", h("code", {}, "cargo run -- key revoke KID"), " takes it away at once.")),
  );
  show(result);
}

const rows = (timetable) => table("Keys", ["Key", "State", "Published", "Signs from", "Signs until", "Verifies until"],
  timetable.map((key) => [
    [h("code", {}, key.kid), h("span", { class: "below" }, key.secret)],
    badge(STATES[key.state] ?? "plain", key.state),
    key.published_from == null ? "not known" : moment(key.published_from),
    moment(key.signs_from),
    moment(key.signs_until),
    moment(key.retires_at),
  ]));

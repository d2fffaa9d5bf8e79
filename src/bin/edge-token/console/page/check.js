// The battery of `check`: what anybody may ask of a deployment, held to the RFCs.

import { title } from "./app.js";
import { realms } from "./clients.js";
import { badge, checkbox, command, failure, field, filled, form, h, input, table } from "./dom.js";
import { act } from "./service.js";

const KINDS = { pass: "good", warn: "odd", fail: "bad", skip: "plain" };

export async function page(section, realm) {
  title(section, "Check");
  const outcome = h("div");
  const send = async ({ client_id, client_secret }) => {
    outcome.replaceChildren();
    try {
      const { result, command: line } = await act("check", {
        realm, client_id: filled(client_id), client_secret: client_secret || null,
      }, "Checking: about forty requests …");
      outcome.replaceChildren(...results(result), command(line));
      outcome.querySelector("h2").focus();
    } catch (error) {
      outcome.replaceChildren(failure(error));
    }
  };
  section.append(
    h("p", { class: "lead" }, "Asks the running service what anybody may ask, and holds each answer to its RFC. With a client's credentials it asks for tokens too."),
    form([h("div", { class: "columns" },
      await realms("check", realm),
      field("Client id", input("client_id"), "Optional."),
      field("Secret", input("client_secret", { type: "password", autocomplete: "new-password" }), "Optional; it goes to the token endpoint alone."))],
    "Check the service", send),
    outcome,
  );
}

function* results({ checks, passed, warned, failed, skipped }) {
  yield h("h2", { tabindex: "-1" }, failed > 0 ? badge("bad", "failed") : badge("good", "nothing failed"),
    ` ${passed} passed, ${warned} warned, ${failed} failed, ${skipped} skipped`);
  const shown = h("div");
  const render = (all) => {
    const rows = checks.filter(({ result }) => all || result !== "pass");
    const cells = ({ name, result, detail, source }) => [name, badge(KINDS[result], result), detail, source];
    shown.replaceChildren(rows.length > 0 ? table("Checks", ["Check", "Result", "Seen", "Source"], rows.map(cells))
      : h("p", {}, "Every check passed."));
  };
  render(true);
  yield checkbox("all", "Show what passed too", { checked: true, onchange: (event) => render(event.target.checked) });
  yield shown;
}

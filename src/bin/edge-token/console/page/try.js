// A token request as the client makes it: what goes over the network, and what the token says.

import { title } from "./app.js";
import { CLAIMS, HEADER, MOMENTS, OTHER } from "./claims.js";
import { realms } from "./clients.js";
import { badge, failure, field, filled, form, h, input, select, table } from "./dom.js";
import { moment } from "./moment.js";
import { act, shownOnce } from "./service.js";

const METHODS = [["basic", "by HTTP Basic"], ["form", "in the form"]];

export async function page(section, realm, id = "", method = "basic") {
  title(section, "Try it");
  const secret = input("client_secret", {
    type: "password", autocomplete: "new-password", required: true, value: shownOnce.get(`${realm}/${id}`)?.secret,
  });
  const seen = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    const isSeen = secret.type === "password";
    secret.type = isSeen ? "text" : "password";
    seen.setAttribute("aria-pressed", String(isSeen));
  } }, "Show the secret");
  const outcome = h("div");
  const send = async ({ client_id, client_secret, method, scope, resource }) => {
    outcome.replaceChildren();
    try {
      const tried = await act("try", {
        realm, client_id, client_secret, in_form: method === "form", scope: filled(scope), resource: filled(resource),
      }, "Asking for a token …");
      outcome.replaceChildren(...results(tried));
      outcome.querySelector("h2").focus();
    } catch (error) {
      outcome.replaceChildren(failure(error));
    }
  };
  section.append(
    h("p", { class: "lead" }, "Asks the service for a token, as the client would. The secret goes to the token endpoint alone, and is stored nowhere."),
    form([
      h("div", { class: "columns" },
        await realms("try", realm),
        field("Client id", input("client_id", { required: true, value: id })),
        field("Secret", secret),
        field("The secret goes", select("method", METHODS, method), "As the client's record has it."),
        field("Scope", input("scope"), "Empty for its default."),
        field("Resource", input("resource", { placeholder: "https://api.example" }), "What the token is to be for; empty for what its record says.")),
    ], "Ask for a token", send, seen),
    outcome,
  );
}

function* results({ status, request, response, token }) {
  yield h("h2", { tabindex: "-1" }, "The answer is ", badge(status === 200 ? "good" : "bad", String(status)));
  const raw = (name, text) => h("figure", { class: "raw" }, h("figcaption", {}, name), h("pre", { tabindex: "0", "aria-label": name }, text));
  yield h("div", { class: "exchange" }, raw("Request", request), raw("Answer", response));
  if (!token) return;
  yield h("h2", {}, "Is it good?");
  yield table("Verification", ["What", "Holds", "Why"], token.verdicts.map(({ what, holds, detail }) =>
    [what, holds ? badge("good", "yes") : badge("bad", "no"), detail]));
  yield h("h2", {}, "What it says");
  const members = (part, name, known) => Object.entries(part).map(([member, value]) => [
    h("code", {}, member), name, value_(member, value), Object.hasOwn(known, member) ? known[member] : OTHER,
  ]);
  yield table("The token, member by member", ["Member", "Part", "Value", "What it is"],
    [...members(token.header, "header", HEADER), ...members(token.claims, "claims", CLAIMS)]);
}

const value_ = (member, value) => [
  h("code", {}, typeof value === "string" ? value : JSON.stringify(value)),
  MOMENTS.has(member) && Number.isInteger(value) && h("span", { class: "below" }, moment(value)),
];

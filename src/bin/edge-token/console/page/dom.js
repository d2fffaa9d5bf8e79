// Elements, and what several pages are made of. Text becomes text: no markup is ever parsed here.

const SVG = "http://www.w3.org/2000/svg";

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** An element with attributes, listeners (`onclick`) and children; absent ones are left out. */
export const h = (name, attributes = {}, ...children) => make(document.createElement(name), attributes, children);

/** The same of a drawing. */
export const svg = (name, attributes = {}, ...children) =>
  make(document.createElementNS(SVG, name), attributes, children);

export const link = (text, ...path) => h("a", { href: to(...path) }, text);

/** The address of a page. */
export const to = (...path) => `#/${path.map(encodeURIComponent).join("/")}`;

export const button = (text, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, text);

export const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);

/** Names and what they are; absent ones are left out. */
export const facts = (pairs) => h("dl", { class: "facts" }, pairs
  .filter(([, value]) => value != null && value !== "")
  .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** A table whose cells know their column and what they are, for narrow windows, where it is none to see. */
export function table(caption, columns, rows) {
  const cell = (content, index) => index === 0 ? h("th", { scope: "row", role: "rowheader" }, content)
    : h("td", { "data-column": columns[index], role: "cell" }, content);
  return h("table", { role: "table", "aria-label": caption },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)))),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, row.map(cell)))));
}

let count = 0;

/** A labelled field; `hint` stands below it. */
export function field(label, input, hint) {
  count += 1;
  input.id = `field-${count}`;
  if (hint) input.setAttribute("aria-describedby", `hint-${count}`);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input,
    hint && h("p", { class: "hint", id: `hint-${count}` }, hint));
}

export const input = (name, attributes = {}) => h("input", {
  name, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...attributes,
});

export const checkbox = (name, label, attributes = {}) =>
  h("label", { class: "choice" }, h("input", { type: "checkbox", name, ...attributes }), h("span", {}, label));

/** Options are texts, or pairs of value and text. */
export const select = (name, options, chosen, attributes = {}) => h("select", { name, ...attributes },
  options.map((option) => [option].flat()).map(([value, text = value]) =>
    h("option", { value, selected: value === chosen }, text)));

/** A form that gives `send` the values of its fields, and can be sent again when that has ended. */
export function form(children, text, send, ...beside) {
  const submit = h("button", { class: "main" }, text);
  const element = h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        await send(Object.fromEntries(new FormData(element)));
      } finally {
        submit.disabled = false;
      }
    },
  }, children, h("p", { class: "buttons" }, submit, beside));
  return element;
}

/** What is left of a text field: nothing rather than an empty text. */
export const filled = (value) => value?.trim() || null;

export const failure = (error) => h("div", { class: "message failure", role: "alert" },
  h("strong", {}, "Not done. "), h("span", { class: "words" }, error.message));

export const note = (...children) => h("div", { class: "message" }, ...children);

/** How the same is done without the page. */
export const command = (line) => h("details", { class: "command" },
  h("summary", {}, "The same as a command"), h("pre", { tabindex: "0", "aria-label": "Command" }, line));

/** A button that copies a text, and says so. */
export function copy(text, name) {
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(text);
      own.textContent = "Copied";
    } catch {
      own.textContent = "Not copied: select it";
    }
    say(`${name}: ${own.textContent}`);
  };
  const own = button("Copy", copied, { "aria-label": `Copy the ${name}` });
  // What can be read is what it is called, also when that has changed.
  own.addEventListener("click", () => own.removeAttribute("aria-label"), { once: true });
  return own;
}

let fading;

/** Tells people who look and people who listen what is going on; what is over for some seconds alone. */
export function say(text, isBusy = false) {
  const status = document.getElementById("status");
  clearTimeout(fading);
  status.classList.toggle("busy", isBusy);
  status.textContent = text;
  if (!isBusy) fading = setTimeout(() => { status.textContent = ""; }, 3000);
}

/** Asks before something is destroyed; with `typed`, this text has to be typed. */
export function ask({ title, text, action, typed }) {
  return new Promise((resolve) => {
    const confirmed = h("button", { class: "danger", value: "confirmed", disabled: typed != null }, action);
    const confirmation = input("confirmation", {
      oninput: () => { confirmed.disabled = confirmation.value !== typed; },
    });
    const dialog = h("dialog", {
      "aria-labelledby": "dialog-title",
      onclose: () => {
        dialog.remove();
        resolve(dialog.returnValue === "confirmed" ? confirmation.value : undefined);
      },
    }, h("form", { method: "dialog", onsubmit: (event) => { if (confirmed.disabled) event.preventDefault(); } },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      typed != null && field(["Type ", h("code", {}, typed), " to confirm"], confirmation),
      h("p", { class: "buttons" }, confirmed, button("Cancel", () => dialog.close()))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

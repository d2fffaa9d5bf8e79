// What both applications share: HTML that cannot be injected into, cookies, forms, and a server that
// listens on the loopback interface alone.

import { createServer } from "node:http";

const MAX_FORM = 16 * 1024;

const STYLE = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem;
    color: #1b1f24; background: #fff; }
  h1 { font-size: 1.5rem; }
  fieldset { border: 1px solid #c5ccd3; border-radius: .5rem; margin: 1rem 0; padding: .5rem 1rem; }
  label { display: block; padding: .25rem 0; }
  button, a.button { display: inline-block; font: inherit; padding: .4rem 1rem; border-radius: .4rem;
    border: 1px solid #1f5fbf; background: #1f5fbf; color: #fff; text-decoration: none; cursor: pointer; }
  button.other, a.other { background: #fff; color: #1f5fbf; }
  form.line { display: inline; }
  table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; }
  caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
  th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
    border-top: 1px solid #e3e7eb; overflow-wrap: anywhere; }
  th { font-weight: 500; width: 12rem; }
  .note { color: #57606a; }
`;

// There is no `form-action`: browsers apply it to the redirects after a form too, and those end at
// whatever client asked for the sign-in. The referrer stays at this origin, because the URL of the
// login page has a ticket in it.
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Text that is HTML already. */
class Html {
  constructor(text) {
    this.text = text;
  }
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;" };

function escape(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(escape).join("");
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** A template that escapes everything in it but what `html` itself made. */
export const html = (strings, ...values) => new Html(String.raw({ raw: strings }, ...values.map(escape)));

/** An answer with a page. */
export const page = (title, body, status = 200) => ({
  status,
  body: html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
<main>
<h1>${title}</h1>
${body}
</main>
</html>
`.text,
});

/** An answer that sends the browser elsewhere, by GET. */
export const redirect = (location) => ({ status: 303, headers: { location } });

/** The header that sets a cookie for this browser session. */
export const setCookie = (name, value) => ({ "set-cookie": `${name}=${value}; HttpOnly; SameSite=Lax; Path=/` });

function cookies(request) {
  const pairs = (request.headers.cookie ?? "").split(/; */).map((pair) => pair.split("="));
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/** The form of a request, or undefined if it is too large. */
async function form(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
    if (text.length > MAX_FORM) return undefined;
  }
  return new URLSearchParams(text);
}

/**
 * Serves on 127.0.0.1. `answer` gets `method`, `url`, `cookies` and, of a POST from one of its own
 * pages, `form`, and returns `status`, and optionally `headers` and `body`; every other POST is
 * refused before it. Returns `url` and `stop()`.
 */
export async function serve(port, answer) {
  const origin = `http://127.0.0.1:${port}`;
  async function answered(request) {
    const { method } = request;
    const url = new URL(origin + request.url);
    if (method !== "GET" && method !== "POST") {
      return { ...page("Method not allowed", html``, 405), headers: { allow: "GET, POST" } };
    }
    if (method === "GET") return answer({ method, url, cookies: cookies(request) });
    if (request.headers.origin !== origin) return page("This form came from another site", html``, 403);
    const sent = await form(request);
    if (!sent) return page("This form is too large", html``, 413);
    return answer({ method, url, cookies: cookies(request), form: sent });
  }
  const server = createServer(async (request, response) => {
    let found;
    try {
      found = await answered(request);
    } catch (error) {
      console.error(`${request.method} ${request.url.split("?")[0]}: ${error.stack}`);
      found = page("Something went wrong", html`<p>The log of this example says what.</p>`, 500);
    }
    response.writeHead(found.status, { ...HEADERS, ...found.headers }).end(found.body);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    url: origin,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

// What the console's server is asked for.

import { say } from "./dom.js";

/** Asks it to do something, and says so meanwhile. Errors have the tool's words. */
export async function act(name, members = {}, saying = "Asking …") {
  say(saying, true);
  try {
    const response = await fetch("act", {
      method: "POST",
      headers: { "content-type": "application/json", "x-edge-token-console": "1" },
      body: JSON.stringify({ act: name, ...members }),
    }).catch(() => {
      throw new Error("The console does not answer. Is it still running? Start it again, and open its new link.");
    });
    const isJson = response.headers.get("content-type") === "application/json";
    const answer = isJson ? await response.json() : { error: await response.text() };
    if (!response.ok) throw new Error(answer.error);
    say("Done.");
    return answer;
  } catch (error) {
    say("Not done.");
    throw error;
  }
}

let known;

/** Where the console acts, and the realms there; read once, unless `again`. */
export function configured(again = false) {
  if (!known || again) {
    known = act("realms", {}, "Reading wrangler.toml …");
    known.catch(() => { known = undefined; });
  }
  return known;
}

/** What was shown once, until the page is left or loaded again. Nothing of it is stored. */
export const shownOnce = new Map();

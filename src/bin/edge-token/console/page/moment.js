// Moments, in UTC as the tool tells them, and how far they are.

import { h } from "./dom.js";

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];

export const now = () => Math.floor(Date.now() / 1000);

/** Whether a number of seconds can be told as a date. */
const isDate = (seconds) => Number.isSafeInteger(seconds) && Math.abs(seconds) < 8.64e12;

export const date = (seconds) => isDate(seconds)
  ? new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.\d+/, "") : String(seconds);

/** A span in the greatest unit of which it has two. */
export function length(seconds) {
  const [unit, name] = UNITS.find(([unit]) => unit === 1 || seconds >= 2 * unit);
  return `${Math.floor(seconds / unit)} ${name}`;
}

export function distance(seconds) {
  const ahead = seconds - now();
  if (ahead === 0) return "now";
  return ahead > 0 ? `in ${length(ahead)}` : `${length(-ahead)} ago`;
}

/** A moment on the page. */
export const moment = (seconds) => seconds == null ? "" : [
  h("time", { datetime: isDate(seconds) ? new Date(seconds * 1000).toISOString() : null }, date(seconds)),
  h("span", { class: "distance" }, ` ${distance(seconds)}`),
];

// The keys' timetable as a drawing. A rotation takes an hour and a key lives a year, so what is far
// from now is drawn closer together: the distance is the logarithm of the time.

import { h, svg } from "./dom.js";
import { date, now } from "./moment.js";

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
const MARKS = [[30 * MINUTE, "30 min"], [3 * HOUR, "3 h"], [DAY, "1 d"], [7 * DAY, "7 d"], [30 * DAY, "30 d"], [180 * DAY, "180 d"], [730 * DAY, "2 y"]];
const [WIDTH, ROW, TOP, SIDE] = [900, 46, 28, 16];

const scaled = (seconds) => Math.sign(seconds) * Math.log1p(Math.abs(seconds) / (10 * MINUTE));

export function timeline(timetable) {
  const at = now();
  const begin = (key) => key.published_from ?? key.signs_from;
  const all = timetable.flatMap((key) => [begin(key), key.retires_at]).map((moment) => scaled(moment - at));
  const [least, most] = [Math.min(...all, scaled(-HOUR)), Math.max(...all, scaled(HOUR))];
  const x = (moment) => SIDE + (scaled(moment - at) - least) / (most - least) * (WIDTH - 2 * SIDE);
  const height = TOP + timetable.length * ROW + 8;
  const bar = (kind, from, until, y, text) => until > from
    && svg("rect", { class: kind, x: x(from), y, width: Math.max(x(until) - x(from), 2), height: 14, rx: 2 }, svg("title", {}, text));
  const marks = MARKS.flatMap(([distance, text]) => [[-distance, `−${text}`], [distance, `+${text}`]])
    .filter(([distance]) => scaled(distance) > least && scaled(distance) < most);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": told(timetable, at) },
    marks.map(([distance, text]) => {
      const place = x(at + distance);
      return [
        svg("line", { class: "mark", x1: place, x2: place, y1: TOP - 6, y2: height }),
        svg("text", { class: "scale", x: place, y: 14, "text-anchor": "middle" }, text),
      ];
    }),
    timetable.map((key, index) => {
      const y = TOP + index * ROW;
      return [
        bar("published", begin(key), key.signs_from, y + 20, `published from ${date(begin(key))}`),
        bar("signing", key.signs_from, key.signs_until, y + 20, `signs until ${date(key.signs_until)}`),
        bar("retiring", key.signs_until, key.retires_at, y + 20, `verifies until ${date(key.retires_at)}`),
      ];
    }),
    svg("line", { class: "now", x1: x(at), x2: x(at), y1: TOP - 6, y2: height }),
    timetable.map((key, index) =>
      svg("text", { x: SIDE, y: TOP + index * ROW + 12 }, `${key.kid.slice(0, 12)}… ${key.state}`)),
    svg("text", { class: "scale now", x: x(at), y: 14, "text-anchor": "middle" }, "now"));
  const key = (kind, text) => h("span", {}, svg("svg", { class: "swatch", viewBox: "0 0 14 14", "aria-hidden": "true" },
    svg("rect", { class: kind, width: 14, height: 14, rx: 2 })), ` ${text}`);
  return h("figure", { class: "timeline" },
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Time line" }, drawing),
    h("figcaption", {}, key("published", "published"), key("signing", "signs"), key("retiring", "verifies only"),
      h("span", {}, "The farther from now, the closer together.")));
}

/** The drawing in words. */
const told = (timetable, at) => timetable.map((key) => {
  const begins = key.signs_from > at ? `signs from ${date(key.signs_from)}` : `signs until ${date(key.signs_until)}`;
  return `Key ${key.kid.slice(0, 12)}, ${key.state}: ${begins}, verifies until ${date(key.retires_at)}.`;
}).join(" ");

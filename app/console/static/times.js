/**
 * The times that usage and ledger are asked about. Days are UTC days, of which the books are made.
 */

import { h, replace } from "./dom.js";
import { field, selectOf } from "./parts.js";

const DAY_MS = 86_400_000;
const NAMES = {
  all: "All",
  today: "Today",
  "7d": "Last 7 days",
  month: "This month",
  "30d": "Last 30 days",
  custom: "Dates",
};

/**
 * From when to when, as the doors take it.
 *
 * @param {{time: string, from?: string, to?: string}} chosen `from` and `to` are dates; both days belong to it.
 * @returns {{since: string|null, until: string|null}} null: no bound.
 */
export function boundsOf({ time, from, to }, now = new Date()) {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const since = {
    today,
    "7d": today - 6 * DAY_MS,
    month: Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1),
    "30d": today - 29 * DAY_MS,
  }[time];
  if (since !== undefined) return { since: iso(since), until: null };
  if (time !== "custom") return { since: null, until: null };
  return { since: from ? iso(Date.parse(from)) : null, until: to ? iso(Date.parse(to) + DAY_MS) : null };
}

/**
 * Fields to choose a time with.
 *
 * @param {string[]} offered Of today, 7d, month, 30d, all and custom; the first is the usual one.
 * @param {{time?: string, from?: string, to?: string}} initial
 * @returns {{element: HTMLElement, chosen: () => {time: string, from: string|null, to: string|null}}}
 */
export function timeFields(offered, initial = {}) {
  const time = offered.includes(initial.time) ? initial.time : offered[0];
  const words = offered.map((name) => [name, NAMES[name]]);
  const select = selectOf(words, { name: "time", value: time });
  const from = h("input", { type: "date", name: "since", value: initial.from });
  const to = h("input", { type: "date", name: "until", value: initial.to });
  const dates = h("div", { class: "row dates" });
  const draw = () =>
    replace(dates, select.value === "custom" && [field("First day (UTC)", from), field("Last day (UTC)", to)]);
  select.addEventListener("change", draw);
  draw();
  // While a year is typed it is 2, 20 and 202 before it is 2026.
  const date = (input) => (select.value === "custom" && input.value >= "2000" ? input.value : null);
  const chosen = () => ({ time: select.value, from: date(from), to: date(to) });
  return { element: h("div", { class: "row times" }, field("Time", select), dates), chosen };
}

/** A UTC date such as `2026-11-22`, for names of files. */
export function dateOf(moment) {
  return (moment ? new Date(moment) : new Date()).toISOString().slice(0, 10);
}

function iso(milliseconds) {
  return Number.isNaN(milliseconds) ? null : new Date(milliseconds).toISOString();
}

/**
 * The table of usage: a row for each group, with the share of its cost as a bar, and the sums.
 */

import { h, replace } from "./dom.js";
import { path } from "./doors.js";
import { day, money, number } from "./format.js";
import { link, table } from "./parts.js";

const SHOWN_AT_ONCE = 200;

/** What usage can be grouped by: how it is called, and how a row shows it. */
export const DIMENSIONS = {
  team: { title: "Team", cell: ({ team }) => link(path`/teams/${team}`, team) },
  key: { title: "Key", cell: keyCell },
  model: { title: "Model", cell: ({ model }) => (model === "-" ? soft("Credits of the team") : model) },
  day: { title: "Day (UTC)", cell: (row) => day(row.day) },
  hour: { title: "Hour (UTC)", cell: ({ hour }) => `${day(hour.slice(0, 10))}, ${hour.slice(11, 16)}` },
  user: { title: "User", cell: ({ user }) => user ?? soft("None was named") },
};

const COUNTS = [
  ["Requests", (row) => row.requests],
  ["Delivered", (row) => row.delivered],
  ["Refused", (row) => row.refused],
  ["Failed", (row) => row.failed],
  ["Unknown", (row) => row.unknown],
  ["Pictures", (row) => row.images],
  ["Tokens in", (row) => row.text_input_tokens + row.image_input_tokens],
  ["Tokens out", (row) => row.text_output_tokens + row.image_output_tokens],
];

/**
 * A table of a grouped answer; of many rows the first ones, until the others are asked for.
 *
 * @param {{group_by: string[], rows: Object[], cost: string, since: string, until: string}} found
 */
export function usageTable(found) {
  const place = h("div", {});
  const draw = (rows) => replace(place, table(captionOf(found, rows), columnsOf(found), rows, { class: "dense" }));
  if (found.rows.length <= SHOWN_AT_ONCE) return draw(found.rows);
  const more = h("button", { type: "button" }, `Show all ${number(found.rows.length)} rows`);
  more.addEventListener("click", () => {
    draw(found.rows);
    more.remove();
    place.firstElementChild.focus();
  });
  draw(found.rows.slice(0, SHOWN_AT_ONCE));
  return [place, h("div", { class: "buttons after-table" }, more)];
}

function captionOf(found, rows) {
  const until = new Date(Date.parse(found.until) - 1).toISOString();
  const [first, last] = [day(found.since.slice(0, 10)), day(until.slice(0, 10))];
  const some = rows.length < found.rows.length ? `; the first ${rows.length} of ${number(found.rows.length)} rows` : "";
  return `Usage from ${first} to ${last}${some}`;
}

function columnsOf({ group_by: by, rows, cost }) {
  const dearest = Math.max(...rows.map((row) => Number(row.cost)));
  const columns = by.map((name) => DIMENSIONS[name]);
  columns[0] = { ...columns[0], sum: `All ${number(rows.length)}` };
  columns.push({ title: "Cost", number: true, cell: (row) => costCell(row.cost, dearest), sum: money(cost) });
  for (const [title, count] of COUNTS) {
    const sum = number(rows.reduce((before, row) => before + count(row), 0));
    columns.push({ title, number: true, cell: (row) => number(count(row)), sum });
  }
  return columns;
}

function costCell(cost, dearest) {
  const bar = h("span", { class: "cost-bar", "aria-hidden": "true" });
  bar.style.width = `${dearest > 0 ? Math.max(0, Number(cost) / dearest) * 100 : 0}%`;
  return h("span", { class: "cost", title: `$${cost}` }, money(cost), bar);
}

function keyCell({ key, alias, team }) {
  if (key === "-") return soft("Credits of the team");
  return [alias ? h("span", { title: key }, alias) : h("code", {}, key), team && soft(` of ${team}`)];
}

function soft(text) {
  return h("span", { class: "soft" }, text);
}

/**
 * Ledger entries as a table.
 */

import { h } from "../dom.js";
import { briefMoment, moment, money, number } from "../format.js";
import { badge, stateBadge, table } from "../parts.js";
import { flagsCell } from "./flags.js";
import { requestLink } from "./request_link.js";

/** Entries of a team, with links to their requests. */
export function entryTable(team, entries) {
  return table("Ledger entries, the newest first", columns(team), entries, { class: "dense" });
}

/** What an entry is: how a request ended, or what changed that later. */
export function kindBadge({ kind, outcome, flags }) {
  if (kind === "correction") return badge(flags.includes("credit") ? "credit" : "correction", "info");
  if (kind === "expire") return [stateBadge(outcome), " ", badge("expired")];
  return stateBadge(outcome);
}

function columns(team) {
  return [
    { title: "Entered", cell: ({ resolved_at: at }) => h("span", { title: moment(at) }, briefMoment(at)) },
    { title: "Request", cell: (entry) => requestLink(team, entry.request) },
    { title: "Outcome", cell: kindBadge },
    { title: "Cost", number: true, cell: ({ cost }) => h("span", { title: `$${cost}` }, money(cost)) },
    { title: "Quote", number: true, cell: (entry) => (entry.kind === "correction" ? "–" : money(entry.quote)) },
    { title: "Pictures", number: true, cell: (entry) => number(entry.images) },
    { title: "Key", cell: ({ alias, key }) => alias || (key === "-" ? "–" : h("code", {}, key)) },
    { title: "Model", cell: ({ model }) => (model === "-" ? "–" : model) },
    { title: "User", cell: ({ user }) => user ?? "–" },
    { title: "Remarks", cell: remarks },
  ];
}

function remarks(entry) {
  return h(
    "span",
    { class: "remarks" },
    flagsCell(entry.flags),
    entry.note.reason,
    entry.note.code && h("code", {}, entry.note.code),
  );
}

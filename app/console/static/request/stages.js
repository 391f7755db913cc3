/**
 * The seven stages of a request, and how long each took.
 */

import { h } from "../dom.js";
import { time as clock, duration } from "../format.js";
import { card, table } from "../parts.js";

const STAGES = {
  authenticate: "The virtual key is looked up.",
  normalise: "The body is checked and put into the model's own words.",
  quote: "The most it can cost is worked out.",
  admit: "Every limit and budget is asked, and the quote set aside. A wait for a turn is part of it.",
  forward: "The request goes upstream, and the answer passes through.",
  settle: "What was set aside becomes what it cost, or is given back.",
  record: "It is counted, and gets its line in the log.",
};

/** A card with them, as bars one after the other. */
export function stagesCard(shown) {
  return card("Stages", { class: "request-stages" }, body(shown));
}

function body(shown) {
  if (!shown.hasRecord) {
    return h("p", { class: "soft" }, "Times are kept for a day, and this request is older. The ledger has the rest.");
  }
  if (!shown.hasEnded) return h("p", { class: "soft" }, "The times are told when it has ended.");
  const total = Object.values(shown.stages).reduce((sum, one) => sum + one, 0);
  let begun = 0;
  const rows = Object.keys(STAGES).map((name) => {
    const row = { name, begun, took: shown.stages[name] };
    begun += row.took ?? 0;
    return row;
  });
  const last = rows.findLast(({ took }) => took !== undefined)?.name;
  const columns = [
    { title: "Stage", cell: ({ name }) => h("span", { title: STAGES[name] }, name) },
    { title: "Time", number: true, cell: (row) => time(row, shown), sum: duration(total / 1000) },
    { title: "When", cell: (row) => bar(row, total) },
    { title: "What happens", cell: ({ name }) => h("small", {}, STAGES[name]) },
  ];
  columns[0].sum = "All";
  return [
    total === 0 &&
      h("p", { class: "note warn" }, "Nobody was left to tell the times: the replica that made it has gone."),
    table("The stages in their order", columns, rows),
    shown.firstByteSeconds !== null &&
      h("p", { class: "soft" }, `The upstream's first byte came after ${duration(shown.firstByteSeconds)}.`),
    shown.error && last && h("p", { class: "soft" }, `It got as far as the stage “${last}”.`),
  ];
}

function bar({ begun, took }, total) {
  const track = h("span", { class: "track", "aria-hidden": "true" });
  if (took === undefined || total === 0) return track;
  const piece = h("span", { class: "piece" });
  // However short, it is there to be seen.
  piece.style.left = `min(${(begun / total) * 100}%, 100% - 3px)`;
  piece.style.width = `max(${(took / total) * 100}%, 3px)`;
  track.append(piece);
  return track;
}

/** The last two have no time of their own: what is kept was written by the one, before the other. */
function time({ name, took }, shown) {
  if (took !== undefined) return duration(took / 1000);
  if (name === "settle") return shown.resolvedAt ? `at ${clock(shown.resolvedAt)}` : "–";
  if (name === "record") return "in the log";
  return "not reached";
}

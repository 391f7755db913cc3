/**
 * How the cost of a request came about: its tokens or pictures times the unit prices it was made at.
 */

import { h } from "../dom.js";
import { moment, money, number } from "../format.js";
import { kindBadge } from "../ledger/entry_table.js";
import { flagsCell, meaningOf } from "../ledger/flags.js";
import { card, figure, figures, table } from "../parts.js";

const NANOS = 1_000_000_000;
const KINDS = {
  text_input: "Text in",
  image_input: "Pictures in",
  text_output: "Text out",
  image_output: "Pictures out",
};

/** A card with quote and cost, and, where the ledger can be read, how one became the other. */
export function moneyCard(shown) {
  const { quote, cost } = shown;
  return card(
    "Quote and cost",
    { class: "request-money" },
    figures(figure("Quote", money(quote), "the most it could cost"), figure("Cost", money(cost), aboutCost(shown))),
    shown.entries?.map((entry) => breakdown(entry)),
    shown.entries?.length > 1 && entriesTable(shown.entries),
  );
}

function aboutCost({ quote, cost, entries }) {
  if (cost === null) return "told when it has ended";
  const credited = (entries ?? [])
    .filter(({ flags }) => flags.includes("credit"))
    .reduce((sum, one) => sum - Number(one.cost), 0);
  if (credited > 0) return `after ${money(credited)} of credit`;
  const spared = Number(quote) - Number(cost);
  if (spared > 0) return `${money(spared)} less than the quote`;
  return spared < 0 ? `${money(-spared)} more than the quote` : "as much as the quote";
}

/** The one entry that charged it, taken apart. */
function breakdown(entry) {
  const { prices } = entry.note;
  if (entry.kind === "correction" || !prices) return null;
  if (entry.kind === "release")
    return h("p", { class: "note" }, "What was set aside was given back: nothing is charged.");
  const rows = rowsOf(entry, prices);
  const sum = rows.reduce((before, row) => before + row.nanos, 0);
  const charged = Math.round(Number(entry.cost) * NANOS);
  const flags = entry.flags.filter((flag) => meaningOf(flag));
  return [
    rows.length > 0 && sum === charged && pricesTable(rows, entry.cost),
    flags.map((flag) => h("p", { class: "note warn" }, meaningOf(flag))),
    rows.length > 0 &&
      sum !== charged &&
      flags.length === 0 &&
      h("p", { class: "note" }, "Charged as far as its usage was seen."),
    h("p", {}, h("small", {}, `Prices: ${basisOf(prices)}. Catalog ${entry.note.catalog ?? "–"}.`)),
  ];
}

function rowsOf(entry, prices) {
  const tokens = Object.keys(KINDS).map((kind) => {
    const count = entry[`${kind}_tokens`];
    return { name: KINDS[kind], count, unit: `${money(prices[kind] / 1000)} per million`, nanos: count * prices[kind] };
  });
  const pictures = {
    name: "Pictures",
    count: entry.images,
    unit: `${money(prices.per_image / NANOS)} each`,
    nanos: entry.images * prices.per_image,
  };
  return [...tokens, prices.per_image > 0 ? pictures : { count: 0 }].filter(({ count }) => count > 0);
}

function pricesTable(rows, cost) {
  return table(
    "How the cost came about",
    [
      { title: "What", cell: ({ name }) => name, sum: "Charged" },
      { title: "Count", number: true, cell: ({ count }) => number(count) },
      { title: "Price", number: true, cell: ({ unit }) => unit },
      { title: "Cost", number: true, cell: ({ nanos }) => money(nanos / NANOS), sum: money(cost) },
    ],
    rows,
  );
}

function entriesTable(entries) {
  return table(
    "Its ledger entries, the oldest first",
    [
      { title: "Entered", cell: (entry) => moment(entry.resolved_at) },
      { title: "What", cell: kindBadge },
      { title: "Cost", number: true, cell: (entry) => money(entry.cost) },
      { title: "Why", cell: (entry) => [flagsCell(entry.flags), entry.note.reason ?? entry.note.code] },
    ],
    entries,
  );
}

function basisOf({ basis, source }) {
  return [basis, source].filter(Boolean).join(", ");
}

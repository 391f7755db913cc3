/**
 * A teammate's own page: what their virtual key has used, what is left for it, how to use it, and its requests.
 */

import { h, replace } from "../dom.js";
import { own } from "../doors.js";
import { counted, money, number } from "../format.js";
import { keepFresh, redraw } from "../fresh.js";
import { card, empty, figure, figures, link, table } from "../parts.js";
import { limitsCard } from "../mine/limits.js";
import { requestsView } from "../mine/requests.js";
import { howToUse } from "../mine/snippets.js";

export const title = "My usage";

/** Shows the page, and keeps it fresh until it is left. */
export async function show({ root, signal }) {
  const usage = h("div", { class: "below-each-other" });
  const requests = h("div");
  const list = requestsView(signal);
  const sources = [
    { place: usage, ask: () => own("/usage", { signal }), begin: usageView },
    { place: requests, ask: list.ask, begin: () => list },
  ];
  replace(root, keepFresh(sources, signal), usage, card("My requests", {}, requests), howToUse(signal));
}

function usageView() {
  const sums = h("section", { class: "card", "aria-label": "What this key has used" });
  const models = h("div");
  const limits = limitsCard();
  return {
    element: [sums, limits.element, card("By model", {}, models)],
    show(found) {
      redraw(sums, summed(found));
      limits.show(found);
      redraw(models, byModel(found));
    },
  };
}

function summed({ key, team, timezone, today, month }) {
  return [
    h(
      "p",
      {},
      "Virtual key ",
      h("strong", {}, key.alias),
      " of team ",
      h("strong", {}, team),
      ", known as ",
      h("code", {}, key.id),
      ".",
    ),
    figures(
      figure("Spent today", money(today.cost), requests(today)),
      figure("Spent this month", money(month.cost), requests(month)),
      figure("Pictures today", number(today.images)),
      figure("Pictures this month", number(month.images)),
    ),
    h("p", { class: "soft footnote" }, `Of this key alone. ${zonesInWords(timezone)}`),
  ];
}

function requests({ requests: sent, delivered }) {
  return sent === 0 ? "no requests" : `${number(delivered)} of ${counted(sent, "request")} delivered`;
}

/** Days begin where the budget's do; what the clock shows is this browser's. */
function zonesInWords(timezone) {
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (here === timezone) return `Days, months and times are those of ${timezone}.`;
  return `Days and months are those of ${timezone}; times of day are those of ${here}, as in this browser.`;
}

/** Every model of the month; what one of them did today is part of that. */
function byModel({ today, month }) {
  if (month.models.length === 0) {
    return empty(
      "Nothing was used this month",
      "Make a picture in the ",
      link("/playground", "Playground"),
      ", or by the code below.",
    );
  }
  const ofToday = new Map(today.models.map((model) => [model.model, model]));
  return table(
    "This month by model, the dearest first",
    [
      { title: "Model", cell: (row) => row.model, sum: "In all" },
      {
        title: "Spent today",
        cell: (row) => money(ofToday.get(row.model)?.cost ?? 0),
        number: true,
        sum: money(today.cost),
      },
      { title: "Spent this month", cell: (row) => money(row.cost), number: true, sum: money(month.cost) },
      { title: "Pictures", cell: (row) => number(row.images), number: true, sum: number(month.images) },
      { title: "Requests", cell: (row) => number(row.requests), number: true, sum: number(month.requests) },
      { title: "Delivered", cell: (row) => number(row.delivered), number: true, sum: number(month.delivered) },
    ],
    month.models,
    { class: "unbroken" },
  );
}

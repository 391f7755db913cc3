/**
 * The newest requests of a team within a day, those under way too.
 */

import { h } from "../dom.js";
import { admin } from "../doors.js";
import { briefMoment, duration, moment, money, number } from "../format.js";
import { keepFresh, redraw } from "../fresh.js";
import { actionButton, card, empty, stateBadge, table } from "../parts.js";
import { requestLink } from "./request_link.js";

const FEW = 8;
const MANY = 100; // the door gives no more

/** A card with them, kept fresh until the signal. */
export function recent(team, signal) {
  const place = h("div", {});
  const list = h("div", {});
  let limit = FEW;
  const ask = () => admin("/requests", { query: { team, limit }, signal });
  const draw = ({ requests }) =>
    redraw(list, requestTable(team, requests), requests.length === limit && limit === FEW && more);
  const showMore = async () => {
    limit = MANY;
    draw(await ask());
    list.querySelector(".table").focus();
  };
  const more = h("div", { class: "buttons after-table" }, actionButton("Show more", showMore, { class: "small" }));
  const fresh = keepFresh([{ name: "requests", place, ask, begin: () => ({ element: list, show: draw }) }], signal);
  return card("Recent requests", { beside: fresh }, place);
}

function requestTable(team, requests) {
  if (requests.length === 0)
    return empty("No request within the last day.", "What is being made appears here at once.");
  return table("Requests of the last day, the newest first", columns(team), requests, { class: "dense" });
}

function columns(team) {
  return [
    { title: "Admitted", cell: ({ admitted_at: at }) => h("span", { title: moment(at) }, briefMoment(at)) },
    { title: "Request", cell: (record) => requestLink(team, record.id) },
    { title: "State", cell: (record) => stateBadge(record.state) },
    { title: "Cost", number: true, cell: (record) => money(record.cost) },
    { title: "Quote", number: true, cell: (record) => money(record.quote) },
    { title: "Took", number: true, cell: took },
    { title: "Pictures", number: true, cell: (record) => (record.resolved_at ? number(record.images) : "–") },
    { title: "Key", cell: (record) => record.alias || record.key },
    { title: "Model", cell: (record) => record.model },
  ];
}

function took({ admitted_at: began, resolved_at: ended }) {
  return ended ? duration((Date.parse(ended) - Date.parse(began)) / 1000) : "–";
}

/**
 * A virtual key's own requests of the last day, those under way too, the newest first.
 */

import { h } from "../dom.js";
import { own, path } from "../doors.js";
import { duration, moment, money, number } from "../format.js";
import { redraw } from "../fresh.js";
import { actionButton, empty, link, stateBadge, table } from "../parts.js";

const FEW = 20;
/** As many as the gateway remembers of a key. */
const ALL = 100;

/** A view that asks for itself: more once somebody wants more. */
export function requestsView(signal) {
  const place = h("div");
  let limit = FEW;
  const ask = () => own("/images/requests", { query: { limit }, signal });
  const show = ({ data }) => redraw(place, drawn(data));
  const more = actionButton(`Show up to ${ALL}`, async () => {
    limit = ALL;
    show(await ask());
  });
  const drawn = (requests) => {
    if (requests.length === 0) {
      return empty(
        "No request in the last day",
        "What this key asks for is listed here, for a day, with what became of it.",
      );
    }
    const isCut = limit === FEW && requests.length === FEW;
    return [listed(requests), isCut && h("div", { class: "row footnote" }, more)];
  };
  return { element: place, ask, show };
}

function listed(requests) {
  return table(
    "Of the last day, the newest first",
    [
      { title: "Admitted", cell: (row) => link(path`/mine/${row.id}`, moment(row.created_at)) },
      {
        title: "State",
        cell: (row) => [stateBadge(row.status), row.error?.code && h("small", {}, ` ${row.error.code}`)],
      },
      { title: "Model", cell: (row) => row.model },
      { title: "Pictures", cell: (row) => number(row.images), number: true },
      { title: "Took", cell: (row) => duration(row.seconds), number: true },
      { title: "Cost", cell: cost, number: true },
    ],
    requests,
    { class: "unbroken" },
  );
}

/** Before the end nobody knows it, but what was set aside is the most it can be. */
function cost({ cost: dollars, quote }) {
  return dollars === null ? h("span", { class: "soft" }, `at most ${money(quote)}`) : money(dollars);
}

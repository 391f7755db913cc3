/**
 * A list item for each request whose pictures are kept; these are fetched, a few at a time, when they are scrolled to.
 */

import { h, replace } from "../dom.js";
import { fetchOwn, path } from "../doors.js";
import { moment, money, relative } from "../format.js";
import { badge, failed, loading, report } from "../parts.js";
import { pictureRow } from "../picture_row.js";
import { picturesOf } from "../pictures.js";
import { turns } from "../turns.js";
import { orderButtons } from "./order_buttons.js";
import { remembered } from "./remembered.js";

const AT_ONCE = 2;
const UNKNOWN = "Not asked for in this tab, and the gateway stores no prompts.";

/**
 * @param {{signal: AbortSignal, reuse: (order: Object) => void}} how
 * @returns {{itemOf: (request: Object) => HTMLElement, has: (id: string, pictures: Picture[]) => void}}
 *   `itemOf` makes the item of a request once; `has` is told pictures that need not be fetched.
 */
export function keptRequests({ signal, reuse }) {
  const items = new Map();
  const unseen = new WeakMap();
  const there = new Map();
  const inTurn = turns(AT_ONCE);
  const seen = new IntersectionObserver(onSeen, { rootMargin: "200px" });
  signal.addEventListener("abort", () => seen.disconnect());

  function onSeen(entries) {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      seen.unobserve(target);
      unseen.get(target)();
    }
  }

  function newItem(request) {
    const pictures = h("div", { class: "pictures" }, h("p", { class: "soft" }, "Fetched when it is scrolled to."));
    const order = remembered(request.id);
    const item = drawn(request, order, pictures, reuse);
    const show = () => inTurn(() => showPictures(request, pictures, order));
    unseen.set(item, show);
    if (there.has(request.id)) show();
    else seen.observe(item);
    return item;
  }

  async function showPictures(request, pictures, order) {
    try {
      const known = there.get(request.id);
      if (!known) replace(pictures, loading("Fetching"));
      const about = { id: request.id, words: order?.body.prompt ?? null };
      pictureRow(pictures, known ?? (await fetched(request.id, signal)), about);
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      report(error);
      const again = () => inTurn(() => showPictures(request, pictures, order));
      replace(pictures, failed(error, again));
    }
  }

  return {
    itemOf: (request) => {
      if (!items.has(request.id)) items.set(request.id, newItem(request));
      return items.get(request.id);
    },
    has: (id, pictures) => there.set(id, pictures),
  };
}

function drawn(request, order, pictures, reuse) {
  const { finished_at: finished, result } = request;
  return h(
    "li",
    { class: "kept", "data-request": request.id },
    pictures,
    h("p", { class: order ? "words" : "words soft" }, order?.body.prompt ?? UNKNOWN),
    h(
      "p",
      { class: "row about" },
      badge(request.model),
      h("strong", {}, money(request.cost)),
      h("span", { class: "soft", title: moment(finished) }, relative(finished)),
    ),
    h("small", {}, `Kept until ${moment(result.expires_at)}`),
    h("div", { class: "buttons" }, orderButtons(order, reuse)),
  );
}

async function fetched(id, signal) {
  return (await picturesOf(await fetchOwn(path`/images/requests/${id}`, { signal }), { signal })).pictures;
}

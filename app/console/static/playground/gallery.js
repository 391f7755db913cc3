/**
 * The pictures of this key that the gateway still keeps; each is fetched when somebody scrolls to it.
 */

import { h, replace } from "../dom.js";
import { own } from "../doors.js";
import { number } from "../format.js";
import { hasEnded } from "../has_ended.js";
import { card, empty, fill, report } from "../parts.js";
import { keptRequests } from "./kept_requests.js";

/** The gateway remembers no more of a key. */
const MOST = 100;
/** While pictures are being made, their end is looked for. */
const AGAIN_MS = 5000;

/**
 * @param {{signal: AbortSignal, reuse: (order: Object) => void}} how
 * @returns {{element: HTMLElement, refresh: () => Promise<void>, has: (id: string, pictures: Picture[]) => void}}
 *   `has` gives it pictures that are there already, so that they are not fetched.
 */
export function gallery({ signal, reuse }) {
  const place = h("div", {});
  const problem = h("p", { class: "problem", role: "alert" });
  const again = h("button", { type: "button", class: "small", on: { click: () => refresh() } }, "Refresh");
  const element = card("Kept pictures", { beside: again }, problem, place);
  const kept = keptRequests({ signal, reuse });
  let [isDrawn, timer] = [false, 0];
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function ask() {
    return (await own("/images/requests", { query: { limit: MOST }, signal })).data;
  }

  /** Asks anew; what is shown stays until the answer is there, or where none comes. */
  async function refresh() {
    clearTimeout(timer);
    if (!isDrawn) return fill(place, ask, draw, "Looking for kept pictures");
    try {
      problem.textContent = "";
      replace(place, draw(await ask()));
    } catch (error) {
      if (error.name === "AbortError") return;
      report(error);
      problem.textContent = error.message;
    }
  }

  function draw(requests) {
    isDrawn = true;
    const underWay = requests.filter(({ status }) => !hasEnded(status));
    const shown = requests.filter(({ result }) => result?.kept);
    if (underWay.length > 0 && !signal.aborted) timer = setTimeout(refresh, AGAIN_MS);
    return [
      underWay.length > 0 && h("p", { class: "note" }, `${number(underWay.length)} more being made at this moment.`),
      shown.length > 0
        ? h(
            "ul",
            { class: "gallery", "aria-label": "Kept pictures" },
            shown.map((request) => kept.itemOf(request)),
          )
        : empty("No pictures are kept", "What is made with this key is seen here for as long as the gateway keeps it."),
    ];
  }

  return { element, refresh, has: kept.has };
}

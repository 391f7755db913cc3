/**
 * Each limit of a virtual key and of its team: what is left, when it comes back, whose it is and what it means.
 */

import { h } from "../dom.js";
import { money, number } from "../format.js";
import { redraw } from "../fresh.js";
import { isPerMinute, limitWords, resetsInWords } from "../keys/limits.js";
import { badge, card, empty, shareBar } from "../parts.js";

const SCOPES = {
  key: { whose: "this key's", who: "This key" },
  team: { whose: "the team's", who: "All keys of the team together" },
};

/** The card; `show` is told `GET /v1/usage`. */
export function limitsCard() {
  const place = h("div");
  return { element: card("Limits", {}, place), show: ({ limits }) => redraw(place, drawn(limits)) };
}

function drawn(limits) {
  if (limits.length === 0) return empty("No limit", "Neither this key nor its team has a budget or any other limit.");
  // Money first, and what is this key's own before what it shares.
  const rank = (limit) => (limit.what === "budget" ? 0 : 2) + (limit.scope === "key" ? 0 : 1);
  return [
    h(
      "p",
      { class: "soft" },
      "A request must fit all of these. What requests under way have set aside counts as used.",
    ),
    h("ul", { class: "standings" }, [...limits].sort((one, other) => rank(one) - rank(other)).map(standing)),
  ];
}

function standing(limit) {
  const { label, meaning } = limitWords(limit.what);
  const { whose, who } = SCOPES[limit.scope];
  const shown = limit.what === "budget" ? money : number;
  const [most, left] = [Number(limit.limit), Number(limit.left)];
  const words =
    most === 0
      ? "0: nothing may be made"
      : `${shown(most - left)} of ${shown(limit.limit)} used, ${shown(limit.left)} left`;
  return h(
    "li",
    {},
    h("div", { class: "standing-head" }, h("h3", {}, label), badge(whose, limit.scope === "key" ? "info" : "")),
    shareBar({ most: most || 1, used: most === 0 ? 1 : most - left, words }),
    h("small", {}, comesBack(limit, most === left)),
    h("small", {}, `${who} ${meaning}`),
  );
}

function comesBack({ what, resets_at: at }, isWhole) {
  if (what === "concurrent_images") return "A picture that is done makes room at once.";
  if (!isPerMinute(what)) return `${resetsInWords(what, at)}.`;
  return isWhole
    ? "All of it is there; what is used comes back steadily, within a minute."
    : `${resetsInWords(what, at)}; what is used comes back steadily.`;
}

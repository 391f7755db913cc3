/**
 * Numbers with their names, bars of budgets, badges, links.
 */

import { h } from "../dom.js";
import { money } from "../format.js";

/** A number with its name and, where it helps, what it is to be seen against. */
export function figure(name, value, ...about) {
  return h(
    "div",
    { class: "figure" },
    h("dt", {}, name),
    h("dd", {}, h("strong", {}, value), about.length > 0 && h("small", {}, about)),
  );
}

/** Figures side by side. */
export function figures(...all) {
  return h("dl", { class: "figures" }, all);
}

/**
 * How much of a budget is used, held and left, as a bar and in words. Money as the doors' strings of dollars.
 *
 * @param {{limit: string, spent: string, held?: string}} of
 */
export function budgetBar({ limit, spent, held = "0" }) {
  const [most, used, aside] = [limit, spent, held].map(Number);
  const left = Math.max(0, most - used - aside);
  const heldToo = aside > 0 ? `, ${money(held)} held` : "";
  const words = `${money(spent)} of ${money(limit)} spent${heldToo}, ${money(left)} left`;
  return shareBar({ most, used, aside, words });
}

/**
 * How much of anything is used, as a bar, and the words that say it.
 *
 * @param {{most: number, used: number, aside?: number, words: string}} of `aside` is held, neither used nor left.
 */
export function shareBar({ most, used, aside = 0, words }) {
  const share = (value) => (most > 0 ? Math.min(1, Math.max(0, value / most)) : value > 0 ? 1 : 0);
  const spentShare = share(used);
  const heldShare = Math.min(share(aside), 1 - spentShare);
  const bar = h("div", { class: "bar", role: "img", "aria-label": words });
  for (const [name, width] of [
    ["spent", spentShare],
    ["held", heldShare],
  ]) {
    const piece = h("span", { class: `${name}${spentShare >= 0.9 ? " near" : ""}` });
    piece.style.width = `${width * 100}%`;
    bar.append(piece);
  }
  return h("div", { class: "budget" }, bar, h("small", { "aria-hidden": "true" }, words));
}

/** A word with a colour of its own; the word says all, the colour helps. */
export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** How a request or a virtual key is, as a badge. */
export function stateBadge(state) {
  const kinds = {
    delivered: "good",
    active: "good",
    waiting: "info",
    in_progress: "info",
    unknown: "warn",
    disabled: "warn",
    expired: "warn",
    failed: "bad",
    refused: "bad",
    revoked: "bad",
  };
  return badge(state.replaceAll("_", " "), kinds[state] ?? "");
}

/** A link to another page of the console. */
export function link(address, ...children) {
  return h("a", { href: `#${address}` }, children);
}

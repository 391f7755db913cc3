/**
 * How a team or a virtual key stands with its budget.
 */

import { h } from "../dom.js";
import { money } from "../format.js";
import { budgetBar } from "../parts.js";
import { resetsInWords } from "./limits.js";

/** How much of its budget a key or team has used, as the door's standing tells; without one, what was spent. */
export function standingBar({ budget, spent, held, resets_at: resetsAt }) {
  if (!budget) {
    const words = `${money(spent)} spent${Number(held) > 0 ? `, ${money(held)} held` : ""}`;
    return h("div", {}, words, h("small", { class: "under" }, "No budget"));
  }
  return h(
    "div",
    {},
    budgetBar({ limit: budget.limit, spent, held }),
    h("small", {}, resetsInWords("budget", resetsAt)),
  );
}

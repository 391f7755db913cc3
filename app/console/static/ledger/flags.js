/**
 * What the flags of ledger entries mean.
 */

import { h } from "../dom.js";
import { badge } from "../parts.js";

const MEANINGS = {
  at_quote: "It is charged at the quote, because its true cost is not known.",
  above_quote: "It cost more than was quoted: the profile of the model is wrong. It is charged in full.",
  bad_usage: "The upstream told no usage, or one that cannot be believed.",
  assumed: "The model is not in the catalog; it was let through on assumptions.",
  admit_unconfirmed: "Redis did not confirm the admission, so nothing was sent upstream.",
  credit: "Money was given back.",
};

/** What a flag says, in a sentence. */
export function meaningOf(flag) {
  return MEANINGS[flag] ?? "";
}

/** Flags as badges; `credit` is told elsewhere. */
export function flagsCell(flags) {
  const told = flags.filter((flag) => flag !== "credit");
  return told.map((flag) => [h("span", { title: meaningOf(flag) }, badge(flag.replaceAll("_", " "), "warn")), " "]);
}

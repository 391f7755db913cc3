/**
 * What was changed in a request before it went upstream, in words.
 */

import { h } from "../dom.js";
import { card } from "../parts.js";

const WORDS = {
  dropped: "was left out: the model does not take it, or it means nothing beside what else was asked for.",
  emulated: "was made by the gateway, as the model does not do it itself.",
  "fanned-out": "was sent as several requests of one picture each, as the model makes one at a time.",
};

/** A card with the changes; none where nothing was changed. */
export function changesCard({ normalized }) {
  if (normalized.length === 0) return null;
  return card(
    "Changed on the way",
    {},
    h(
      "ul",
      { class: "request-changes" },
      normalized.map((item) => h("li", {}, sentence(item))),
    ),
  );
}

/** An item of the List of RFC 9651 that the header `x-imagegate-normalized` is, such as `size;to="1664*928"`. */
function sentence(item) {
  const [name, ...rest] = item.split(";");
  const how = rest.join(";");
  const code = h("code", {}, name);
  if (how.startsWith("to=")) return [code, " was sent as ", h("code", {}, how.slice(3).replace(/^"|"$/g, "")), "."];
  return [code, " ", WORDS[how] ?? `: ${how}`];
}

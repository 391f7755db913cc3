/**
 * A part of a page with its heading.
 */

import { h, uniqueId } from "../dom.js";

/**
 * A region that is called what its heading says.
 *
 * @param {string|Node} title
 * @param {{class?: string, beside?: any}} how `beside` is what stands to the right of the heading.
 * @param {...any} children
 */
export function card(title, how, ...children) {
  const id = uniqueId("card");
  return h(
    "section",
    { class: how.class ? `card ${how.class}` : "card", "aria-labelledby": id },
    h("div", { class: "card-head" }, h("h2", { id }, title), how.beside),
    children,
  );
}

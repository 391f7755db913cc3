/**
 * The playground: a picture is described, its cost is seen, it is made, and what was made is found again.
 */

import { h, replace } from "../dom.js";
import { own } from "../doors.js";
import { card, empty, fill } from "../parts.js";
import { gallery } from "../playground/gallery.js";
import { keyForm, keyLine } from "../playground/key_field.js";
import { liveQuote } from "../playground/live_quote.js";
import { making } from "../playground/making.js";
import { missing } from "../playground/order.js";
import { showCode } from "../playground/order_buttons.js";
import { orderForm } from "../playground/order_form.js";
import { draft, keepDraft } from "../playground/remembered.js";
import { goTo } from "../router.js";
import { session } from "../session.js";

export const title = "Playground";

const ORDER = "order";

/** Shows the playground, or asks an operator for the virtual key it needs. */
export async function show({ root, signal }) {
  // Anew, so that nothing of another key's page goes on.
  const again = () => goTo("/playground");
  if (!session.virtualKey) {
    replace(root, keyForm(again));
    root.querySelector("input").focus();
    return;
  }
  const bench = h("div", {});
  replace(root, keyLine(again), bench);
  await fill(
    bench,
    () => own("/catalog", { signal }),
    (catalog) => drawn(catalog, signal),
    "Looking at the models",
  );
}

function drawn(catalog, signal) {
  if (catalog.models.length === 0)
    return empty("No models", "This key may use none that has a price here. Ask whoever runs this gateway.");
  const quote = liveQuote({ signal, problem: (error) => order.problem(error) });
  const kept = gallery({ signal, reuse });
  const place = making({ signal, problem: (error) => order.problem(error), reuse, ended });
  const make = h("button", { type: "submit", form: ORDER, class: "primary" }, "Make");
  const code = h("button", { type: "button", on: { click: () => showCode(order.read()) } }, "SDK code");
  const order = orderForm(catalog, { id: ORDER, changed, submit });

  function changed() {
    const wanted = order.read();
    keepDraft(wanted);
    quote.ask(wanted);
  }

  async function submit() {
    if (make.getAttribute("aria-disabled") === "true") return;
    const wanted = order.read();
    order.clear();
    const lack = missing(wanted);
    if (lack) {
      order.problem(lack)?.focus();
      return;
    }
    make.setAttribute("aria-disabled", "true");
    try {
      await place.make(wanted);
    } finally {
      make.removeAttribute("aria-disabled");
    }
  }

  function ended(id, pictures) {
    if (id && pictures.length > 0) kept.has(id, pictures);
    kept.refresh();
    quote.ask(order.read()); // what is left is less now
  }

  function reuse(before) {
    order.fill(before);
    order.element.querySelector("textarea").focus();
  }

  order.fill(draft());
  kept.refresh();
  quote.element.append(h("div", { class: "buttons" }, make, code));
  return h(
    "div",
    { class: "playground" },
    card("Order", {}, order.element),
    h("div", { class: "bench" }, quote.element, place.element),
    kept.element,
  );
}

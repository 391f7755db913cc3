/**
 * A field for the models a virtual key may use: all, or those that are ticked.
 */

import { h } from "../dom.js";
import { Refused } from "../doors.js";
import { field, fill } from "../parts.js";

/**
 * @param {{models: string[]|null, catalog: () => Promise<Object>}} of `models` null: all.
 * @returns {{element: HTMLElement, read: () => string[]|null}} `read` refuses a list of none.
 */
export function modelsField({ models, catalog }) {
  const isNarrow = h("input", { type: "checkbox", name: "models", checked: models !== null });
  const place = h("div", {});
  let ticks = null;
  const draw = (found) => {
    ticks = offered(found, models ?? []).map((name) =>
      h("input", { type: "checkbox", value: name, checked: models?.includes(name) ?? false }),
    );
    return h(
      "div",
      { class: "ticks", role: "group", "aria-label": "Models" },
      ticks.map((tick) => h("label", { class: "row" }, tick, tick.value)),
    );
  };
  const open = () => {
    place.hidden = !isNarrow.checked;
    if (isNarrow.checked && ticks === null) fill(place, catalog, draw, "Loading the models");
  };
  isNarrow.addEventListener("change", open);
  open();
  const read = () => {
    if (!isNarrow.checked) return null;
    if (ticks === null) return models ?? none();
    const chosen = ticks.filter((tick) => tick.checked).map((tick) => tick.value);
    // A key that was told to use no model at all may stay so.
    return chosen.length > 0 || models?.length === 0 ? inOldOrder(chosen, models ?? []) : none();
  };
  const element = h(
    "fieldset",
    {},
    h("legend", {}, "Models"),
    field("Only some models", isNarrow, "Without this, the key may use every model there is, and those that come."),
    place,
  );
  return { element, read };
}

/** What can be bought, and what the key may use already, whatever has become of that. */
function offered(catalog, chosen) {
  const sold = catalog.models.filter((model) => model.prices && model.state !== "retired").map((model) => model.name);
  return [...new Set([...sold, ...chosen])].sort();
}

/** The same models in another order are no change. */
function inOldOrder(chosen, old) {
  return [...old.filter((name) => chosen.includes(name)), ...chosen.filter((name) => !old.includes(name))];
}

function none() {
  throw new Refused("Tick at least one model, or let the key use all of them.", { param: "models" });
}

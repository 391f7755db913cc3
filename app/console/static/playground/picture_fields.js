/**
 * The fields for the pictures that an edit starts from; which there are is the model's business.
 */

import { h, replace } from "../dom.js";
import { problemPlace } from "./parameter_form.js";
import { pictureField } from "./picture_field.js";

const PNG = ["image/png"];

/**
 * @param {() => void} changed
 * @returns {{element: HTMLElement, fit: (taken: Object|null) => void, files: () => Files,
 *   problem: (name: string, message: string) => (HTMLElement|null), clear: () => void}}
 *   `fit` makes those that an operation takes; what was chosen stays where the new ones have it, too.
 */
export function pictureFields(changed) {
  const element = h("div", { class: "inputs" });
  let [fields, places] = [{}, {}];
  const files = (name) => fields[name]?.files() ?? [];
  const all = () => ({ image: files("image"), mask: files("mask"), markup: files("markup") });
  return {
    element,
    fit: (taken) => {
      const before = all();
      fields = taken ? fieldsOf(taken, changed) : {};
      places = Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, problemPlace(one.element)]));
      for (const [name, one] of Object.entries(fields)) if (before[name].length > 0) one.fill(before[name]);
      replace(
        element,
        Object.values(fields).map((one) => one.element),
      );
    },
    files: all,
    problem: (name, message) => (fields[name] ? places[name].show(fields[name].control, message) : null),
    clear: () => Object.values(places).forEach((place) => place.clear()),
  };
}

function fieldsOf({ max_images: most, content_types: types, mask, markup }, changed) {
  const kinds = types.map((type) => type.replace("image/", "").toUpperCase()).join(", ");
  const one = (label, name, hint, how = {}) => pictureField(label, { name, types: PNG, hint, changed, ...how });
  return {
    image: one(most > 1 ? "Pictures to change" : "Picture to change", "image", `${kinds}; at most ${most}`, {
      most,
      types,
    }),
    ...(mask && { mask: one("Mask", "mask", "PNG; where it is transparent, the first picture is changed") }),
    ...(markup && { markup: one("Markup", "markup", "PNG; transparent but for your marks of what is to be changed") }),
  };
}

/**
 * Which model makes the pictures, and whether from words or from pictures.
 */

import { h, replace } from "../dom.js";
import { day, money } from "../format.js";
import { field, selectOf } from "../parts.js";

/** The operations this page knows, in the words it has for them. */
const OPERATIONS = { generations: "From a prompt", edits: "From pictures and a prompt" };

/** Those operations of a model. */
function operationsOf(model) {
  return Object.keys(OPERATIONS).filter((name) => model.operations[name]);
}

/**
 * @param {{models: Object[], default_model: string}} catalog
 * @param {() => void} changed
 * @returns {{element: HTMLElement, select: HTMLSelectElement, model: () => Object, operation: () => string,
 *   fill: (model?: string, operation?: string) => void}}
 */
export function modelField(catalog, changed) {
  const models = catalog.models.filter((model) => operationsOf(model).length > 0);
  const names = models.map((model) => [model.name, nameOf(model)]);
  const select = selectOf(names, { name: "model", on: { input: () => choose() } });
  const about = h("div", { class: "about-model" });
  const ways = h("fieldset", { class: "ways" });
  let operation = "generations";

  const model = () => models.find((one) => one.name === select.value);

  function choose(wanted = operation) {
    const possible = operationsOf(model());
    operation = possible.includes(wanted) ? wanted : possible[0];
    replace(about, describe(model()));
    replace(
      ways,
      h("legend", {}, "Make it"),
      possible.map((name) => way(name)),
    );
    changed();
  }

  function way(name) {
    const take = () => {
      operation = name;
      changed();
    };
    const control = h("input", {
      type: "radio",
      name: "operation",
      value: name,
      checked: name === operation,
      on: { input: take },
    });
    return h("label", { class: "way" }, control, OPERATIONS[name]);
  }

  return {
    element: h("div", { class: "model" }, field("Model", select), about, ways),
    select,
    model,
    operation: () => operation,
    fill: (name, wanted) => {
      const known = [name, catalog.default_model].find((one) => models.some((model) => model.name === one));
      select.value = known ?? models[0].name;
      choose(wanted);
    },
  };
}

function nameOf(model) {
  return model.state === "offered" ? model.name : `${model.name} (${model.state})`;
}

function describe(model) {
  const ends = model.ends ? ` It ends on ${day(model.ends)}.` : "";
  const instead = model.replacement ? ` Its provider recommends ${model.replacement}.` : "";
  return [
    h("small", {}, priceOf(model.prices)),
    model.state !== "offered" && h("small", {}, `This model is ${model.state}.${ends}${instead}`),
  ];
}

function priceOf(prices) {
  if (Number(prices.per_image) > 0) return `${money(prices.per_image)} per picture`;
  return `${money(prices.image_output)} per million tokens of pictures made`;
}

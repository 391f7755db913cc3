/**
 * The form of the playground: a prompt, a model, what that model takes; it gives and takes whole orders.
 */

import { h, replace } from "../dom.js";
import { field } from "../parts.js";
import { modelField } from "./model_field.js";
import { delivery, streams } from "./order.js";
import { parameterForm, problemPlace } from "./parameter_form.js";
import { pictureFields } from "./picture_fields.js";

const PARTIAL_PICTURES = 2;

/**
 * @param {Object} catalog `GET /v1/catalog`.
 * @param {{id: string, changed: () => void, submit: () => void}} how `id`: the form's, for buttons that are elsewhere.
 * @returns {{element: HTMLElement, read: () => Order, clear: () => void, fill: (order: Object|null) => void,
 *   problem: (error: Error) => (HTMLElement|null)}} `fill` puts a whole order in, such as one that was made before;
 *   `problem` shows an error at the field it is about: the control, or null where the page has no such field.
 */
export function orderForm(catalog, { id, changed, submit }) {
  const prompt = h("textarea", { name: "prompt", rows: 3, placeholder: "A paper boat on a quiet lake at dawn" });
  const promptField = field("Prompt", prompt);
  const chooser = modelField(catalog, () => rebuild());
  const pictures = pictureFields(tellChange);
  const fields = h("div", {});
  const places = {
    prompt: problemPlace(promptField),
    model: problemPlace(chooser.element.querySelector(".field")),
  };
  let [parameters, isFilling] = [null, false];
  const parts = [promptField, chooser.element, pictures.element, fields];
  const element = h("form", { id, class: "form order", novalidate: true, autocomplete: "off" }, parts);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  element.addEventListener("input", (event) => event.target.type !== "file" && tellChange());

  function tellChange() {
    if (isFilling) return;
    clear();
    changed();
  }

  function clear() {
    for (const one of [places.prompt, places.model, pictures, parameters]) one?.clear();
  }

  /** Fields of the model as it is now; what was chosen stays where the new one has it, too. */
  function rebuild(values = parameters?.read() ?? {}) {
    const { parameters: rules, pictures: taken } = chooser.model().operations[chooser.operation()];
    const begin = { partial_images: PARTIAL_PICTURES, ...values };
    parameters = parameterForm(adapted(rules, chooser.model()), begin, tellChange);
    replace(fields, parameters.element);
    pictures.fit(taken);
    tellChange();
  }

  function fill(order) {
    isFilling = true;
    prompt.value = order?.body?.prompt ?? "";
    chooser.fill(order?.body?.model, order?.operation);
    rebuild(order?.body ?? {});
    isFilling = false;
    tellChange();
  }

  function problem({ param, message }) {
    const name = param?.match(/^(images?|[a-z_]+)/)?.[0].replace(/^images$/, "image");
    if (!name) return null;
    if (name === "prompt") return places.prompt.show(prompt, message);
    if (name === "model") return places.model.show(chooser.select, message);
    return pictures.problem(name, message) ?? parameters.problem(name, message);
  }

  const read = () => orderOf(chooser, prompt.value.trim(), parameters.read(), pictures.files());
  return { element, read, clear, fill, problem };
}

/** An order as it is sent, its answer in the form that the page can show. */
function orderOf(chooser, prompt, { partial_images: partial, ...given }, files) {
  const [model, operation] = [chooser.model(), chooser.operation()];
  const rules = model.operations[operation].parameters;
  const body = { model: model.name, prompt, ...given, ...delivery(model, rules, given) };
  if (streams(model, given) && partial !== undefined) body.partial_images = partial;
  return { operation, body, files };
}

/** A rule of the page's own: partial pictures only where the answer is streamed. */
function adapted(rules, model) {
  if (!model.streams) return Object.fromEntries(Object.entries(rules).filter(([name]) => name !== "partial_images"));
  const formats = rules.output_format?.values;
  if (!formats?.includes("gif") || !rules.partial_images) return rules;
  const streamed = { parameter: "output_format", one_of: formats.filter((format) => format !== "gif"), value: null };
  return { ...rules, partial_images: { ...rules.partial_images, requires: [streamed] } };
}

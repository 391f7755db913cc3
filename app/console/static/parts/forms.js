/**
 * Buttons and forms that act once, however often they are pressed, and say what went wrong.
 */

import { h, uniqueId } from "../dom.js";
import { report } from "./states.js";

/**
 * A button whose work is never done twice by a double click: it does nothing while its work is under way.
 *
 * @param {string|Node} label
 * @param {(event: Event) => Promise<any>} work An error is shown beside the button.
 * @param {Object} attributes
 */
export function actionButton(label, work, attributes = {}) {
  const problem = h("span", { class: "problem", role: "alert" });
  const button = h("button", { type: "button", ...attributes }, label);
  button.addEventListener("click", (event) => once(button, problem, () => work(event)));
  return h("span", { class: "action" }, button, problem);
}

/**
 * A form that is sent once however often its button is pressed; an error is shown at the field it is about, else below.
 *
 * @param {{submit: string, work: (form: HTMLFormElement) => Promise<any>, class?: string, cancel?: () => void}} how
 * @param {...any} children
 */
export function form(how, ...children) {
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { type: "submit", class: "primary" }, how.submit);
  const element = h(
    "form",
    { class: how.class ?? "form", novalidate: true, autocomplete: "off" },
    children,
    h(
      "div",
      { class: "form-foot" },
      problem,
      h(
        "div",
        { class: "buttons" },
        button,
        how.cancel && h("button", { type: "button", on: { click: how.cancel } }, "Cancel"),
      ),
    ),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const field of element.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const wrong = [...element.elements].find((field) => field.willValidate && !field.validity.valid);
    if (wrong) {
      pointAt(wrong);
      problem.textContent = `${labelOf(wrong)}: ${wrong.validationMessage} ${wrong.title}`.trim();
      return;
    }
    once(button, problem, () => how.work(element)).then((error) => {
      const field = error?.param && element.querySelector(`[name="${CSS.escape(error.param)}"]`);
      if (!field) return;
      pointAt(field);
      // A door names a field as programs do; here it has a label.
      problem.textContent = error.message.replace(`${error.param}: `, () => `${labelOf(field)}: `);
    });
  });
  return element;
}

/** Leads to the field that has to be looked at, also where it is folded away. */
function pointAt(field) {
  field.closest("details")?.setAttribute("open", "");
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function labelOf(field) {
  return field.labels?.[0]?.firstChild?.textContent ?? "A field";
}

/** Does work unless the button's last is still under way; the error, where there was one. */
async function once(button, problem, work) {
  if (button.getAttribute("aria-busy") === "true") return null;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  problem.textContent = "";
  try {
    await work();
    return null;
  } catch (error) {
    if (error.name !== "AbortError") {
      report(error);
      problem.textContent = error.message;
    }
    return error;
  } finally {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  }
}

/**
 * A select of values with their words.
 *
 * @param {Object<string, string>|Array<[string, string]>} words
 * @param {Object} attributes Such as its name, and the value that is chosen.
 */
export function selectOf(words, attributes = {}) {
  const entries = Array.isArray(words) ? words : Object.entries(words);
  const options = entries.map(([value, shown]) => h("option", { value }, shown));
  return h("select", attributes, options);
}

/**
 * A field with its label and, below it, what it means.
 *
 * @param {string} label
 * @param {HTMLElement} control An input, select or textarea.
 * @param {string|Node} [hint]
 */
export function field(label, control, hint) {
  control.id ||= uniqueId("field");
  const hintId = hint && uniqueId("hint");
  if (hintId) control.setAttribute("aria-describedby", hintId);
  const isTick = control.type === "checkbox";
  const parts = [h("label", { for: control.id }, label), control];
  return h(
    "div",
    { class: isTick ? "field tick" : "field" },
    isTick ? parts.reverse() : parts,
    hint && h("small", { id: hintId }, hint),
  );
}

/**
 * The fields of a model's parameters, made from the rules of the catalog: only those it has, only what they may hold.
 */

import { h, uniqueId } from "../dom.js";
import { controlFor } from "./parameter_controls.js";
import { labelOf } from "./parameter_words.js";

/** What the page itself decides or has a field of its own for. */
const APART = new Set(["prompt", "stream", "response_format"]);
const FIRST = ["image", "size", "quality", "n", "output_format", "partial_images"];

/**
 * @param {Object<string, Object>} rules Of one operation of a model.
 * @param {Object} values What to begin with; what does not fit the rules is left open.
 * @param {() => void} changed
 */
export function parameterForm(rules, values, changed) {
  const parameters = new Map();
  for (const name of ordered(rules)) parameters.set(name, parameter(name, rules[name], changed));
  for (const [name, one] of parameters) one.fill(values[name]);

  const isFirst = (name) => FIRST.includes(name);
  const elements = (wanted) =>
    [...parameters].filter(([name]) => isFirst(name) === wanted).map(([, one]) => one.element);
  const more = h(
    "details",
    { class: "more" },
    h("summary", {}, "More settings"),
    h("div", { class: "fields" }, elements(false)),
  );
  more.hidden = elements(false).length === 0;
  const element = h("div", { class: "parameters" }, h("div", { class: "fields" }, elements(true)), more);
  if ([...parameters].some(([name, one]) => !isFirst(name) && one.read() !== undefined)) more.open = true;

  /** Shows what can be used beside what else is chosen: a compression only of a format that has one. */
  function adapt() {
    for (const [name, one] of parameters) {
      for (const requirement of rules[name].requires ?? []) one.require(requirement, valueOf(requirement.parameter));
    }
  }

  function valueOf(name) {
    return parameters.get(name)?.read() ?? rules[name]?.default;
  }

  element.addEventListener("input", adapt);
  adapt();
  return {
    element,
    read: () => {
      const used = [...parameters].filter(([, one]) => !one.element.hidden).map(([name, one]) => [name, one.read()]);
      return Object.fromEntries(used.filter(([, value]) => value !== undefined));
    },
    /** Shows at its field what is wrong with a parameter; whether there is such a field. */
    problem: (name, message) => {
      const one = parameters.get(name);
      if (!one) return null;
      if (more.contains(one.element)) more.open = true;
      return one.problem(message);
    },
    clear: () => parameters.forEach((one) => one.clear()),
  };
}

function ordered(rules) {
  const place = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.keys(rules)
    .filter((name) => !APART.has(name) && rules[name].type !== "any")
    .sort((one, other) => place(one) - place(other));
}

function parameter(name, rule, changed) {
  const made = controlFor(name, rule, changed);
  const place = problemPlace(made.element);
  return {
    element: made.element,
    read: made.read,
    fill: made.fill,
    require: ({ parameter: other, one_of: allowed, value }, given) => {
      const isMet = allowed.includes(given);
      if (value === null) {
        made.element.hidden = !isMet;
        return;
      }
      const option = [...made.control.options].find((one) => one.value === value);
      option.disabled = !isMet;
      option.textContent = isMet
        ? value
        : `${value} (only with ${labelOf(other).toLowerCase()} ${allowed.join(" or ")})`;
      if (!isMet && made.control.value === value) made.control.value = "";
    },
    problem: (message) => place.show(made.control, message),
    clear: () => place.clear(),
  };
}

/** A place below a field for what is wrong with it, tied to the control for those who do not see it. */
export function problemPlace(element) {
  const id = uniqueId("problem");
  const text = h("p", { class: "problem", id });
  element.append(text);
  let unmark = () => undefined;
  return {
    show: (control, message) => {
      unmark();
      text.textContent = message;
      const described = control.getAttribute("aria-describedby") ?? "";
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", `${described} ${id}`.trim());
      unmark = () => {
        control.removeAttribute("aria-invalid");
        if (described) control.setAttribute("aria-describedby", described);
        else control.removeAttribute("aria-describedby");
      };
      return control;
    },
    clear: () => {
      text.textContent = "";
      unmark();
    },
  };
}

/**
 * One control for each kind of rule of the catalog. What is left open is not sent, so that the model's default holds.
 */

import { h } from "../dom.js";
import { field, selectOf } from "../parts.js";
import { defaultOf, freeSizeHint, hintOf, labelOf, sizesOf } from "./parameter_words.js";
import { dataUrlOf, pictureField } from "./picture_field.js";

/**
 * @typedef {{element: HTMLElement, control: HTMLElement, read: () => any, fill: (value: any) => void}} Control
 *   `read` gives undefined for what is left open; `fill` with undefined leaves it open.
 */

/** The control of a parameter; `changed` is called when its value has changed other than by an event of the form. */
export function controlFor(name, rule, changed) {
  return (KINDS[rule.type] ?? text)(name, rule, changed);
}

const KINDS = { boolean: yesOrNo, choice, integer: numeric, number: numeric, size, references };

function choice(name, rule) {
  return selection(name, rule, rule.values, (value) => value);
}

function yesOrNo(name, rule) {
  const words = { true: "Yes", false: "No" };
  const made = selection(name, rule, ["true", "false"], (value) => words[value]);
  return { ...made, read: () => (made.control.value === "" ? undefined : made.control.value === "true") };
}

function selection(name, rule, values, shown) {
  const control = selectOf([["", defaultOf(rule)], ...values.map((value) => [value, shown(value)])], { name });
  return {
    element: field(labelOf(name), control, hintOf(name, rule)),
    control,
    read: () => control.value || undefined,
    fill: (value) => (control.value = values.includes(String(value)) ? String(value) : ""),
  };
}

function numeric(name, rule) {
  const step = rule.type === "integer" ? 1 : "any";
  const placeholder = rule.default === undefined ? null : String(rule.default);
  const control = h("input", { name, type: "number", min: rule.min, max: rule.max, step, placeholder });
  return {
    element: field(labelOf(name), control, hintOf(name, rule)),
    control,
    read: () => (control.value === "" ? undefined : Number(control.value)),
    fill: (value) => (control.value = value ?? ""),
  };
}

function text(name, rule) {
  const control = h("input", { name, type: "text" });
  return {
    element: field(labelOf(name), control, hintOf(name, rule)),
    control,
    read: () => control.value || undefined,
    fill: (value) => (control.value = value ?? ""),
  };
}

const OWN = "own size";

function size(name, rule) {
  const sizes = sizesOf(rule);
  const shown = (value) => (value === OWN ? "Another size …" : value);
  const made = selection(name, rule, rule.free ? [...sizes, OWN] : sizes, shown);
  if (!rule.free) return made;
  const own = h("input", { name: `own_${name}`, type: "text", placeholder: `1024${rule.separator ?? "x"}1024` });
  const ownField = field("Your size", own, freeSizeHint(rule.free));
  const element = h("div", {}, made.element, ownField);
  const show = () => {
    ownField.hidden = made.control.value !== OWN;
    element.className = ownField.hidden ? "" : "own-size";
  };
  made.control.addEventListener("input", () => {
    show();
    if (!ownField.hidden) own.focus();
  });
  show();
  return {
    element,
    get control() {
      return ownField.hidden ? made.control : own;
    },
    read: () => (ownField.hidden ? made.read() : own.value.trim() || undefined),
    fill: (value) => {
      made.fill(value === undefined || sizes.includes(value) ? value : OWN);
      own.value = made.control.value === OWN ? value : "";
      show();
    },
  };
}

function references(name, rule, changed) {
  let urls = [];
  const pictures = pictureField(labelOf(name), {
    name,
    most: rule.max_count,
    hint: hintOf(name, rule),
    changed: async () => {
      urls = await Promise.all(pictures.files().map(dataUrlOf));
      changed();
    },
  });
  return { ...pictures, read: () => (urls.length > 0 ? urls : undefined), fill: () => undefined };
}

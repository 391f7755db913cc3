/**
 * A field for pairs of texts, such as the notes of a virtual key: rows that can be added and taken away.
 */

import { h } from "../dom.js";

const MOST_PAIRS = 16;

/**
 * @param {{name: string, label: string, hint: string, pairs: Object}} of
 * @returns {{element: HTMLElement, read: () => Object}} Rows without a name are left out.
 */
export function pairsField({ name, label, hint, pairs }) {
  const rows = h("div", { class: "pairs" });
  const add = h(
    "button",
    { type: "button", class: "small", name, on: { click: () => addRow("", "").focus() } },
    "Add a note",
  );
  const count = () => (add.hidden = rows.childElementCount >= MOST_PAIRS);
  const addRow = (key, value) => {
    const first = h("input", { maxlength: 64, "aria-label": "Name of the note", placeholder: "name", value: key });
    const second = h("input", { maxlength: 512, "aria-label": "Note", placeholder: "note", value });
    const remove = h("button", { type: "button", class: "small", on: { click: () => takeAway(row) } }, "Remove");
    const row = h("div", { class: "pair" }, first, second, remove);
    rows.append(row);
    count();
    return first;
  };
  const takeAway = (row) => {
    row.remove();
    count();
    add.focus();
  };
  for (const [key, value] of Object.entries(pairs)) addRow(key, value);
  const read = () => {
    const given = [...rows.children].map((row) => [...row.querySelectorAll("input")].map((input) => input.value));
    return Object.fromEntries(given.map(([key, value]) => [key.trim(), value]).filter(([key]) => key !== ""));
  };
  return { element: h("fieldset", {}, h("legend", {}, label), h("small", {}, hint), rows, h("div", {}, add)), read };
}

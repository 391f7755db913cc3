/**
 * Tables that scroll sideways on narrow screens and say so to the keyboard.
 */

import { h } from "../dom.js";

/**
 * A table that scrolls sideways on narrow screens and says so to the keyboard.
 *
 * @param {string} caption
 * @param {Array<{title: string, cell: (row: any) => any, number?: boolean, sum?: any}>} columns
 * @param {Array<any>} rows
 */
export function table(caption, columns, rows, attributes = {}) {
  const cellClass = (column) => (column.number ? "number" : null);
  const [first, ...others] = columns;
  const head = columns.map((column) => h("th", { scope: "col", class: cellClass(column) }, column.title));
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: cellClass(first) }, first.cell(row)),
      others.map((column) => h("td", { class: cellClass(column) }, column.cell(row))),
    ),
  );
  const sums = columns.some((column) => column.sum !== undefined);
  return h(
    "div",
    { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      attributes,
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, body),
      sums &&
        h(
          "tfoot",
          {},
          h(
            "tr",
            {},
            columns.map((column) => h("td", { class: cellClass(column) }, column.sum ?? "")),
          ),
        ),
    ),
  );
}

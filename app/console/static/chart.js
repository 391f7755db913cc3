/**
 * Draws numbers as bars: columns side by side, such as days, and rows one below the other, such as models.
 *
 * A chart is drawn for the width it has, in CSS pixels, and anew when that changes: its letters stay as large as all
 * others.
 */

import { h, replace, svg, uniqueId } from "./dom.js";

const HEIGHT = 220;
const TOP = 10;
const BOTTOM = 24;
const ROW = 46;
/** How wide a letter of a label is at most, so that room is left for it. */
const LETTER = 7.2;
const TICKS = 4;
/** Until the width is known; browsers tell it before they show anything. */
const FIRST_WIDTH = 640;

/**
 * Columns over an axis with lines to read them by; the one pointed at, or chosen with the arrow keys, is told above.
 *
 * @param {{label: string, summary: string, columns: Array<Column>, axis: (value: number) => string,
 *   isWhole?: boolean}} of `label` and `summary` are all that is told of the drawing to who does not see it. `isWhole`:
 *   there are no parts of one.
 *
 * @typedef {{name: string, told: string, value: number}} Column `name` stands below it, `told` is read out.
 */
export function columnChart({ label, summary, columns, axis, isWhole = false }) {
  const readout = h("p", { class: "chart-told", id: uniqueId("chart") }, summary);
  const drawing = svg("svg", { role: "img", "aria-label": `${label}. ${summary}`, tabindex: 0, class: "columns" });
  let chosen = null;
  let plot = null;
  const draw = (width) => {
    plot = layOut(columns, axis, isWhole, width);
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    replace(
      drawing,
      grid(plot, axis),
      columns.map((column, at) => bar(plot, column, at, at === chosen)),
      names(plot, columns),
    );
  };
  const choose = (at) => {
    if (at === chosen) return;
    chosen = at;
    readout.textContent = at === null ? summary : columns[at].told;
    draw(plot.width);
  };
  const pointed = (event) => {
    const box = drawing.getBoundingClientRect();
    const at = Math.floor((((event.clientX - box.left) / box.width) * plot.width - plot.left) / plot.step);
    choose(at >= 0 && at < columns.length ? at : null);
  };
  const walk = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: () => columns.length - 1 };
  for (const event of ["pointermove", "pointerdown"]) drawing.addEventListener(event, pointed);
  drawing.addEventListener("pointerleave", () => choose(null));
  drawing.addEventListener("blur", () => choose(null));
  drawing.addEventListener("keydown", (event) => {
    if (!walk[event.key]) return;
    event.preventDefault();
    const begin = chosen ?? (event.key === "ArrowLeft" ? columns.length : -1);
    choose(Math.min(columns.length - 1, Math.max(0, walk[event.key](begin))));
  });
  return drawnToFit(h("div", { class: "chart" }, readout, drawing), draw);
}

/**
 * Rows with their name and value above a bar each; nothing has to be pointed at to be read.
 *
 * @param {{label: string, rows: Array<{name: string, shown: string, value: number}>}} of `shown` is the value in words.
 */
export function rowChart({ label, rows }) {
  const told = rows.map((row) => `${row.name} ${row.shown}`).join(", ");
  const drawing = svg("svg", { role: "img", "aria-label": `${label}: ${told}` });
  const most = Math.max(...rows.map((row) => row.value), 0);
  const draw = (width) => {
    drawing.setAttribute("viewBox", `0 0 ${width} ${rows.length * ROW}`);
    replace(
      drawing,
      rows.map((row, at) => named(row, at * ROW, width, most)),
    );
  };
  return drawnToFit(h("div", { class: "chart" }, drawing), draw);
}

/** The numbers at which lines are drawn: round ones, evenly spaced, from the least to the most, 0 among them. */
export function ticks(least, most, isWhole) {
  const [low, high] = [Math.min(0, least), Math.max(0, most)];
  const rough = (high - low || 1) / TICKS;
  const size = 10 ** Math.floor(Math.log10(rough));
  const round = size * [1, 2, 5, 10].find((of) => size * of >= rough * 0.999);
  const step = isWhole ? Math.max(1, round) : round;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

function drawnToFit(element, draw) {
  draw(FIRST_WIDTH);
  new ResizeObserver(([seen]) => {
    const width = Math.round(seen.contentRect.width);
    if (width > 0) draw(width);
  }).observe(element);
  return element;
}

/** Where everything lies in a drawing of a width. */
function layOut(columns, axis, isWhole, width) {
  const values = columns.map((column) => column.value);
  const lines = ticks(Math.min(...values, 0), Math.max(...values, 0), isWhole);
  const left = Math.ceil(Math.max(...lines.map((line) => axis(line).length)) * LETTER) + 8;
  const [low, high] = [lines[0], lines.at(-1)];
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  return { width, left, lines, y, step: (width - left) / Math.max(1, columns.length) };
}

function grid({ lines, y, left, width }, axis) {
  return lines.map((line) => [
    svg("line", { class: line === 0 ? "zero" : "line", x1: left, x2: width, y1: y(line), y2: y(line) }),
    svg("text", { class: "tick", x: left - 8, y: y(line) + 4, "text-anchor": "end" }, axis(line)),
  ]);
}

function bar({ left, step, y }, column, at, isChosen) {
  const width = Math.max(1, step * 0.72);
  const [top, foot] = [y(Math.max(0, column.value)), y(Math.min(0, column.value))];
  // What is there is seen, however little it is beside the others.
  const height = column.value === 0 ? 0 : Math.max(2, foot - top);
  return [
    isChosen &&
      svg("rect", { class: "behind", x: left + at * step, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM }),
    svg("rect", {
      class: isChosen ? "amount chosen" : "amount",
      x: left + at * step + (step - width) / 2,
      y: column.value > 0 ? foot - height : top,
      width,
      height,
      rx: Math.min(3, width / 3),
    }),
  ];
}

/** As many names as there is room for; the last one, today, always. */
function names({ left, step, width }, columns) {
  const longest = Math.max(...columns.map((column) => column.name.length)) * LETTER + 14;
  const every = Math.max(1, Math.ceil(longest / step));
  return columns.map((column, at) => {
    if ((columns.length - 1 - at) % every !== 0) return null;
    const middle = left + (at + 0.5) * step;
    const half = (column.name.length * LETTER) / 2;
    if (middle - half < left - 8) return null;
    const isLast = middle + half > width;
    return svg(
      "text",
      { class: "tick", x: isLast ? width : middle, y: HEIGHT - 6, "text-anchor": isLast ? "end" : "middle" },
      column.name,
    );
  });
}

function named(row, top, width, most) {
  const room = Math.floor((width - (row.shown.length + 2) * 8) / 8);
  const name = row.name.length > room ? `${row.name.slice(0, Math.max(1, room - 1))}…` : row.name;
  const share = most > 0 ? Math.max(0, row.value / most) : 0;
  return [
    svg("text", { class: "name", x: 0, y: top + 16 }, name),
    svg("text", { class: "value", x: width, y: top + 16, "text-anchor": "end" }, row.shown),
    svg("rect", { class: "under", x: 0, y: top + 24, width, height: 10, rx: 5 }),
    share > 0 &&
      svg("rect", { class: "amount", x: 0, y: top + 24, width: Math.max(4, share * width), height: 10, rx: 5 }),
  ];
}

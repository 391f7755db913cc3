/**
 * What is seen while pictures are made: how long it takes already, partial pictures as they come, and a way to stop.
 */

import { h, replace } from "../dom.js";
import { duration } from "../format.js";

const TICK_MS = 250;

/**
 * @param {{what: string, cancel: (() => void)|null, signal: AbortSignal}} how
 * @returns {{element: HTMLElement, partial: (partial: {url: string, index: number}) => void,
 *   say: (text: string) => void, stop: () => void}}
 */
export function progress({ what, cancel, signal }) {
  const began = performance.now();
  const words = h("span", {}, what);
  const clock = h("span", { class: "clock", role: "timer" }, "0 s");
  const canvas = h("div", { class: "partial", "aria-hidden": "true" }, h("span", { class: "spinner" }));
  let count = 0;
  const timer = setInterval(() => (clock.textContent = elapsed(began)), TICK_MS);
  const stop = () => clearInterval(timer);
  signal.addEventListener("abort", stop);
  return {
    element: h(
      "div",
      { class: "progress", "aria-busy": "true" },
      canvas,
      h("p", { class: "row" }, h("span", { class: "spinner", "aria-hidden": "true" }), words, clock),
      cancel && h("div", { class: "buttons" }, h("button", { type: "button", on: { click: cancel } }, "Cancel")),
    ),
    partial: ({ url }) => {
      count += 1;
      replace(canvas, h("img", { src: url, alt: `Partial picture ${count}` }));
      canvas.removeAttribute("aria-hidden");
      words.textContent = `Partial picture ${count}`;
    },
    say: (text) => (words.textContent = text),
    stop,
  };
}

function elapsed(began) {
  return duration(Math.floor((performance.now() - began) / 1000));
}

/**
 * How a thing stands that is asked for: on its way, empty, gone wrong, or there.
 */

import { h, replace } from "../dom.js";

/** While something is being asked for. */
export function loading(what = "Loading") {
  return h(
    "p",
    { class: "state loading", "aria-busy": "true" },
    h("span", { class: "spinner", "aria-hidden": "true" }),
    `${what} …`,
  );
}

/** Where there is nothing; says what would bring something. */
export function empty(title, ...hint) {
  return h(
    "div",
    { class: "state empty" },
    h("p", { class: "state-title" }, title),
    hint.length > 0 && h("p", {}, hint),
  );
}

/** What went wrong, what to do, and a way to try again. */
export function failed(error, retry) {
  return h(
    "div",
    { class: "state failed", role: "alert" },
    h("p", { class: "state-title" }, error.message || "Something went wrong in this page."),
    error.requestId && h("p", { class: "soft" }, "Request ", h("code", {}, error.requestId), " in the gateway's log."),
    retry && h("button", { type: "button", on: { click: retry } }, "Try again"),
  );
}

/**
 * Fills a place with what is asked for: a loading state, then what `draw` makes of it, or the error and a way to retry.
 *
 * @param {HTMLElement} place
 * @param {() => Promise<any>} ask
 * @param {(found: any) => (Node|Array)} draw
 */
export async function fill(place, ask, draw, what) {
  replace(place, loading(what));
  try {
    replace(place, draw(await ask()));
  } catch (error) {
    if (error.name === "AbortError") return;
    report(error);
    replace(
      place,
      failed(error, () => fill(place, ask, draw, what)),
    );
  }
}

/** A fault of this page is told in the browser's console; a refusal is shown and needs no trace. */
export function report(error) {
  if (error.name !== "Refused") console.error(error);
}

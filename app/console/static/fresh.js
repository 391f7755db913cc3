/**
 * Keeps what a page shows fresh: asks again while somebody sees it; when that fails it says so, and what it had stays.
 */

import { h, replace } from "./dom.js";
import { tellSignedOut } from "./doors.js";
import { time } from "./format.js";
import { actionButton, failed, loading, report } from "./parts.js";
import { session } from "./session.js";

const SECONDS = 15;
/** The secret was taken back, or may not do this: asking again would change nothing. */
const FINAL = new Set([401, 403]);

/**
 * Asks for all sources now, and again until the page is left.
 *
 * @param {Array<Source>} sources
 * @param {AbortSignal} signal Of the page.
 * @returns {HTMLElement} A line that says how old everything is, with a switch to stop it.
 *
 * @typedef {{place: HTMLElement, ask: () => Promise<any>, begin: () => View}} Source
 *   `place` has the loading state, then what `begin` makes, or the error where nothing has ever come.
 * @typedef {{element: Node|Array, show: (found: any) => void}} View `show` is told every new answer.
 */
export function keepFresh(sources, signal) {
  const asOf = h("span", {}, "Asking the gateway …");
  const problem = h("span", { class: "problem", role: "alert" });
  const wanted = h("input", { type: "checkbox", checked: true });
  const known = sources.map(sourceState);
  let [timer, askedAt, isOver] = [0, 0, false];

  const round = async () => {
    clearTimeout(timer);
    askedAt = Date.now();
    const errors = (await Promise.all(known.map((source) => source.refresh(round)))).filter((error) => error !== null);
    if (signal.aborted) return;
    tellOutcome(errors);
    isOver = errors.some((error) => FINAL.has(error.status));
    // An operator is signed out by the door itself; a teammate's key may be refused in place, but not for ever.
    const takenBack = errors.find((error) => error.status === 401);
    if (takenBack && session.who?.kind === "teammate") tellSignedOut(takenBack.message);
    plan(Math.max(SECONDS, ...errors.map((error) => error.retrySeconds ?? 0)));
  };
  const tellOutcome = (errors) => {
    if (errors.length === 0) asOf.textContent = `As of ${time(Date.now() / 1000)}`;
    const stale = known.find((source) => source.staleBy !== null);
    const text = stale ? `Not refreshed: ${stale.staleBy.message} What is below may be out of date.` : "";
    if (problem.textContent !== text) problem.textContent = text;
  };
  const plan = (seconds) => {
    clearTimeout(timer);
    const isSeen = document.visibilityState === "visible";
    if (wanted.checked && isSeen && !isOver && !signal.aborted) timer = setTimeout(round, seconds * 1000);
  };
  const resume = () => plan(Math.max(0, SECONDS - (Date.now() - askedAt) / 1000));

  wanted.addEventListener("change", resume);
  document.addEventListener("visibilitychange", resume, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
  return h(
    "div",
    { class: "fresh" },
    asOf,
    h("label", {}, wanted, ` Refresh every ${SECONDS} seconds`),
    actionButton("Refresh now", round, { class: "small" }),
    problem,
  );
}

function sourceState({ place, ask, begin }) {
  let [view, toldError, staleBy] = [null, null, null];
  replace(place, loading());
  const retry = (again) => () => {
    toldError = null;
    replace(place, loading());
    again();
  };
  return {
    /** Why what is shown may be out of date; null where it is not, or nothing is shown. */
    get staleBy() {
      return staleBy;
    },
    /** The error, or null where there was none or the page was left meanwhile. */
    async refresh(again) {
      try {
        const found = await ask();
        if (view === null) {
          view = begin();
          replace(place, view.element);
        }
        view.show(found);
        staleBy = null;
        return null;
      } catch (error) {
        if (error.name === "AbortError") return null;
        report(error);
        if (view !== null) staleBy = error;
        else if (error.message !== toldError) {
          // Told once: it is an alert, and whoever is about to press its button still finds it.
          toldError = error.message;
          replace(place, failed(error, retry(again)));
        }
        return error;
      }
    },
  };
}

/** Puts new children in the place of old ones; focus, and how far tables are scrolled, stay where they were. */
export function redraw(place, ...children) {
  const name = (element) => element.getAttribute("href") ?? element.getAttribute("aria-label") ?? element.textContent;
  const focused = place.contains(document.activeElement) ? name(document.activeElement) : null;
  const scrolled = [...place.querySelectorAll(".table")].map((table) => table.scrollLeft);
  replace(place, ...children);
  for (const [at, table] of place.querySelectorAll(".table").entries()) table.scrollLeft = scrolled[at] ?? 0;
  if (focused === null) return;
  const same = [...place.querySelectorAll("a, button, [tabindex]")].find((element) => name(element) === focused);
  same?.focus({ preventScroll: true });
}

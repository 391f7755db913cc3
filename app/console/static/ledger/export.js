/**
 * Exports a ledger as a file, however long it is.
 */

import { h, replace, tell } from "../dom.js";
import { fetchAdmin } from "../doors.js";
import { bytes, counted } from "../format.js";
import { dialog, field, form, selectOf } from "../parts.js";
import { openPlace, pour } from "../saving.js";
import { boundsOf, dateOf, timeFields } from "../times.js";

const TIMES = ["all", "month", "30d", "7d", "today", "custom"];
const FORMATS = { csv: "CSV, for spreadsheets", jsonl: "JSON lines, with everything" };
const TOLD_EVERY_MS = 200;

/** Asks for the time and the format, and saves the file; closing the dialog ends an export that is under way. */
export async function exportLedger(team) {
  const leave = new AbortController();
  await dialog(`Export the ledger of ${team}`, (close) => content(team, leave.signal, close));
  leave.abort();
}

function content(team, signal, close) {
  const time = timeFields(TIMES);
  const format = selectOf(FORMATS);
  const progress = h("div", {});
  const work = async () => {
    const [span, chosen] = [boundsOf(time.chosen()), format.value];
    const place = await openPlace(`ledger-${team}-to-${dateOf(span.until && Date.parse(span.until) - 1)}.${chosen}`);
    if (place === null) return;
    const stop = new AbortController();
    replace(
      progress,
      running(() => stop.abort()),
    );
    const how = { query: { team, format: chosen, ...span }, signal: AbortSignal.any([signal, stop.signal]) };
    try {
      const all = await pour(() => fetchAdmin("/ledger/export", how), place, teller(progress, chosen));
      replace(progress, saved(all, chosen));
    } catch (error) {
      replace(progress, error.name === "AbortError" && h("p", { class: "note" }, "Stopped. Nothing was saved."));
      throw error;
    }
  };
  const cancel = () => close();
  return [
    h("p", {}, "All entries of a time, the oldest first. It is written while it is read, so it may be of any length."),
    form({ submit: "Export", work, cancel }, time.element, field("Format", format)),
    progress,
  ];
}

function running(stop) {
  return h(
    "div",
    { class: "ledger-export" },
    h("progress", { "aria-label": "Export" }),
    h("span", { class: "so-far" }, "Asking for it …"),
    h("button", { type: "button", class: "small", on: { click: stop } }, "Stop"),
  );
}

/** Tells how far it is, but not more often than can be read. */
function teller(progress, format) {
  let last = 0;
  return (soFar) => {
    if (Date.now() - last < TOLD_EVERY_MS) return;
    last = Date.now();
    progress.querySelector(".so-far").textContent = words(soFar, format);
  };
}

function saved(soFar, format) {
  const text = `Saved: ${words(soFar, format)}.`;
  tell(text);
  return h("p", { class: "note" }, text);
}

/** A CSV has a line of names before its entries. */
function words(soFar, format) {
  const entries = Math.max(0, soFar.lines - (format === "csv" ? 1 : 0));
  return `${counted(entries, "entry", "entries")}, ${bytes(soFar.bytes)}`;
}

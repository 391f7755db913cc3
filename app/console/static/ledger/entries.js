/**
 * The entries of a ledger, a page at a time, filtered.
 */

import { h, replace, tell } from "../dom.js";
import { admin } from "../doors.js";
import { counted, number } from "../format.js";
import { latest } from "../latest.js";
import { actionButton, card, empty, fill } from "../parts.js";
import { rememberQuery } from "../router.js";
import { boundsOf } from "../times.js";
import { entryTable } from "./entry_table.js";
import { entryFilter } from "./filter.js";

const PAGE = 50;

/**
 * A card with them.
 *
 * @param {string} team
 * @param {Object} given The filter as the address has it; `cursor` is where the page begins.
 * @param {AbortSignal} signal
 */
export function entries(team, given, signal) {
  const place = h("div", {});
  const asking = latest(signal);
  /** Where the pages begin that lead to this one, from the newest on. */
  let way = given.cursor ? [null, given.cursor] : [null];

  const draw = (focused) => {
    const chosen = filter.chosen();
    const cursor = way.at(-1);
    rememberQuery({ team, ...chosen, time: filter.isOfAllTime() ? null : chosen.time, cursor });
    const one = asking();
    const ask = (from, limit) =>
      admin("/ledger/entries", { query: questionOf(team, chosen, from, limit), signal: one });
    return fill(
      place,
      () => ask(cursor, PAGE),
      (page) => {
        tell(counted(page.entries.length, "entry", "entries"));
        return shown(page, ask);
      },
    ).then(() => focused && place.querySelector(".table")?.focus());
  };
  const go = (to) => {
    way = to;
    return draw(true);
  };
  const shown = (page, ask) => {
    const list = h("div", {});
    const turn = h("div", { class: "buttons after-table" });
    const append = async () => {
      const further = await ask(page.next_cursor, PAGE - page.entries.length);
      page = { ...further, entries: [...page.entries, ...further.entries] };
      show();
      tell(counted(page.entries.length, "entry", "entries"));
      (turn.querySelector("button.more") ?? list.querySelector(".table"))?.focus();
    };
    const show = () => {
      const isFiltered = filter.isSet();
      const isShort = page.next_cursor !== null && page.entries.length < PAGE;
      replace(
        list,
        page.entries.length > 0 ? entryTable(team, page.entries) : nothing(isFiltered, isShort, way.length > 1),
      );
      replace(turn, isShort && goOn(page.entries.length, append), turns(way, page, go));
    };
    show();
    return [list, turn];
  };
  const filter = entryFilter(team, given, signal, () => {
    way = [null];
    return draw();
  });
  draw();
  return card("Entries", {}, filter.element, place);
}

/** A page that came short is not the end: one looks at some thousand entries and no more. */
function goOn(found, append) {
  const words = found === 0 ? "Nothing fits among the entries looked at so far" : `Only ${number(found)} fit so far`;
  return h(
    "p",
    { class: "note short-page" },
    `${words}, and there are older ones that have not been looked at. `,
    actionButton("Go on looking", append, { class: "small more" }),
  );
}

function turns(way, page, go) {
  return [
    way.length > 1 && h("button", { type: "button", on: { click: () => go([null]) } }, "Newest"),
    way.length > 2 && h("button", { type: "button", on: { click: () => go(way.slice(0, -1)) } }, "Newer"),
    page.next_cursor !== null &&
      h("button", { type: "button", on: { click: () => go([...way, page.next_cursor]) } }, "Older"),
  ];
}

function nothing(isFiltered, isShort, isLater) {
  if (isShort) return null;
  if (isLater) return empty("There is nothing older.");
  if (isFiltered) return empty("No entry fits this filter.", "Every word of it has to fit exactly.");
  return empty("Nothing in this ledger yet.", "A request is entered here when it ends.");
}

function questionOf(team, { key, model, outcome, user, request, ...time }, cursor, limit) {
  return { team, key, model, outcome, user, request, ...boundsOf(time), cursor, limit };
}

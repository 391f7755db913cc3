/**
 * The filter of ledger entries.
 */

import { h, uniqueId } from "../dom.js";
import { admin, path } from "../doors.js";
import { field, form, report, selectOf } from "../parts.js";
import { timeFields } from "../times.js";

const OUTCOMES = ["delivered", "refused", "failed", "unknown"];
const TIMES = ["all", "today", "7d", "month", "30d", "custom"];
const WORDS = ["key", "model", "outcome", "user", "request"];

/**
 * A form with it.
 *
 * @param {string} team
 * @param {Object} given What the address has of it.
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} work Asks anew.
 */
export function entryFilter(team, given, signal, work) {
  const [keys, models] = [uniqueId("keys"), uniqueId("models")];
  const any = (name, attributes = {}) =>
    h("input", { name, value: given[name] ?? "", placeholder: "any", ...attributes });
  const outcome = OUTCOMES.includes(given.outcome) ? given.outcome : "";
  const controls = {
    key: any("key", { list: keys }),
    model: any("model", { list: models }),
    outcome: selectOf([["", "any"], ...OUTCOMES.map((name) => [name, name])], { name: "outcome", value: outcome }),
    user: any("user"),
    request: any("request"),
  };
  const time = timeFields(TIMES, given);
  const wanted = form(
    { submit: "Filter", work, class: "form inline ledger-filter" },
    field("Key", controls.key),
    field("Model", controls.model),
    field("Outcome", controls.outcome),
    field("User", controls.user),
    field("Request id", controls.request),
    time.element,
    h("datalist", { id: keys }),
    h("datalist", { id: models }),
  );
  wanted.querySelector(".buttons").append(clearButton(wanted, work));
  suggest(
    wanted,
    keys,
    () => admin(path`/teams/${team}/keys`, { signal }),
    (found) => found.map(({ alias }) => alias),
  );
  suggest(
    wanted,
    models,
    () => admin("/catalog", { signal }),
    (found) => found.models.map(({ name }) => name),
  );
  const words = () => Object.fromEntries(WORDS.map((name) => [name, controls[name].value.trim()]));
  const isOfAllTime = () => time.chosen().time === TIMES[0];
  return {
    element: wanted,
    chosen: () => ({ ...words(), ...time.chosen() }),
    isSet: () => Object.values(words()).some(Boolean) || !isOfAllTime(),
    isOfAllTime,
  };
}

function clearButton(wanted, work) {
  const clear = () => {
    for (const input of wanted.querySelectorAll("input")) input.value = "";
    for (const select of wanted.querySelectorAll("select")) {
      select.selectedIndex = 0;
      select.dispatchEvent(new Event("change"));
    }
    work();
  };
  return h("button", { type: "button", on: { click: clear } }, "Clear");
}

/** Words that may be meant; without them the field takes any word all the same. */
async function suggest(wanted, id, ask, words) {
  try {
    const options = [...new Set(words(await ask()))].map((value) => h("option", { value }));
    wanted.querySelector(`#${id}`).append(...options);
  } catch (error) {
    if (error.name !== "AbortError") report(error);
  }
}

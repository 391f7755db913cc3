/**
 * The fields of the limits of a team or of a virtual key, each with what it means, and how they are read back.
 */

import { h, replace, uniqueId } from "../dom.js";
import { COUNTS, PERIODS, WEEKDAYS } from "./limits.js";
import { field, selectOf } from "../parts.js";

const NOTHING = { limit: "", period: "month", timezone: "UTC", reset_day: 1, alerts: [] };
const DAYS_OF_MONTH = Array.from({ length: 28 }, (_, at) => String(at + 1));

/**
 * Fields for limits.
 *
 * @param {{limits: Object, name: string, who: string, isChange?: boolean}} of `name`: what the door calls these limits,
 *   whose errors name fields below it; `who`: whom they limit, "The team" or "This key".
 * @returns {{element: HTMLElement, read: () => Object}} `read` gives all limits, null for those that are not set.
 */
export function limitsFields({ limits, name, who, isChange = false }) {
  const budget = budgetFields(limits.budget, `${name}.budget`, who, isChange);
  const counts = COUNTS.map((count) => [
    count,
    h("input", {
      type: "number",
      name: `${name}.${count.name}`,
      min: 0,
      max: 1e9,
      step: 1,
      value: limits[count.name] ?? "",
    }),
  ]);
  const element = h(
    "div",
    { class: "form" },
    budget.element,
    h(
      "fieldset",
      {},
      h("legend", {}, `Rate limits of ${who.toLowerCase()}`),
      h("p", { class: "soft" }, "What is left empty is not limited; 0 blocks."),
      h(
        "div",
        { class: "fields" },
        counts.map(([{ label, meaning }, input]) => field(label, input, `${who} ${meaning}`)),
      ),
    ),
  );
  const read = () => ({
    ...Object.fromEntries(
      counts.map(([count, input]) => [count.name, input.value === "" ? null : Number(input.value)]),
    ),
    budget: budget.read(),
  });
  return { element, read };
}

function budgetFields(given, name, who, isChange) {
  const budget = given ?? NOTHING;
  const limit = h("input", {
    name: `${name}.limit`,
    inputmode: "decimal",
    pattern: "\\s*[0-9]+([.][0-9]{1,9})?\\s*",
    title: "An amount such as 250 or 12.50",
    value: budget.limit,
  });
  const period = selectOf(PERIODS, { name: `${name}.period`, value: budget.period });
  const zone = zoneField(`${name}.timezone`, budget.timezone);
  const alerts = h("input", {
    name: `${name}.alerts`,
    pattern: "\\s*([0-9]{1,3}\\s*%?\\s*,?\\s*)*",
    title: "Per cents, such as 50, 80",
    value: budget.alerts.join(", "),
  });
  const day = resetDay(`${name}.reset_day`, period, budget);
  const element = h(
    "fieldset",
    {},
    h("legend", {}, `Budget of ${who.toLowerCase()}`),
    h(
      "div",
      { class: "fields" },
      field("Dollars", limit, `${who} may spend so much in each period. Empty: no budget; 0: nothing can be bought.`),
      field(
        "Period",
        period,
        `When the budget resets.${isChange ? " Another period or first day begins with nothing spent." : ""}`,
      ),
      day.element,
      zone.element,
      field(
        "Alerts",
        alerts,
        "Per cents of the budget at which the gateway's log says so, such as 50, 80. Nothing is refused for them.",
      ),
    ),
  );
  const read = () => {
    const amount = limit.value.trim();
    if (amount === "") return null;
    return {
      limit: amount,
      period: period.value,
      timezone: zone.read(),
      reset_day: day.read(),
      alerts: percents(alerts.value),
    };
  };
  return { element, read };
}

function zoneField(name, timezone) {
  const zones = h(
    "datalist",
    { id: uniqueId("zones") },
    timeZones().map((zone) => h("option", { value: zone })),
  );
  const input = h("input", { name, list: zones.id, spellcheck: "false", value: timezone });
  const element = field("Time zone", input, "Periods begin at midnight there, such as Europe/Berlin.");
  element.append(zones);
  return { element, read: () => input.value.trim() || "UTC" };
}

/** The first day of a period: there to be chosen only where the period has several. */
function resetDay(name, period, budget) {
  const select = h("select", { name });
  const element = field("First day", select, "The day of the week or month on which the period begins.");
  const fit = (chosen) => {
    const days = { week: WEEKDAYS, month: DAYS_OF_MONTH }[period.value] ?? [];
    replace(
      select,
      days.map((words, at) => h("option", { value: String(at + 1) }, words)),
    );
    select.value = days.length > 0 ? String(chosen) : "";
    element.hidden = days.length === 0;
  };
  fit(budget.reset_day);
  period.addEventListener("change", () => fit(1));
  return { element, read: () => (select.value === "" ? 1 : Number(select.value)) };
}

function percents(text) {
  const found = text.split(/[\s,%]+/).filter((word) => word !== "");
  return [...new Set(found.map(Number))].sort((one, other) => one - other);
}

function timeZones() {
  return ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
}

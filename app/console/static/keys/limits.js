/**
 * What limits there are and what they mean, in words: for forms, for pages that show them and for the audit log.
 */

import { h } from "../dom.js";
import { moment, money, number, relative } from "../format.js";

/** The counts among the limits; `meaning` goes on from whoever is limited. */
export const COUNTS = [
  { name: "requests_per_minute", label: "Requests per minute", meaning: "may send so many requests in a minute." },
  { name: "images_per_minute", label: "Pictures per minute", meaning: "may ask for so many pictures in a minute." },
  {
    name: "tokens_per_minute",
    label: "Tokens per minute",
    meaning: "may use so many tokens in a minute, those of prompts and those of pictures.",
  },
  {
    name: "concurrent_images",
    label: "Pictures at the same time",
    meaning: "may have so many pictures made at once; a further request waits for its turn or is refused.",
  },
  {
    name: "images_per_day",
    label: "Pictures per day",
    meaning: "may ask for so many pictures in a day, which begins at midnight in the budget's time zone, else in UTC.",
  },
];

const BUDGET = {
  label: "Budget",
  meaning: "may spend so much in a period; what a request could cost at most is set aside first.",
};

/** The limits of a minute as standings call them; they come back steadily, all others at once. */
const PER_MINUTE = new Set(["requests", "images", "tokens"]);

/** Whether what is used of a limit comes back steadily within a minute. */
export function isPerMinute(what) {
  return PER_MINUTE.has(what);
}

/**
 * What a limit is called and what it means.
 *
 * @param {string} what As the `what` of a standing has it.
 * @returns {{label: string, meaning: string}}
 */
export function limitWords(what) {
  if (what === "budget") return BUDGET;
  const name = isPerMinute(what) ? `${what}_per_minute` : what;
  const unknown = { label: what.replaceAll("_", " "), meaning: "may use so much." };
  return COUNTS.find((count) => count.name === name) ?? unknown;
}

/** When a limit is as it was, without a full stop: a budget resets, a rate limit is whole again. */
export function resetsInWords(what, at) {
  if (at === null) return "Never resets";
  return isPerMinute(what) ? `Whole again ${relative(at)}` : `Resets ${relative(at)}, on ${moment(at)}`;
}

/** The periods of a budget, as a person chooses one. */
export const PERIODS = { day: "a day", week: "a week", month: "a month", total: "in total" };

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** A budget in a sentence: `$250.00 a month from day 15 on, Europe/Berlin; told at 50% and 80%`. */
export function budgetInWords(budget) {
  const begins = {
    week: ` from ${WEEKDAYS[budget.reset_day - 1]} on`,
    month: budget.reset_day > 1 ? ` from day ${budget.reset_day} on` : "",
  };
  const zone = budget.period === "total" ? "" : `, ${budget.timezone}`;
  const alerts = budget.alerts.map((percent) => `${percent}%`);
  const told = alerts.length > 0 ? `; the log tells at ${listed(alerts)}` : "";
  return `${money(budget.limit)} ${PERIODS[budget.period]}${begins[budget.period] ?? ""}${zone}${told}`;
}

/** The limits that are set, as terms and what they are; `otherwise` where none is. */
export function limitFacts(limits, otherwise) {
  const set = COUNTS.filter(({ name }) => limits[name] !== null).map(({ name, label }) => [
    label,
    limits[name] === 0 ? "0: blocked" : number(limits[name]),
  ]);
  if (limits.budget) set.unshift(["Budget", budgetInWords(limits.budget)]);
  if (set.length === 0) return h("p", { class: "soft" }, otherwise);
  return h(
    "dl",
    { class: "facts" },
    set.map(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]),
  );
}

function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

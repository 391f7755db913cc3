/**
 * How the teams stand with their budgets, those nearest the end of theirs first.
 */

import { h } from "../dom.js";
import { path } from "../doors.js";
import { money, number } from "../format.js";
import { redraw } from "../fresh.js";
import { PERIODS, resetsInWords } from "../keys/limits.js";
import { budgetBar, card, link } from "../parts.js";

const MOST_SHOWN = 12;

/** A card with a bar for each team. */
export function budgetsView() {
  const place = h("ul", { class: "standings" });
  const others = h("p", { class: "soft footnote" });
  const element = card("Budgets", { beside: link("/teams", "All teams") }, place, others);
  return {
    element,
    show(teams) {
      const shown = [...teams].sort((one, other) => need(other) - need(one)).slice(0, MOST_SHOWN);
      redraw(place, shown.map(standing));
      others.hidden = shown.length === teams.length;
      others.textContent = `${shown.length} of ${number(teams.length)} teams, the one nearest its budget first.`;
    },
  };
}

/** The share of its budget that is gone; a team without one comes last, after it whoever spent less. */
function need({ budget, spent, held, month }) {
  if (!budget) return -1 / (1 + Number(month));
  const limit = Number(budget.limit);
  return limit > 0 ? (Number(spent) + Number(held)) / limit : 1;
}

function standing(team) {
  return h(
    "li",
    {},
    h(
      "div",
      { class: "standing-head" },
      link(path`/teams/${team.team}`, team.team),
      h("small", {}, `${money(team.today)} today, ${money(team.month)} this month`),
    ),
    team.budget
      ? [budgetBar({ limit: team.budget.limit, spent: team.spent, held: team.held }), h("small", {}, resets(team))]
      : h(
          "small",
          {},
          `No budget: it may spend without an end.${Number(team.held) > 0 ? ` ${money(team.held)} held.` : ""}`,
        ),
  );
}

function resets({ budget, resets_at: at }) {
  return `${money(budget.limit)} ${PERIODS[budget.period]}. ${resetsInWords("budget", at)}.`;
}

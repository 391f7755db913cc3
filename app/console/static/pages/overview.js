/**
 * The operator's first page: money against budgets, what goes on right now, and the last 30 days.
 */

import { h, replace } from "../dom.js";
import { admin } from "../doors.js";
import { keepFresh } from "../fresh.js";
import { budgetsView } from "../overview/budgets.js";
import { daysCard, modelsCard } from "../overview/charts.js";
import { figuresView, firstSteps } from "../overview/figures.js";
import { liveView } from "../overview/live.js";
import { card } from "../parts.js";

export const title = "Overview";

/** Shows the page, and keeps it fresh until it is left. */
export async function show({ root, signal }) {
  const alarm = h("div", { role: "status", class: "alarm" });
  const sums = h("div", { class: "below-each-other" });
  const now = h("div");
  const sources = [
    { place: sums, ask: () => admin("/overview", { signal }), begin: overview },
    { place: now, ask: () => admin("/live", { signal }), begin: () => liveView(alarm) },
  ];
  replace(root, h("div", {}, keepFresh(sources, signal), alarm), sums, card("Right now", {}, now));
}

function overview() {
  const [steps, figures, budgets, days, models] = [
    firstSteps(),
    figuresView(),
    budgetsView(),
    daysCard(),
    modelsCard(),
  ];
  return {
    element: [steps.element, figures.element, budgets.element, days.element, models.element],
    show(found) {
      steps.show(found);
      figures.show(found);
      budgets.show(found.teams);
      const hasBought = found.days.some((day) => day.requests > 0 || Number(day.cost) !== 0);
      for (const { element } of [days, models]) element.hidden = !hasBought;
      budgets.element.hidden = found.teams.length === 0;
      days.show(found.days);
      models.show(found.models);
    },
  };
}

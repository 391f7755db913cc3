/**
 * A card that shows figures as a chart or as a table, and of the chart one measure or another.
 */

import { h, replace } from "./dom.js";
import { card } from "./parts.js";

/**
 * Buttons of which one is pressed.
 *
 * @param {string} label What is chosen.
 * @param {Array<{id: string, name: string}>} options
 * @param {string} chosen
 * @param {(id: string) => void} onChoice
 */
export function choice(label, options, chosen, onChoice) {
  const buttons = options.map(({ id, name }) =>
    h(
      "button",
      { type: "button", class: "small", "aria-pressed": String(id === chosen), on: { click: () => choose(id) } },
      name,
    ),
  );
  const choose = (id) => {
    for (const [at, option] of options.entries()) buttons[at].setAttribute("aria-pressed", String(option.id === id));
    onChoice(id);
  };
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

const VIEWS = [
  { id: "chart", name: "Chart" },
  { id: "table", name: "Table" },
];

/**
 * @param {string} title
 * @param {Array<{id: string, name: string}>} measures
 * @param {(found: any, measure: string) => Node} chart
 * @param {(found: any) => Node} sheet Everything, exactly.
 * @returns {{element: HTMLElement, show: (found: any) => void}}
 */
export function chartCard(title, measures, chart, sheet) {
  const place = h("div");
  let [found, measure, view] = [null, measures[0].id, "chart"];
  const draw = () => {
    which.hidden = view === "table";
    if (found !== null) replace(place, view === "table" ? sheet(found) : chart(found, measure));
  };
  const which = choice(`Measure of ${title}`, measures, measure, (id) => {
    measure = id;
    draw();
  });
  const how = choice(`${title} as`, VIEWS, view, (id) => {
    view = id;
    draw();
  });
  const element = card(title, { beside: h("div", { class: "row" }, which, how) }, place);
  return {
    element,
    show(given) {
      // What has not changed is not drawn anew: whoever reads it right now is left alone.
      if (JSON.stringify(given) === JSON.stringify(found)) return;
      found = given;
      draw();
    },
  };
}

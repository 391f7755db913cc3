/**
 * What an order would cost, asked for while it is written, and what is left to the key and its team.
 */

import { refusalNote } from "../advice.js";
import { h, replace, tell } from "../dom.js";
import { own } from "../doors.js";
import { counted, money, number } from "../format.js";
import { limitWords, resetsInWords } from "../keys/limits.js";
import { card, figure, figures, report } from "../parts.js";
import { missing, payload } from "./order.js";

/** After the last key pressed: so that a sentence is one question, not thirty. */
const PAUSE_MS = 400;
/** The quote of an edit needs its pictures; those as large as this are sent for it only when somebody wants that. */
const LARGE_BYTES = 8_000_000;
const WHOSE = { key: "this key's", team: "the team's" };
const LATER = "The cost is told once all of the order is right.";

/**
 * @param {{signal: AbortSignal, problem: (error: Error) => any}} how `problem` shows an error at its field, if any.
 * @returns {{element: HTMLElement, ask: (order: Order) => void}}
 */
export function liveQuote({ signal, problem }) {
  const place = h("div", { class: "quote-body" });
  const element = card("Cost", { class: "quote" }, place);
  let timer = 0;
  let told = "";
  let asking = new AbortController();
  signal.addEventListener("abort", () => stop());

  function stop() {
    clearTimeout(timer);
    asking.abort();
    element.removeAttribute("aria-busy");
  }

  async function ask(order) {
    asking = new AbortController();
    element.setAttribute("aria-busy", "true");
    try {
      draw(await own("/images/quote", { method: "POST", body: payload(order), signal: asking.signal }));
    } catch (error) {
      if (error.name === "AbortError") return;
      report(error);
      replace(place, problem(error) ? h("p", { class: "soft" }, LATER) : refusalNote(error));
    }
    element.removeAttribute("aria-busy");
  }

  function draw(quote) {
    const words = `At most ${money(quote.cost.highest)}`;
    if (words !== told) tell(words); // what is the same is not heard again
    told = words;
    replace(
      place,
      costs(quote),
      quote.would_be_refused.map((refusal) => refusalBefore(refusal)),
      quote.left.length > 0 && left(quote.left),
    );
  }

  return {
    element,
    ask: (order) => {
      stop();
      if (signal.aborted) return;
      const lack = missing(order);
      if (lack) replace(place, h("p", { class: "soft" }, `${lack.message} Then this tells what it would cost.`));
      else if (sizeOf(order) > LARGE_BYTES)
        replace(
          place,
          button("Ask what it would cost", () => ask(order)),
        );
      else timer = setTimeout(() => ask(order), PAUSE_MS);
    },
  };
}

function button(label, work) {
  return h("p", {}, h("button", { type: "button", class: "small", on: { click: work } }, label));
}

function sizeOf({ files }) {
  return Object.values(files)
    .flat()
    .reduce((sum, file) => sum + file.size, 0);
}

function costs({ cost, images }) {
  return figures(
    figure("At most", money(cost.highest), `for ${counted(images, "picture")}`),
    cost.lowest_estimate !== null && figure("Probably at least", money(cost.lowest_estimate)),
  );
}

function refusalBefore({ message, reason, resets_at: resets }) {
  return h(
    "div",
    { class: "note warn", role: "status" },
    h("p", {}, h("strong", {}, "This would be refused now. "), message),
    resets && h("small", {}, `${resetsInWords(reason, resets)}.`),
  );
}

function left(standings) {
  const budget = tightestBudget(standings);
  const amount = (what, value) => (what === "budget" ? money(value) : number(value));
  return h(
    "details",
    { class: "left" },
    h("summary", {}, "What is left", budget && `: ${money(budget.left)}`),
    h(
      "dl",
      { class: "facts" },
      standings.map(({ what, scope, limit, left: free }) => [
        h("dt", {}, `${limitWords(what).label}, ${WHOSE[scope]}`),
        h("dd", {}, `${amount(what, free)} of ${amount(what, limit)}`),
      ]),
    ),
  );
}

/** The budget that ends first, the key's or the team's. */
function tightestBudget(standings) {
  const budgets = standings.filter(({ what }) => what === "budget");
  return budgets.sort((one, other) => Number(one.left) - Number(other.left))[0];
}

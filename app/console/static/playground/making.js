/**
 * Where one order is made: progress, then its pictures with what they cost, or why there are none and what to do.
 */

import { refusalNote } from "../advice.js";
import { h, replace, tell } from "../dom.js";
import { duration, money, number } from "../format.js";
import { card, empty, figure, figures, report } from "../parts.js";
import { pictureRow } from "../picture_row.js";
import { orderButtons } from "./order_buttons.js";
import { progress } from "./progress.js";
import { isCut, Purchase } from "./purchase.js";
import { remembered } from "./remembered.js";

/**
 * @param {{signal: AbortSignal, problem: (error: Error) => (HTMLElement|null), reuse: (order: Object) => void,
 *   ended: (id: string|null, pictures: Picture[]) => void}} how
 *   `ended` is called when an order is made or given up, with its request's id and pictures, as far as there are any.
 * @returns {{element: HTMLElement, make: (order: Order) => Promise<void>}} `make` does nothing while another is made.
 */
export function making({ signal, problem, reuse, ended }) {
  const place = h(
    "div",
    { class: "making-body" },
    empty("No picture yet", "Write a prompt, look at the cost, then press Make."),
  );
  const element = card("Picture", { class: "making" }, place);
  const heading = element.querySelector("h2");
  heading.tabIndex = -1;
  let isBusy = false;

  /** Takes one step of a purchase, and shows what comes of it. */
  async function follow(purchase, what, step) {
    if (isBusy) return;
    isBusy = true;
    const cancel = step === send ? () => purchase.cancel() : null;
    const view = progress({ what, cancel, signal });
    replace(place, view.element);
    tell(what);
    let answer = null;
    try {
      answer = await step(purchase, view);
      await showMade(place, purchase, answer, { reuse, signal });
    } catch (error) {
      if (!signal.aborted) showNone(purchase, step, error);
    } finally {
      view.stop();
      isBusy = false;
      if (!signal.aborted) ended(purchase.id, answer?.pictures ?? []);
    }
  }

  function showNone(purchase, step, error) {
    const look = button("Look for it", () => follow(purchase, "Looking for the request", find));
    const again = button("Send it again", () => follow(purchase, "Making the picture", send));
    if (purchase.isCancelled && step === send) {
      replace(place, cancelled(purchase, look));
      heading.focus(); // the button that had it is gone
      return;
    }
    if (error instanceof NothingBought) {
      replace(place, refusalNote(error, again));
      return;
    }
    report(error);
    error.requestId ??= purchase.id;
    replace(place, refusalNote(error, isCut(error) && look));
    problem(error)?.focus();
  }

  return { element, make: (order) => follow(new Purchase(order, signal), "Making the picture", send) };
}

/** The pictures at once, what they cost as soon as the gateway tells it. */
async function showMade(place, purchase, { pictures, usage, error }, { reuse, signal }) {
  const row = pictureRow(h("div", { class: "pictures" }), pictures, {
    id: purchase.id,
    words: purchase.order.body.prompt,
  });
  const facts = h("div", {}, h("p", { class: "soft" }, "Asking what it cost …"));
  replace(
    place,
    row,
    error && refusalNote(error),
    facts,
    h("div", { class: "buttons" }, orderButtons(remembered(purchase.id), reuse)),
  );
  const told = await purchase.state().catch(() => null);
  if (signal.aborted) return;
  replace(facts, outcome(told, usage), h("p", { class: "soft" }, "Request ", h("code", {}, purchase.id)));
  tell(`${pictures.length === 1 ? "The picture is" : "The pictures are"} there. Cost: ${money(told?.cost)}`);
}

/** Buys; where the way back is cut, looks for what was bought, so that nobody has to buy it again. */
async function send(purchase, view) {
  try {
    return await purchase.send(view.partial);
  } catch (error) {
    if (!isCut(error) || error.name === "AbortError" || purchase.isCancelled) throw error;
    view.say("The connection was cut; looking for the request");
    return find(purchase);
  }
}

async function find(purchase) {
  const { state, answer, error } = await purchase.find();
  if (answer) return answer;
  throw state === "none" ? new NothingBought() : error;
}

class NothingBought extends Error {
  constructor() {
    super("The gateway knows of no such request, so nothing was bought. Sent again, it is bought once at most.");
    this.name = "NothingBought";
  }
}

function cancelled({ id }, look) {
  return h(
    "div",
    { class: "note warn", role: "status" },
    h("p", {}, h("strong", {}, "You have stopped waiting.")),
    h(
      "p",
      {},
      "If the order had been sent on by then, the picture is finished and charged all the same, and kept for a while",
      id ? [" under its request ", h("code", {}, id)] : " among the pictures below",
      ". If not, nothing was bought.",
    ),
    h("div", { class: "buttons" }, look),
  );
}

function outcome(told, usage) {
  const tokens = (name) => usage?.[`${name}_tokens`];
  return figures(
    figure("Cost", money(told?.cost), told && `of ${money(told.quote)} set aside`),
    told && figure("Took", duration(told.seconds)),
    usage &&
      figure("Tokens", number(usage.total_tokens), `${number(tokens("input"))} in, ${number(tokens("output"))} out`),
  );
}

function button(label, work) {
  return h("button", { type: "button", on: { click: work } }, label);
}

/**
 * The pictures of a request, as long as its answer is kept.
 */

import { h, replace, tell } from "../dom.js";
import { counted, moment, number } from "../format.js";
import { actionButton, card, fill } from "../parts.js";
import { pictureRow } from "../picture_row.js";
import { picturesOf } from "../pictures.js";
import { session } from "../session.js";

/** As long as retries look for the answer of an earlier try. */
const RETRY_SECONDS = 120;

/**
 * A card with them; none for a request that brought none.
 *
 * @param {import("./document.js").Shown} shown
 * @param {import("./document.js").Source} source
 * @param {AbortSignal} signal Of the page: the pictures leave with it.
 */
export function picturesCard(shown, source, signal) {
  if (shown.state !== "delivered") return null;
  const place = h("div", {});
  const open = () =>
    fill(
      place,
      () => opened(source, signal),
      (found) => drawn(shown, found),
      "Fetching",
    );
  const offer = (hint) =>
    openButton(hint, async () => {
      await open();
      place.querySelector("a")?.focus();
    });
  if (shown.keptUntil === null) replace(place, gone());
  else if (source.forOperator)
    replace(place, until(shown), offer("It is written to the audit log that you have seen it."));
  else if (isWaitedFor(shown))
    replace(place, until(shown), offer("A program that tries again would then buy a new one."));
  else open();
  return card("Pictures", { class: "request-pictures" }, place);
}

/** Whether the retry of a program may still come for its answer; what was fetched here is not given to it. */
function isWaitedFor({ resolvedAt }) {
  return Date.now() / 1000 - resolvedAt < RETRY_SECONDS;
}

function openButton(hint, open) {
  if (session.isOperator && !session.mayChange) {
    return h("p", { class: "note" }, "Pictures are for owners: your admin token may only look at what is written.");
  }
  return h("div", { class: "row" }, actionButton("Show picture", open), h("small", {}, hint));
}

/** Null where the answer has gone meanwhile. */
async function opened(source, signal) {
  try {
    const found = await picturesOf(await source.answer(signal), { signal });
    tell(counted(found.pictures.length, "picture"));
    return found;
  } catch (error) {
    if (error.status === 410) return null;
    throw error;
  }
}

function drawn(shown, found) {
  return found === null ? gone() : [gallery(shown, found), until(shown)];
}

function until({ keptUntil }) {
  return h("p", { class: "soft" }, `Kept until ${moment(keptUntil)}.`);
}

function gone() {
  return h("p", { class: "soft" }, "The answer is not kept any more. What is told here of it stays for a day.");
}

function gallery(shown, { pictures, usage, error }) {
  return [
    pictureRow(h("div", { class: "pictures" }), pictures, { id: shown.id, words: null }),
    error && h("p", { class: "note warn" }, `After that it broke off: ${error.message}`),
    usage?.total_tokens !== undefined &&
      h("p", { class: "soft" }, `${number(usage.input_tokens)} tokens in, ${number(usage.output_tokens)} out.`),
  ];
}

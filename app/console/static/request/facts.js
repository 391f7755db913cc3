/**
 * What a request was, at a glance, and what went wrong with it.
 */

import { adviceFor } from "../advice.js";
import { h } from "../dom.js";
import { path } from "../doors.js";
import { duration, moment, number } from "../format.js";
import { card, copyable, link, stateBadge } from "../parts.js";

const OUTCOMES = {
  waiting: "It waits for its turn.",
  in_progress: "It is being made. This page tells when it has ended.",
  delivered: "It was made and delivered.",
  refused: "It was refused. Nothing is charged.",
  failed: "It came to nothing. Nothing is charged.",
  unknown: "Nobody knows what the upstream made of it, so it is charged.",
};

/** The first card of the page. */
export function factsCard(shown, ...buttons) {
  return card(
    h("code", {}, shown.id),
    { beside: h("div", { class: "buttons" }, copyable(shown.id, "Copy id"), buttons) },
    h("p", { class: "row" }, stateBadge(shown.state), OUTCOMES[shown.state]),
    h(
      "dl",
      { class: "facts" },
      facts(shown).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  );
}

function facts(shown) {
  const all = [
    ["Model", [shown.model, shown.operation && ` (${shown.operation})`]],
    ["Pictures", shown.hasEnded && number(shown.images)],
    ["Team", shown.team && link(path`/teams/${shown.team}`, shown.team)],
    ["Key", shown.key],
    ["User", shown.user],
    ["Admitted", moment(shown.admittedAt)],
    ["Ended", shown.resolvedAt !== null && `${moment(shown.resolvedAt)}, after ${duration(shown.seconds)}`],
    ["Id at the upstream", shown.upstreamId && h("code", {}, shown.upstreamId)],
  ];
  return all.filter(([, value]) => value);
}

/** The error it ended in, and what to do; null where there was none. */
export function errorCard({ error, state }) {
  if (!error) return null;
  const { todo } = adviceFor(error); // what is charged is told with the state
  return card(
    "What went wrong",
    { class: state === "delivered" ? "request-error warn" : "request-error" },
    error.message && h("p", {}, error.message),
    h("p", { class: "row soft" }, h("span", {}, "Code ", h("code", {}, error.code)), statusOf(error), paramOf(error)),
    todo && h("p", {}, h("strong", {}, "What to do: "), todo),
  );
}

function statusOf({ status }) {
  return status ? h("span", {}, `Status ${status}`) : null;
}

function paramOf({ param }) {
  return param ? h("span", {}, "Parameter ", h("code", {}, param)) : null;
}

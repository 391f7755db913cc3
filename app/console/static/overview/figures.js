/**
 * The overview's figures, and what to do next where there is nothing to count yet.
 */

import { h } from "../dom.js";
import { counted, duration, moment, money, number, percent } from "../format.js";
import { redraw } from "../fresh.js";
import { empty, figure, figures, link } from "../parts.js";
import { session } from "../session.js";

/** Spend, pictures, success and speed. */
export function figuresView() {
  const place = h("section", { class: "card", "aria-label": "Figures" });
  return { element: place, show: (found) => redraw(place, drawn(found)) };
}

function drawn({ today, month, request_seconds: seconds, in_flight: inFlight }) {
  const since = `of ${counted(seconds.requests, "request")}`;
  return [
    figures(
      figure("Spent today", money(today.cost), counted(today.requests, "request")),
      figure("Spent this month", money(month.cost), counted(month.requests, "request")),
      figure("Pictures today", number(today.images), `${number(month.images)} this month`),
      figure(
        "Success rate today",
        percent(today.success_rate),
        month.requests > 0 ? `${percent(month.success_rate)} this month` : "no requests yet",
      ),
      figure("Half take at most", duration(seconds.p50), `p50 ${since}`),
      figure("19 of 20 take at most", duration(seconds.p95), `p95 ${since}`),
      figure("In flight", number(inFlight), "on this replica"),
    ),
    h(
      "p",
      { class: "soft footnote" },
      "Days and months are in UTC. Times (p50, p95) and requests in flight are those of the replica that answers, ",
      "since its start at ",
      `${moment(seconds.since)}.`,
    ),
  ];
}

/** Guides a new gateway's operator to the first picture; gone once there is one. */
export function firstSteps() {
  const place = h("section", { class: "card", "aria-label": "First steps" });
  return {
    element: place,
    show(found) {
      const step = nextStep(found);
      place.hidden = step === null;
      redraw(place, step);
    },
  };
}

function nextStep({ teams, days }) {
  const who = session.mayChange ? "" : "An owner's token is needed for that; yours may look.";
  if (teams.length === 0) {
    return empty(
      "There is no team yet",
      "A team has a budget, and virtual keys that spend it. Begin with one under ",
      link("/teams", "Keys and teams"),
      `. ${who}`,
    );
  }
  if (days.some((day) => day.requests > 0)) return null;
  return empty(
    "No picture has been made in the last 30 days",
    "Give somebody a virtual key under ",
    link("/teams", "Keys and teams"),
    ", or try one in the ",
    link("/playground", "Playground"),
    `. What it makes and costs is counted here. ${who}`,
  );
}

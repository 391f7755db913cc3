/**
 * What goes on right now: this replica, its Redis and its upstream, and what the teams hold and wait for.
 */

import { h, replace } from "../dom.js";
import { path } from "../doors.js";
import { counted, moment, money, number, relative } from "../format.js";
import { redraw } from "../fresh.js";
import { badge, link, table } from "../parts.js";

/** How an upstream key is, in words. */
const CONDITIONS = {
  ready: ["in use", "good"],
  resting: ["out of use for a moment", "warn"],
  refused: ["refused: somebody has to look", "bad"],
};

/**
 * The card's inside.
 *
 * @param {HTMLElement} alarm Where it is said, above everything, that no picture can be made.
 */
export function liveView(alarm) {
  const place = h("div", { class: "live" });
  return {
    element: place,
    show(found) {
      const text = troubles(found).join(" ");
      if (alarm.textContent !== text) replace(alarm, text && h("p", { class: "note warn" }, text));
      redraw(place, drawn(found));
    },
  };
}

function troubles({ redis, upstream }) {
  const states = Object.values(upstream.keys);
  return [
    !redis && "Redis does not answer: new requests are refused until it does.",
    states.length === 0 && "There is no CometAPI key: set COMETAPI_KEY, and start the gateway again.",
    states.length > 0 &&
      states.every((state) => state !== "ready") &&
      "CometAPI is out of use for now: it failed or refused with every key.",
  ].filter(Boolean);
}

function drawn(live) {
  return [
    h(
      "div",
      { class: "live-columns" },
      facts("This replica", replicaFacts(live)),
      facts("CometAPI", upstreamFacts(live.upstream)),
    ),
    underWay(live.teams),
  ];
}

function facts(name, rows) {
  const list = rows.map(([term, ...told]) => [h("dt", {}, term), h("dd", {}, told)]);
  return h("div", {}, h("h3", {}, name), h("dl", { class: "facts" }, list));
}

function replicaFacts(live) {
  const waiting = live.journal_records;
  return [
    [
      "Redis",
      live.redis
        ? badge("answers", "good")
        : [badge("does not answer", "bad"), " New requests are refused until it does."],
    ],
    ["In flight", `${counted(live.in_flight, "image request")}, ${counted(live.open_holds, "hold")}`],
    [
      "Journal",
      waiting === 0 ? "empty" : [badge(`${number(waiting)} waiting`, "warn"), " Written to Redis once it answers."],
    ],
    ["Running since", `${moment(live.started_at)} (${relative(live.started_at)})`],
    ["Version", `${live.version}, catalog ${live.catalog}`],
  ];
}

function upstreamFacts({ keys, attempts, balance }) {
  const conditions = Object.entries(keys).map(([name, how]) => {
    const [words, kind] = CONDITIONS[how] ?? [how, ""];
    return [`${name.charAt(0).toUpperCase()}${name.slice(1)}`, badge(words, kind)];
  });
  const sent = Object.entries(attempts).map(([result, times]) => `${number(times)} ${result.replaceAll("_", " ")}`);
  return [
    ...(conditions.length > 0 ? conditions : [["Key", badge("there is none", "bad")]]),
    ["Sent since start", sent.length > 0 ? sent.join(", ") : "nothing yet"],
    ["Balance", balanceInWords(balance)],
  ];
}

/** `undefined` and null alike: nobody was asked, or nobody has answered yet. */
function balanceInWords(balance) {
  if (!balance)
    return h("span", { class: "soft" }, "not asked for: that needs ", h("code", {}, "IMAGEGATE_BALANCE_KEY"));
  const asked = h("small", {}, ` asked ${relative(balance.asked_at)}`);
  if (balance.usd === null) return [badge("not known", "warn"), ` ${balance.error ?? ""}`, asked];
  return [Number(balance.usd) > 0 ? money(balance.usd) : badge(money(balance.usd), "bad"), asked];
}

function underWay(teams) {
  if (teams === null)
    return h("p", { class: "note warn" }, "What the teams hold is not known while Redis does not answer.");
  const busy = teams.filter((team) => team.holds > 0 || team.queued > 0);
  if (busy.length === 0) return h("p", { class: "soft footnote" }, "No team has a request under way, on any replica.");
  return table(
    "Under way on all replicas",
    [
      { title: "Team", cell: (row) => link(path`/teams/${row.team}`, row.team) },
      { title: "Requests", cell: (row) => number(row.holds), number: true },
      { title: "Pictures", cell: (row) => number(row.images), number: true },
      { title: "Held", cell: (row) => money(row.held), number: true },
      { title: "Waiting for a turn", cell: (row) => number(row.queued), number: true },
    ],
    busy,
    { class: "unbroken" },
  );
}

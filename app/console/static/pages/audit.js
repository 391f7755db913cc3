/**
 * The audit log: who changed what and when, newest first, each change as the fields that differ.
 */

import { changedName, changeInWords, fieldName, isLook, valueInWords } from "../audit_words.js";
import { differences } from "../differences.js";
import { h, replace } from "../dom.js";
import { admin, path } from "../doors.js";
import { moment, relative } from "../format.js";
import { actionButton, card, empty, field, fill, link, selectOf } from "../parts.js";
import { rememberQuery } from "../router.js";

const AT_ONCE = 25;

export const title = "Audit";

export async function show({ root, query, signal }) {
  const teams = await admin("/teams", { signal }).catch((error) => {
    if (error.name === "AbortError") throw error;
    return []; // the log is worth reading without their names
  });
  const offered = [["", "All teams, and what is of none"], ...teams.map(({ name }) => [name, name])];
  const team = selectOf(offered, { name: "team", value: query.get("team") ?? "" });
  const place = h("div");
  const ask = (cursor) => admin("/audit", { signal, query: { limit: AT_ONCE, cursor, team: team.value } });
  const names = new Map(teams.map(({ id, name }) => [id, name]));
  const redraw = () =>
    fill(
      place,
      () => ask(null),
      (page) => draw(page, ask, names),
      "Loading the log",
    );
  team.addEventListener("change", () => {
    rememberQuery({ team: team.value });
    redraw();
  });
  replace(root, card("Changes", { beside: h("div", { class: "form inline" }, field("Team", team)) }, place));
  await redraw();
}

function draw(page, ask, names) {
  if (page.entries.length === 0 && !page.next_cursor)
    return empty("Nothing has been changed yet.", "Whatever an operator changes is told here.");
  const list = h("ol", { class: "changes" });
  const foot = h("div", {});
  const add = ({ entries, next_cursor: next }) => {
    const items = entries.map((entry) => drawEntry(entry, names));
    list.append(...items);
    const older = async () => {
      const first = add(await ask(next));
      first?.focus();
    };
    replace(foot, next ? actionButton("Older", older) : h("p", { class: "soft" }, "That is all of it."));
    return items[0];
  };
  add(page);
  return [list, foot];
}

function drawEntry(entry, names) {
  const { actor, at } = entry;
  const team = names.get(entry.team);
  const isTold = ({ field: name }) => fieldName(name) !== null && !(isLook(entry) && name === "request");
  const fields = differences(entry.before, entry.after).filter(isTold);
  // What is made or gone has no other side to be compared with.
  const isWhole = entry.before === null || entry.after === null;
  const told = h(
    "dl",
    { class: "facts" },
    fields.map((one) => [h("dt", {}, fieldName(one.field)), h("dd", {}, isWhole ? sole(one) : change(one))]),
  );
  return h(
    "li",
    { tabindex: "-1" },
    h(
      "div",
      { class: "change-head" },
      h(
        "span",
        {},
        h("strong", {}, actor.name),
        ` (${actor.role}) ${changeInWords(entry)} `,
        changedThing(entry, team),
      ),
      h("time", { datetime: at, title: relative(at), class: "soft" }, moment(at)),
    ),
    isWhole && !isLook(entry) && fields.length > 0
      ? h("details", {}, h("summary", {}, entry.after ? "As it was made" : "As it was"), told)
      : told,
    h("small", {}, "Request ", h("code", {}, entry.request_id)),
  );
}

/** What was changed, and the way to it where there is one. */
function changedThing(entry, team) {
  const name = changedName(entry);
  if (!team) return h("strong", {}, name);
  const way = link(path`/teams/${team}`, team);
  return entry.action.startsWith("team.") ? way : [h("strong", {}, name), " of ", way];
}

function sole({ field: name, before, after }) {
  return valueInWords(name, after ?? before);
}

function change({ field: name, before, after }) {
  return [
    h("del", { class: "was" }, h("span", { class: "visually-hidden" }, "before: "), valueInWords(name, before)),
    " → ",
    h("ins", {}, h("span", { class: "visually-hidden" }, "after: "), valueInWords(name, after)),
  ];
}

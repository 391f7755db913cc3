/**
 * What was used, by whatever is asked: team, key, model, day, hour or user.
 */

import { h, replace, tell } from "../dom.js";
import { admin, fetchAdmin } from "../doors.js";
import { counted } from "../format.js";
import { latest } from "../latest.js";
import { actionButton, card, empty, field, fill, link, selectOf } from "../parts.js";
import { rememberQuery } from "../router.js";
import { saveFile } from "../saving.js";
import { boundsOf, dateOf, timeFields } from "../times.js";
import { DIMENSIONS, usageTable } from "../usage_table.js";

export const title = "Usage";

const TIMES = ["30d", "today", "7d", "month", "custom"];

export async function show({ root, query, signal }) {
  const teams = await admin("/teams", { signal });
  if (teams.length === 0) {
    return replace(root, empty("Nothing has been used yet.", "There is no team. ", link("/teams", "Make one.")));
  }
  const filter = filterFields(teams, query);
  const place = h("div", {});
  const asking = latest(signal);
  const draw = () => {
    const chosen = filter.chosen();
    if (chosen.time === "custom" && !(chosen.from && chosen.to))
      return place.firstChild || replace(place, empty("Choose the first and the last day."));
    rememberQuery(chosen);
    const one = asking();
    return fill(
      place,
      () => admin("/usage", { query: questionOf(chosen), signal: one }),
      (found) => {
        tell(counted(found.rows.length, "row"));
        return drawn(found, chosen, signal);
      },
      "Adding up",
    );
  };
  filter.element.addEventListener("change", draw);
  replace(root, h("section", { class: "card", "aria-label": "What to add up" }, filter.element), place);
  await draw();
}

/** The choices, as they are in the address. */
function filterFields(teams, query) {
  const given = Object.fromEntries(query);
  const words = Object.entries(DIMENSIONS).map(([name, { title: text }]) => [name, text]);
  const first = selectOf(words, { value: given.by in DIMENSIONS ? given.by : "team" });
  const second = selectOf([["", "nothing else"], ...words], { value: given.and in DIMENSIONS ? given.and : "" });
  const team = selectOf([["", "All teams"], ...teams.map(({ name }) => [name, name])], { value: given.team ?? "" });
  const time = timeFields(TIMES, given);
  const element = h(
    "form",
    { class: "form inline", on: { submit: (event) => event.preventDefault() } },
    field("Group by", first),
    field("and by", second),
    field("Team", team),
    time.element,
  );
  const chosen = () => ({
    by: first.value,
    and: second.value === first.value ? null : second.value,
    team: team.value,
    ...time.chosen(),
  });
  return { element, chosen };
}

function questionOf({ by, and, team, ...time }) {
  return { group_by: and ? `${by},${and}` : by, team, ...boundsOf(time) };
}

function drawn(found, chosen, signal) {
  const name = `usage-${found.group_by.join("-")}-${dateOf(found.since)}-to-${dateOf(Date.parse(found.until) - 1)}.csv`;
  const save = async () => {
    const query = { ...questionOf(chosen), format: "csv" };
    saveFile(await (await fetchAdmin("/usage", { query, signal })).blob(), name);
    tell("Saved");
  };
  return card(
    "What was used",
    { beside: found.rows.length > 0 && actionButton("Download CSV", save) },
    found.rows.length > 0
      ? usageTable(found)
      : empty("Nothing was used in this time.", "Every request that was admitted is here within a moment of its end."),
  );
}

/**
 * One team: how it stands, its limits, and its virtual keys.
 */

import { h, replace } from "../dom.js";
import { admin, path } from "../doors.js";
import { number } from "../format.js";
import { keySection } from "../keys/key_section.js";
import { limitFacts } from "../keys/limits.js";
import { standingBar } from "../keys/standing.js";
import { editKeyLimits, editLimits } from "../keys/team_dialogs.js";
import { actionButton, card, fill, link } from "../parts.js";
import { session } from "../session.js";

export const title = ({ team }) => `Team ${team}`;

export async function show({ root, params, signal }) {
  const address = path`/teams/${params.team}`;
  const ask = (rest) => admin(`${address}${rest}`, { signal });
  let team = await ask("");
  const standing = h("div");
  const limits = h("div", { class: "grid" });
  const readBooks = () => {
    const books = remembered(() => ask("/standing"));
    fill(standing, books, drawTeam, "Reading the books");
    return books;
  };
  const keys = keySection({
    team: () => team,
    ask,
    catalog: remembered(() => admin("/catalog", { signal })),
    readBooks,
  });
  const changed = async (name) => {
    team = await ask("");
    replace(limits, limitCards(team, changed));
    limits.querySelector(`[data-of="${name}"]`)?.focus();
    await keys.redraw();
  };
  replace(limits, limitCards(team, changed));
  replace(root, ways(team.name), card("Budget", {}, standing), limits, keys.element);
  await keys.redraw();
}

/** Where else this team is told of. */
function ways(name) {
  const about = (page, words) => link(`/${page}?${new URLSearchParams({ team: name })}`, words);
  return h(
    "p",
    { class: "row" },
    link("/teams", "All teams"),
    about("usage", "Its usage"),
    about("ledger", "Its ledger"),
    about("audit", "Its changes"),
  );
}

function drawTeam({ standings }) {
  const standing = standings.find((one) => one.scope === "team");
  const made = standing.images > 0 && h("p", { class: "soft" }, `Pictures being made now: ${number(standing.images)}`);
  return [standingBar(standing), made];
}

function limitCards(team, changed) {
  return [
    limitCard(
      "limits",
      "Limits of the team",
      team,
      "None: this team may use whatever its keys may.",
      editLimits,
      changed,
    ),
    limitCard(
      "key_limits",
      "Defaults for new keys",
      team,
      "None: a new key has no limits of its own.",
      editKeyLimits,
      changed,
    ),
  ];
}

function limitCard(name, words, team, otherwise, edit, changed) {
  const work = async () => {
    if (await edit(team)) await changed(name);
  };
  const label = ["Edit", h("span", { class: "visually-hidden" }, ` ${words.toLowerCase()}`)];
  const button = session.mayChange && actionButton(label, work, { "data-of": name });
  return card(words, { beside: button }, limitFacts(team[name], otherwise));
}

/** Asks once, and again only after a failure. */
function remembered(ask) {
  let asked = null;
  return () =>
    (asked ??= ask().catch((error) => {
      asked = null;
      throw error;
    }));
}

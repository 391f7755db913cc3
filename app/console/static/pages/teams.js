/**
 * All teams: what of their budgets is used, held and left, and how many keys they have.
 */

import { h, replace } from "../dom.js";
import { admin, path } from "../doors.js";
import { counted, money } from "../format.js";
import { standingBar } from "../keys/standing.js";
import { actionButton, card, empty, fill, link, table } from "../parts.js";
import { goTo } from "../router.js";
import { session } from "../session.js";
import { createTeam } from "../keys/team_dialogs.js";
import { turns } from "../turns.js";

const ASKED_AT_ONCE = 4;

export const title = "Keys and teams";

export async function show({ root, signal }) {
  const place = h("div");
  const create = actionButton("Create team", makeTeam, { class: "primary" });
  replace(
    root,
    card(
      "Teams",
      { beside: session.mayChange && create },
      h(
        "p",
        { class: "soft" },
        "A team pays: it owns virtual keys and a budget. Open one for its limits and its keys.",
      ),
      place,
    ),
  );
  await fill(
    place,
    () => teamsAndBooks(signal),
    (found) => draw(found, signal),
    "Loading the teams",
  );
}

async function makeTeam() {
  const made = await createTeam();
  if (made) goTo(path`/teams/${made.name}`);
}

/** The teams, and how they stand; where that cannot be told, why. */
async function teamsAndBooks(signal) {
  const books = admin("/overview", { signal }).catch((error) => ({ teams: [], error }));
  return { teams: await admin("/teams", { signal }), books: await books };
}

function draw({ teams, books }, signal) {
  if (teams.length === 0) {
    return empty(
      "No team yet.",
      session.mayChange ? "Create the first one, then a virtual key in it." : "An owner can create one.",
    );
  }
  const standings = new Map(books.teams.map((one) => [one.team, one]));
  const counts = new Map(teams.map((team) => [team.name, h("span", {}, "…")]));
  countKeys(counts, signal);
  const standing = (team) => standings.get(team.name);
  return [
    books.error &&
      h("p", { class: "note warn", role: "alert" }, `How the budgets stand cannot be told now: ${books.error.message}`),
    table(
      counted(teams.length, "team"),
      [
        { title: "Team", cell: (team) => link(path`/teams/${team.name}`, team.name) },
        { title: "Spent, held, left", cell: (team) => (standing(team) ? standingBar(standing(team)) : "–") },
        { title: "Today", number: true, cell: (team) => money(standing(team)?.today) },
        { title: "This month", number: true, cell: (team) => money(standing(team)?.month) },
        { title: "Keys", number: true, cell: (team) => counts.get(team.name) },
      ],
      teams,
    ),
  ];
}

/** Fills in how many keys each team has, of which how many are of use: a question per team, a few at a time. */
async function countKeys(counts, signal) {
  const inTurn = turns(ASKED_AT_ONCE);
  const ask = async ([team, place]) => {
    if (signal.aborted) return;
    const keys = await admin(path`/teams/${team}/keys`, { signal }).catch(() => null);
    replace(place, keys ? keysInWords(keys) : "–");
  };
  await Promise.all([...counts].map((one) => inTurn(() => ask(one))));
}

function keysInWords(keys) {
  const active = keys.filter((key) => key.state === "active").length;
  return active === keys.length ? String(active) : `${active} of ${keys.length} active`;
}

/**
 * The ledger of a team: what goes on and has just ended, every entry, the export, credits.
 */

import { h, replace } from "../dom.js";
import { admin } from "../doors.js";
import { latest } from "../latest.js";
import { giveCredit } from "../ledger/credit.js";
import { entries } from "../ledger/entries.js";
import { exportLedger } from "../ledger/export.js";
import { recent } from "../ledger/recent.js";
import { empty, field, link, selectOf } from "../parts.js";
import { rememberQuery } from "../router.js";
import { session } from "../session.js";

export const title = "Ledger";

export async function show({ root, query, signal }) {
  const teams = await admin("/teams", { signal });
  if (teams.length === 0) {
    return replace(
      root,
      empty("No team, no ledger.", "Every team has one of its own. ", link("/teams", "Make a team.")),
    );
  }
  const names = teams.map(({ name }) => name);
  const first = names.includes(query.get("team")) ? query.get("team") : names[0];
  const team = selectOf(
    names.map((name) => [name, name]),
    { value: first },
  );
  const place = h("div", { class: "page-body" });
  const chosen = latest(signal);
  const open = (filter = {}) => replace(place, ledgerOf(team.value, filter, chosen()));
  team.addEventListener("change", () => {
    rememberQuery({ team: team.value });
    open();
  });
  const credit = async () => {
    if (await giveCredit({ team: team.value })) open();
  };
  replace(
    root,
    h(
      "section",
      { class: "card row ledger-head", "aria-label": "Team" },
      field("Team", team),
      h("button", { type: "button", on: { click: () => exportLedger(team.value) } }, "Export …"),
      creditButton(credit),
    ),
    place,
  );
  open(Object.fromEntries(query));
}

function ledgerOf(team, filter, signal) {
  return [recent(team, signal), entries(team, filter, signal)];
}

function creditButton(work) {
  if (session.mayChange) return h("button", { type: "button", on: { click: work } }, "Give credit …");
  return [
    h("button", { type: "button", disabled: true }, "Give credit …"),
    h("small", {}, "Credit is given by owners."),
  ];
}

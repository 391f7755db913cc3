/**
 * How a request is named in a table: its id, which opens it.
 */

import { h } from "../dom.js";
import { path } from "../doors.js";
import { link } from "../parts.js";

/** A link to a request of a team; words where an entry is about none, as a team's credit. */
export function requestLink(team, id) {
  return id ? link(path`/ledger/${team}/${id}`, h("code", {}, id)) : h("span", { class: "soft" }, "the team");
}

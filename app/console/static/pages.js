/**
 * All pages: their addresses, who may see them, and, with a name, their place in the navigation.
 */

import * as access from "./pages/access.js";
import * as audit from "./pages/audit.js";
import * as ledger from "./pages/ledger.js";
import * as mine from "./pages/mine.js";
import * as overview from "./pages/overview.js";
import * as playground from "./pages/playground.js";
import * as request from "./pages/request.js";
import * as team from "./pages/team.js";
import * as teams from "./pages/teams.js";
import * as usage from "./pages/usage.js";

const OPERATOR = ["operator"];
const TEAMMATE = ["teammate"];
const BOTH = ["operator", "teammate"];

/** The first one of somebody's is where they begin. */
export const pages = [
  { path: "/overview", name: "Overview", page: overview, who: OPERATOR },
  { path: "/teams", name: "Keys and teams", page: teams, who: OPERATOR },
  { path: "/teams/:team", page: team, who: OPERATOR },
  { path: "/usage", name: "Usage", page: usage, who: OPERATOR },
  { path: "/ledger", name: "Ledger", page: ledger, who: OPERATOR },
  { path: "/ledger/:team/:request", page: request, who: OPERATOR },
  { path: "/mine", name: "My usage", page: mine, who: TEAMMATE },
  { path: "/mine/:request", page: request, who: TEAMMATE },
  { path: "/playground", name: "Playground", page: playground, who: BOTH },
  { path: "/access", name: "Access", page: access, who: OPERATOR },
  { path: "/audit", name: "Audit", page: audit, who: OPERATOR },
];

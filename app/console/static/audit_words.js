/**
 * The audit log in words: what was done, which field it was done to, and what that held.
 */

import { moment, money, number } from "./format.js";
import { budgetInWords, COUNTS, PERIODS } from "./keys/limits.js";

const DONE = {
  "team.create": "made the team",
  "team.change": "changed the team",
  "key.create": "made the key",
  "key.change": "changed the key",
  "key.rotate": "gave a new secret to the key",
  "key.disable": "disabled the key",
  "key.enable": "enabled the key",
  "key.revoke": "revoked the key",
  "token.create": "made the admin token",
  "token.revoke": "revoked the admin token",
  "credit.create": "gave money back by the credit",
  "answer.open": "opened the pictures of the request",
};

const FIELDS = {
  ...Object.fromEntries(COUNTS.map(({ name, label }) => [name, label])),
  budget: "Budget",
  "budget.limit": "Budget",
  "budget.period": "Period",
  "budget.timezone": "Time zone",
  "budget.reset_day": "First day of the period",
  "budget.alerts": "Alerts, per cent",
  models: "Models",
  state: "State",
  expires_at: "Expires",
  previous_until: "Older secrets work until, at most",
  strict: "Strict",
  unknown_fields: "Unknown fields",
  fan_out: "Fan-out",
  heartbeat_seconds: "Heartbeat, seconds",
  role: "Role",
  public_id: "Public id",
  amount: "Amount",
  reason: "Reason",
  request: "Request",
  key: "Key",
};

/** What the state says already, what the heading says, and what is the gateway's own. */
const UNTOLD = new Set(["id", "name", "alias", "team", "created_at", "disabled_at", "revoked_at", "already"]);
const MOMENTS = new Set(["expires_at", "previous_until"]);
const DOLLARS = new Set(["amount", "limits.budget.limit", "key_limits.budget.limit"]);

/** `changed the key`. */
export function changeInWords({ action }) {
  return DONE[action] ?? action;
}

/** Whether nothing was changed, but something looked at that is told of. */
export function isLook({ action }) {
  return action === "answer.open";
}

/** What was changed, by its name, or by its id where it has none. */
export function changedName({ before, after }) {
  const { name, alias, id, request } = after ?? before ?? {};
  return name ?? alias ?? id ?? request ?? "";
}

/** What a field is called; null for one that is not told. */
export function fieldName(field) {
  if (UNTOLD.has(field)) return null;
  if (field.startsWith("metadata.")) return `Note “${field.slice("metadata.".length)}”`;
  const [first, ...rest] = field.split(".");
  const within = rest.join(".");
  if (first === "limits") return FIELDS[within] ?? within;
  if (first === "key_limits") return `${FIELDS[within] ?? within}, default for keys`;
  return FIELDS[field] ?? field;
}

/** What a field held. */
export function valueInWords(field, value) {
  if (value === null) return field === "models" ? "all" : "none";
  if (field.endsWith(".budget")) return budgetInWords(value);
  if (MOMENTS.has(field)) return moment(value);
  if (DOLLARS.has(field)) return money(value);
  if (field.endsWith("budget.period")) return PERIODS[value] ?? value;
  if (Array.isArray(value)) return value.length > 0 ? value.join(", ") : "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? number(value) : String(value);
}

/**
 * The virtual keys of a team: how each stands, and what can be done with it.
 */

import { h } from "../dom.js";
import { moment } from "../format.js";
import { disableKey, editKey, enableKey, revokeKey, rotateKey } from "./key_dialogs.js";
import { limitFacts } from "./limits.js";
import { actionButton, badge, stateBadge } from "../parts.js";
import { session } from "../session.js";

/**
 * A list of keys.
 *
 * @param {Array<Object>} keys
 * @param {{standing: (key: Object) => Node, catalog: () => Promise<Object>, changed: (id: string) => void}} how
 *   `standing` draws how a key stands with its budget; `changed` is told after something was done with a key.
 */
export function keyList(keys, { standing, catalog, changed }) {
  const drawKey = (key) =>
    h(
      "li",
      { class: "key", id: placeOf(key.id) },
      h("div", {}, h("h3", { tabindex: "-1" }, key.alias), h("code", {}, key.public_id), notes(key)),
      h("div", {}, states(key)),
      h("div", {}, standing(key)),
      h("div", {}, limitsAndModels(key)),
      session.mayChange && h("div", { class: "buttons" }, actions(key, catalog, changed)),
    );
  return h("ul", { class: "keys" }, keys.map(drawKey));
}

/** The id of a key's place in the list. */
export function placeOf(id) {
  return `key-${id}`;
}

/** Whether the key is of use, and whether the secret before its last rotation is, too. */
function states(key) {
  const about = {
    revoked: key.revoked_at && `on ${moment(key.revoked_at)}`,
    disabled: key.disabled_at && `since ${moment(key.disabled_at)}`,
    expired: key.expires_at && `on ${moment(key.expires_at)}`,
    active: key.expires_at && `until ${moment(key.expires_at)}`,
  }[key.state];
  const isOldGood = key.state === "active" && key.previous_until && new Date(key.previous_until) > new Date();
  return [
    h("div", { class: "row" }, stateBadge(key.state), isOldGood && badge("rotated", "warn")),
    about && h("small", { class: "under" }, about),
    isOldGood && h("small", { class: "under" }, `older secrets work until ${moment(key.previous_until)} at most`),
  ];
}

function limitsAndModels(key) {
  const isSet = Object.values(key.limits).some((limit) => limit !== null);
  return [
    isSet ? limitFacts(key.limits) : h("span", { class: "soft" }, "No limits but the team's"),
    h("small", { class: "under" }, modelsInWords(key.models)),
  ];
}

function modelsInWords(models) {
  if (models === null) return "All models";
  return models.length === 0 ? "No model" : `Only ${models.join(", ")}`;
}

function notes(key) {
  const all = Object.entries(key.metadata);
  return all.length > 0 && h("small", { class: "under" }, all.map(([name, value]) => `${name}: ${value}`).join("; "));
}

function actions(key, catalog, changed) {
  if (key.state === "revoked") return null;
  const button = (label, work, kind = "") =>
    actionButton(
      [label, h("span", { class: "visually-hidden" }, ` ${key.alias}`)],
      async () => {
        if (await work(key, catalog)) await changed(key.id);
      },
      { class: `small ${kind}` },
    );
  return [
    button("Edit", editKey),
    button("Rotate", rotateKey),
    key.state === "disabled" ? button("Enable", enableKey) : button("Disable", disableKey),
    button("Revoke", revokeKey, "danger"),
  ];
}

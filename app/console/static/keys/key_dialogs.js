/**
 * What an operator does with a virtual key, in a dialog each: make, change, rotate, disable, enable, revoke.
 */

import { creator } from "../creating.js";
import { isNothing, mergePatch } from "../differences.js";
import { h, tell } from "../dom.js";
import { admin, path } from "../doors.js";
import { keyFields } from "./key_form.js";
import { confirmed, dialog, field, form, selectOf } from "../parts.js";
import { showVirtualKey } from "./secret_dialog.js";

const GRACES = { 0: "Not at all: from now on only the new one", 3600: "An hour", 86400: "A day", 604800: "A week" };

/**
 * Makes a virtual key and shows it.
 *
 * @param {Object} team Its `key_limits` are what the form begins with.
 * @param {() => Promise<Object>} catalog
 * @returns {Promise<string|null>} Its id, if one was made.
 */
export async function createKey(team, catalog) {
  const create = creator(path`/teams/${team.name}/keys`);
  const made = await dialog(`New virtual key of ${team.name}`, (close) => {
    const alias = h("input", { name: "alias", required: true, maxlength: 63, autofocus: true, spellcheck: "false" });
    const fields = keyFields({ limits: team.key_limits, catalog });
    const work = async () => {
      const { limits, ...others } = fields.read();
      const body = { alias: alias.value.trim(), ...others, limits: named(limits, team.key_limits) };
      close(await create(body));
    };
    return form(
      { submit: "Create key", work, cancel: () => close() },
      field("Alias", alias, "What the key is called in lists and reports: a teammate, or a program."),
      fields.element,
    );
  });
  if (!made) return null;
  await showVirtualKey(made, { title: `Virtual key of ${made.alias}`, catalog });
  return made.id;
}

/** Changes a key's settings: only what is different is sent. */
export async function editKey(key, catalog) {
  const changed = await dialog(`Edit ${key.alias}`, (close) => {
    const fields = keyFields({ key, limits: key.limits, catalog });
    const work = async () => {
      const patch = mergePatch(pick(key), fields.read());
      if (!isNothing(patch)) await admin(keyPath(key), { method: "PATCH", body: patch });
      close(true);
    };
    return form(
      { submit: "Save", work, cancel: () => close() },
      h(
        "p",
        { class: "soft" },
        "In force with the next request, on every replica. Requests under way end as they began.",
      ),
      fields.element,
    );
  });
  if (changed) tell("Saved");
  return changed === true;
}

/** Gives a key a new secret, and shows it. */
export async function rotateKey(key, catalog) {
  const rotated = await dialog(`Rotate ${key.alias}`, (close) => {
    const grace = selectOf(GRACES, { name: "grace_seconds", value: "86400", autofocus: true });
    const work = async () =>
      close(await admin(`${keyPath(key)}/rotate`, { body: { grace_seconds: Number(grace.value) } }));
    return form(
      { submit: "Rotate", work, cancel: () => close() },
      h(
        "p",
        {},
        "The key gets a new secret, which is shown once. Its limits, and what it has spent, stay as they are.",
      ),
      field(
        "The old secret still works for",
        grace,
        "Time to put the new one in place. A rotation before this one ends its own at once.",
      ),
    );
  });
  if (!rotated) return false;
  const isOver = rotated.previous_until === null || new Date(rotated.previous_until) <= new Date();
  const note = isOver ? "The old secret does not work any more." : "The old secret works beside it for a while.";
  await showVirtualKey(rotated, { title: `New secret of ${key.alias}`, note, catalog });
  return true;
}

/** Puts a key out of use for a while. */
export function disableKey(key) {
  const consequence =
    "Every replica refuses it from the next request on, until somebody enables it again. Requests under way end as " +
    "they began.";
  return confirmed(`Disable ${key.alias}?`, consequence, "Disable", () =>
    admin(`${keyPath(key)}/disable`, { method: "POST" }),
  );
}

/** Puts it back into use. */
export async function enableKey(key) {
  await admin(`${keyPath(key)}/enable`, { method: "POST" });
  tell("Enabled");
  return true;
}

/** Closes a key for ever. */
export function revokeKey(key) {
  const consequence =
    "This cannot be undone. Every replica refuses the key from the next request on; requests under way end as " +
    "they began. What it has spent stays in the books.";
  return confirmed(`Revoke ${key.alias}?`, consequence, "Revoke for ever", () =>
    admin(`${keyPath(key)}/revoke`, { method: "POST" }),
  );
}

function keyPath(key) {
  // By its id: an alias can be another key's again once this one is revoked.
  return path`/teams/${key.team}/keys/${key.id}`;
}

/** The settings of a key that can be changed. */
function pick({ limits, models, expires_at, metadata, strict, unknown_fields, fan_out, heartbeat_seconds }) {
  return { limits, models, expires_at, metadata, strict, unknown_fields, fan_out, heartbeat_seconds };
}

/** The limits that are not the team's defaults: what is not named is taken from those, null is a name, too. */
function named(limits, defaults) {
  return Object.fromEntries(Object.keys(mergePatch(defaults, limits)).map((name) => [name, limits[name]]));
}

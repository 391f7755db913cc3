/**
 * What an operator does with a team, in a dialog each: make one, change its limits or the defaults of its keys.
 */

import { creator } from "../creating.js";
import { isNothing, mergePatch } from "../differences.js";
import { h, tell } from "../dom.js";
import { admin, path } from "../doors.js";
import { limitsFields } from "./limits_form.js";
import { COUNTS } from "./limits.js";
import { dialog, field, form } from "../parts.js";

const NO_LIMITS = { ...Object.fromEntries(COUNTS.map(({ name }) => [name, null])), budget: null };

/** Makes a team; what the door answered, or undefined where it was left. */
export function createTeam() {
  const create = creator("/teams");
  return dialog("New team", (close) => {
    const name = h("input", { name: "name", required: true, maxlength: 63, autofocus: true, spellcheck: "false" });
    const limits = limitsFields({ limits: NO_LIMITS, name: "limits", who: "The team" });
    const keyLimits = limitsFields({ limits: NO_LIMITS, name: "key_limits", who: "Each new key" });
    const work = async () => {
      close(await create({ name: name.value.trim(), limits: limits.read(), key_limits: keyLimits.read() }));
    };
    return form(
      { submit: "Create team", work, cancel: () => close() },
      field("Name", name, "Letters, digits, dots, dashes and underscores. It cannot be changed later."),
      limits.element,
      h(
        "details",
        {},
        h("summary", {}, "Defaults for its keys"),
        h("p", { class: "soft" }, "What a new virtual key of this team begins with. Each key can have others."),
        keyLimits.element,
      ),
    );
  });
}

/** Changes what the team as a whole may use. */
export function editLimits(team) {
  return edit(
    team,
    "limits",
    `Limits of ${team.name}`,
    "The team",
    "All its keys together are held to these, each key besides to its own.",
  );
}

/** Changes what its new keys begin with. */
export function editKeyLimits(team) {
  return edit(
    team,
    "key_limits",
    `Defaults for keys of ${team.name}`,
    "Each new key",
    "Keys that exist keep what they have.",
  );
}

/** Whether something was saved. */
async function edit(team, name, title, who, meaning) {
  const saved = await dialog(title, (close) => {
    const fields = limitsFields({ limits: team[name], name, who, isChange: true });
    const work = async () => {
      const patch = mergePatch(team[name], fields.read());
      if (!isNothing(patch)) await admin(path`/teams/${team.name}`, { method: "PATCH", body: { [name]: patch } });
      close(true);
    };
    return form({ submit: "Save", work, cancel: () => close() }, h("p", { class: "soft" }, meaning), fields.element);
  });
  if (saved) tell("Saved");
  return saved === true;
}

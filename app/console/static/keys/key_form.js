/**
 * The fields of a virtual key: what is said of it when it is made, and changed later.
 */

import { h } from "../dom.js";
import { limitsFields } from "./limits_form.js";
import { modelsField } from "./models_field.js";
import { pairsField } from "./pairs_field.js";
import { field, selectOf } from "../parts.js";

const NEW_KEY = {
  models: null,
  expires_at: null,
  metadata: {},
  strict: null,
  unknown_fields: null,
  fan_out: false,
  heartbeat_seconds: null,
};
const AS_GATEWAY = "As the gateway is set";

/**
 * All fields but the alias, which a key keeps.
 *
 * @param {{key?: Object, limits: Object, catalog: () => Promise<Object>}} of `limits`: those to begin with.
 * @returns {{element: HTMLElement[], read: () => Object}} `read` gives the key's settings as the door takes them.
 */
export function keyFields({ key, limits, catalog }) {
  const settings = key ?? NEW_KEY;
  const limited = limitsFields({ limits, name: "limits", who: "This key", isChange: Boolean(key) });
  const models = modelsField({ models: settings.models, catalog });
  const expiry = expiryField(settings.expires_at);
  const rare = rareFields(settings);
  const element = [
    limited.element,
    models.element,
    expiry.element,
    h("details", { open: rare.isUsed }, h("summary", {}, "Rarely needed"), h("div", { class: "form" }, rare.element)),
  ];
  const read = () => ({ limits: limited.read(), models: models.read(), expires_at: expiry.read(), ...rare.read() });
  return { element, read };
}

function expiryField(expiresAt) {
  const before = expiresAt ? localTime(new Date(expiresAt)) : "";
  const input = h("input", { type: "datetime-local", name: "expires_at", value: before });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const element = field(
    "Expires",
    input,
    `From then on the key is refused. In your time zone (${zone}); empty: never.`,
  );
  const read = () => {
    if (input.value === before) return expiresAt; // with its seconds, which the field does not show
    return input.value === "" ? null : new Date(input.value).toISOString();
  };
  return { element, read };
}

function rareFields(settings) {
  const strict = choice("strict", settings.strict, {
    null: AS_GATEWAY,
    true: "Refuse",
    false: "Leave out, and say so",
  });
  const unknown = choice("unknown_fields", settings.unknown_fields, {
    null: AS_GATEWAY,
    refuse: "Refuse",
    pass: "Send on as they are",
  });
  const fanOut = h("input", { type: "checkbox", name: "fan_out", checked: settings.fan_out });
  const heartbeat = heartbeatField(settings.heartbeat_seconds);
  const notes = pairsField({
    name: "metadata",
    label: "Notes",
    hint: "Yours, for lists and searches: who has the key, what for. The gateway reads nothing in them.",
    pairs: settings.metadata,
  });
  const element = [
    h(
      "div",
      { class: "fields" },
      field(
        "Parameters of other models (strict)",
        strict.select,
        "What becomes of a parameter that the chosen model does not take.",
      ),
      field("Unknown fields", unknown.select, "What becomes of a field that no model is known to take."),
      heartbeat.element,
    ),
    field(
      "Fan-out",
      fanOut,
      "Several pictures in a request also from models that make one at a time: they are asked several times at once.",
    ),
    notes.element,
  ];
  const read = () => ({
    strict: strict.read(),
    unknown_fields: unknown.read(),
    fan_out: fanOut.checked,
    heartbeat_seconds: heartbeat.read(),
    metadata: notes.read(),
  });
  const isUsed =
    Object.keys(settings.metadata).length > 0 ||
    ["strict", "unknown_fields", "heartbeat_seconds"].some((name) => settings[name] !== null) ||
    settings.fan_out;
  return { element, read, isUsed };
}

function heartbeatField(seconds) {
  const attributes = { type: "number", name: "heartbeat_seconds", min: 1, max: 600, step: "any" };
  const input = h("input", { ...attributes, value: seconds ?? "" });
  const element = field(
    "Heartbeat, seconds",
    input,
    "After so long a silence white space is sent, so that no proxy cuts the wait. Empty: if a request asks.",
  );
  return { element, read: () => (input.value === "" ? null : Number(input.value)) };
}

/** A choice among words for null, true, false and texts. */
function choice(name, value, words) {
  const select = selectOf(words, { name, value: String(value) });
  const values = { null: null, true: true, false: false };
  return { select, read: () => (select.value in values ? values[select.value] : select.value) };
}

/** A moment as the field for one takes it: local, to the minute. */
function localTime(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

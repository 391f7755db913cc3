/**
 * The virtual key an operator tries the playground with: asked for, kept in memory, changed.
 */

import { h } from "../dom.js";
import { own, Refused } from "../doors.js";
import { field, form, link } from "../parts.js";
import { isVirtualKey, session } from "../session.js";

/** Asks an operator for a virtual key; `done` is called when one is known to work. */
export function keyForm(done) {
  const control = h("input", {
    type: "password",
    name: "key",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const hint = "It begins with sk-ig-. It stays in the memory of this page only, and is forgotten with it.";
  return h(
    "section",
    { class: "card key-form" },
    h("p", {}, "Pictures are bought with a virtual key, and charged to its team; an admin token buys none."),
    form(
      {
        submit: "Use this key",
        work: async () => {
          const key = control.value.trim();
          if (!isVirtualKey(key)) throw new Refused("This is no virtual key: those begin with sk-ig-.");
          await own("/usage", { secret: key });
          session.virtualKey = key;
          done();
        },
      },
      field("Virtual key", control, hint),
    ),
    h("p", { class: "soft" }, "None at hand? Make one under ", link("/teams", "Keys and teams"), "."),
  );
}

/** Says which key an operator is trying, and lets them take another. */
export function keyLine(changed) {
  if (!session.isOperator) return null;
  const forget = () => {
    session.virtualKey = null;
    changed();
  };
  return h(
    "p",
    { class: "row key-line" },
    h("span", {}, "Pictures are charged to the key ", h("code", {}, publicId(session.virtualKey)), "."),
    h("button", { type: "button", class: "small", on: { click: forget } }, "Use another key"),
  );
}

/** The part of a virtual key that is safe to show: all but its secret. */
function publicId(key) {
  return key.slice(0, key.lastIndexOf("-"));
}

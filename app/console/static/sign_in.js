/**
 * Signing in: one field for an admin token or a virtual key, which is asked about at the door it is for.
 */

import { h, replace } from "./dom.js";
import { admin, own } from "./doors.js";
import { field, form } from "./parts.js";
import { begin, isVirtualKey } from "./session.js";

/** Asks who has this secret, and begins a session for them; an error says why there is none. */
export async function identify(secret, { kept }) {
  if (isVirtualKey(secret)) {
    const usage = await own("/usage", { secret });
    begin({ kind: "teammate", name: usage.key.alias, team: usage.team }, secret, kept);
  } else {
    const { name, role, base_url: baseUrl } = await admin("/me", { secret });
    begin({ kind: "operator", name, role, baseUrl }, secret, kept);
  }
}

/** Draws the form; `done` is called when somebody is signed in. */
export function showSignIn(main, problem, done) {
  document.title = "Sign in · imagegate";
  const secret = h("input", {
    type: "password",
    name: "secret",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const kept = h("input", { type: "checkbox", name: "kept", checked: true });
  const element = form(
    {
      submit: "Sign in",
      work: async () => {
        await identify(secret.value.trim(), { kept: kept.checked });
        done();
      },
    },
    field(
      "Admin token or virtual key",
      secret,
      "An operator's token opens everything; a teammate's key its own usage and the playground.",
    ),
    field("Stay signed in until this tab is closed", kept),
  );
  if (problem) element.querySelector(".problem").textContent = problem;
  replace(
    main,
    h(
      "div",
      { class: "page sign-in" },
      h("h1", { tabindex: "-1" }, "Sign in"),
      element,
      h(
        "p",
        { class: "soft" },
        "It is sent to this gateway only, and kept in this tab only: no cookie, no other storage.",
      ),
    ),
  );
  secret.focus();
}

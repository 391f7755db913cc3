/**
 * What to do about a refusal of the public door, by its code; the gateway's message says what was wrong.
 */

import { h } from "./dom.js";
import { relative } from "./format.js";
import { session } from "./session.js";

/**
 * @typedef {{todo: string|null, charged: string|null}} Advice `charged` says whether it is; null where that is another
 *   question, or the gateway's message says it.
 */

const NOT = "Nothing was charged.";
const PERHAPS = "It is charged, as the picture may have been made.";
const CHECK = { todo: "Change it and try again.", charged: NOT };
const KEY = {
  operator: "Use another virtual key, or make one under Keys and teams.",
  teammate: "Sign out, and in again with a key that works.",
};

const ADVICE = {
  insufficient_quota: {
    todo: "If it has to be this one, ask whoever runs this gateway for a larger budget.",
    charged: NOT,
  },
  rate_limit_exceeded: { todo: "Wait a little, then try again.", charged: NOT },
  moderation_blocked: { todo: "Say it in other words.", charged: NOT },
  content_policy_violation: { todo: "Say it in other words.", charged: NOT },
  model_not_found: { todo: "Choose another model." },
  model_not_priced: { todo: "Choose another model, or ask for a price for this one." },
  permission_denied: { todo: "Choose another model, or ask that this key may use it." },
  blocked: { todo: "A limit of this key or its team is 0. Ask whoever runs this gateway." },
  overloaded: { todo: "Try again in a moment.", charged: NOT },
  store_unavailable: { todo: "Try again in a moment.", charged: NOT },
  upstream_failed: { todo: "Try again, or with another model.", charged: NOT },
  upstream_unavailable: { todo: "If it lasts, tell whoever runs this gateway.", charged: NOT },
  upstream_outcome_unknown: { todo: "Making it again buys another one.", charged: PERHAPS },
  upstream_timeout: { todo: "Making it again buys another one.", charged: PERHAPS },
  result_expired: { charged: "It was made and paid for, but the gateway does not keep it any more." },
  too_many_failures: { todo: "Wait a minute, then try a key that works." },
  request_too_large: { todo: "Use fewer or smaller pictures." },
  image_file_too_large: { todo: "Use a smaller picture." },
};

/**
 * What to do about an error, and what it cost.
 *
 * @returns {Advice} Nulls where nothing sensible can be said.
 */
export function adviceFor(error) {
  const { todo = null, charged = null } = known(error) ?? {};
  return { todo, charged };
}

function known({ status, code }) {
  if (status === 401 && code !== "too_many_failures")
    return { todo: KEY[session.isOperator ? "operator" : "teammate"] };
  return ADVICE[code] ?? (status === 400 ? CHECK : null);
}

/** A refusal with its message, what to do, its code and its request's id. */
export function refusalNote(error, ...buttons) {
  const { todo, charged } = adviceFor(error);
  const wait = error.retrySeconds ? `It may work ${relative(Date.now() / 1000 + error.retrySeconds)}.` : null;
  const advice = [charged, todo, wait].filter((sentence) => sentence !== null);
  return h(
    "div",
    { class: "refusal", role: "alert" },
    h("p", { class: "refusal-title" }, error.message || "Something went wrong in this page."),
    advice.length > 0 && h("p", {}, advice.join(" ")),
    (error.code || error.requestId) &&
      h(
        "p",
        { class: "soft" },
        error.code && ["Code ", h("code", {}, error.code)],
        error.code && error.requestId && " · ",
        error.requestId && ["Request ", h("code", {}, error.requestId)],
      ),
    buttons.some(Boolean) && h("div", { class: "buttons" }, buttons),
  );
}

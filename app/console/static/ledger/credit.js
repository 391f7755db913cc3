/**
 * Gives money back to a team, or for one request: asks, does it once, and shows what it changed.
 */

import { creator } from "../creating.js";
import { h, replace } from "../dom.js";
import { admin, path } from "../doors.js";
import { money } from "../format.js";
import { dialog, field, form } from "../parts.js";

/**
 * A dialog for it.
 *
 * @param {{team: string, request?: string, most?: string}} about `most` is what a request was charged, in dollars.
 * @returns {Promise<boolean>} Whether anything was given.
 */
export async function giveCredit(about) {
  const title = about.request ? "Give credit for this request" : `Give credit to ${about.team}`;
  let given = false;
  await dialog(title, (close) => {
    const place = h("div", { class: "dialog-body credit" });
    // One for the dialog: a credit that is sent again after an error is still one credit.
    const give = creator("/ledger/credits");
    const begin = (draft) => replace(place, asked(about, draft, check, close));
    const check = (draft) => {
      replace(place, checked(draft, give, begin, done));
      place.querySelector("h3").focus();
    };
    const done = (...what) => {
      given = true;
      replace(place, changed(...what, close));
      place.querySelector("h3").focus();
    };
    begin({ team: about.team, request: about.request });
    return place;
  });
  return given;
}

function asked(about, draft, check, close) {
  const request = h("input", { name: "request", value: draft.request ?? "", maxlength: 100 });
  const amount = h("input", { name: "amount", value: draft.amount ?? "", required: true, inputmode: "decimal" });
  amount.setAttribute("pattern", "[0-9]+(\\.[0-9]{1,9})?");
  const reason = h("input", { name: "reason", value: draft.reason ?? "", required: true, maxlength: 500 });
  const most = about.most ? `Up to ${money(about.most)}, which it was charged.` : "Up to what was charged, or spent.";
  const work = async () =>
    check({ ...draft, amount: amount.value, reason: reason.value.trim(), request: request.value.trim() || undefined });
  return form(
    { submit: "Go on", work, cancel: () => close() },
    !about.request &&
      field("Request id", request, "Leave it out to give the team credit for no request in particular."),
    field("Amount in dollars", amount, most),
    field("Reason", reason, "Kept in the ledger and in the audit log."),
  );
}

function checked(draft, give, back, done) {
  const where = draft.request ? ["for request ", h("code", {}, draft.request)] : "in the current period of its budget";
  const work = async () => {
    const before = await standing(draft);
    const credit = await give(draft);
    // What it changed is only told: that it cannot be read makes the credit no less given.
    done(credit, before, await standing(draft).catch(() => null));
  };
  const again = h("button", { type: "button", on: { click: () => back(draft) } }, "Back");
  const confirm = form(
    { submit: `Give ${money(draft.amount)}`, work },
    h("h3", { tabindex: "-1" }, `Give ${money(draft.amount)} back to ${draft.team}?`),
    h("p", {}, "It goes to the team ", where, ", as a ledger entry that cannot be taken back."),
    h("dl", { class: "facts" }, h("dt", {}, "Reason"), h("dd", {}, draft.reason)),
  );
  confirm.querySelector(".buttons").append(again);
  return confirm;
}

function changed(credit, before, after, close) {
  const words = credit.already
    ? "This credit stood in the ledger already; nothing was given twice."
    : `${money(credit.amount)} given.`;
  const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
  return [
    h("h3", { tabindex: "-1" }, words),
    h(
      "dl",
      { class: "facts" },
      after && row(before.what, `${money(before.value)} before, ${money(after.value)} now`),
      row("Reason", credit.reason),
      row("Credit", h("code", {}, credit.id)),
    ),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "primary", on: { click: () => close() } }, "Done"),
    ),
  ];
}

/** What the credit is to change. */
async function standing({ team, request }) {
  if (request) {
    const found = await admin(path`/ledger/requests/${request}`, { query: { team } });
    return { what: "Cost of the request", value: found.cost };
  }
  const { standings } = await admin(path`/teams/${team}/standing`);
  return { what: "Spent by the team", value: standings.find(({ scope }) => scope === "team").spent };
}

/**
 * Shows a secret this one time: a new virtual key with code that uses it, or a new admin token.
 */

import { h } from "../dom.js";
import { baseUrl } from "../doors.js";
import { exampleBody } from "../example.js";
import { codeBlock, dialog } from "../parts.js";
import { goTo } from "../router.js";
import { session } from "../session.js";
import { snippets } from "../snippets.js";
import { codeTabs } from "../tabs.js";

const LOST = "The answer that had its secret did not arrive here, and it cannot be shown again.";

/**
 * Shows the text of a virtual key until the dialog is closed by its button; then it is nowhere in the page.
 *
 * @param {Object} key What the door answered: with `key`, or null there if this was a repetition.
 * @param {{title: string, note?: string, catalog: () => Promise<Object>}} how
 */
export async function showVirtualKey(key, { title, note, catalog }) {
  if (key.key === null) {
    await dialog(title, (close) => [
      h("p", {}, `The key is made. ${LOST} Rotate the key to get a new one.`),
      done("Close", close),
    ]);
    return;
  }
  const body = exampleBody(key, await catalog().catch(() => null));
  const wantsToTry = await dialog(
    title,
    (close) => [
      shownOnce("key", note),
      h("div", { class: "secret" }, codeBlock(key.key, "Virtual key")),
      h("h3", {}, "A first picture"),
      codeTabs("Code for a first picture", snippets({ baseUrl: baseUrl(), key: key.key, body })),
      done(
        "I have copied it",
        close,
        h("button", { type: "button", on: { click: () => close(true) } }, "Try it in the playground"),
      ),
    ],
    { isKept: true },
  );
  if (!wantsToTry) return;
  session.virtualKey = key.key;
  goTo("/playground");
}

/** The same for an admin token. */
export async function showAdminToken(token) {
  const title = `Admin token of ${token.name}`;
  if (token.token === null) {
    await dialog(title, (close) => [
      h("p", {}, `The token is made. ${LOST} Revoke it and make another one.`),
      done("Close", close),
    ]);
    return;
  }
  await dialog(
    title,
    (close) => [
      shownOnce("token"),
      h("div", { class: "secret" }, codeBlock(token.token, "Admin token")),
      done("I have copied it", close),
    ],
    { isKept: true },
  );
}

function shownOnce(what, note) {
  return h(
    "p",
    { class: "note warn" },
    `Copy this ${what} now: it is shown this once. The gateway keeps only a hash of it.`,
    note && ` ${note}`,
  );
}

function done(label, close, ...others) {
  return h(
    "div",
    { class: "buttons" },
    h("button", { type: "button", class: "primary", on: { click: () => close() } }, label),
    others,
  );
}

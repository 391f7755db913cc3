/**
 * Modal dialogs, and the question before what cannot be undone.
 */

import { h, uniqueId } from "../dom.js";
import { actionButton } from "./forms.js";

/**
 * A modal dialog; resolves when it is closed, with what `close` was given.
 *
 * @param {string} title
 * @param {(close: (result?: any) => void) => any} content
 * @param {{isKept?: boolean, class?: string}} how `isKept`: Escape does not close it; what it shows is shown this once.
 */
export function dialog(title, content, how = {}) {
  return new Promise((resolve) => {
    const heading = uniqueId("dialog");
    const element = h("dialog", { "aria-labelledby": heading, class: how.class });
    let result;
    const close = (given) => {
      result = given;
      element.close();
    };
    element.append(h("h2", { id: heading }, title), h("div", { class: "dialog-body" }, content(close)));
    const shown = new AbortController();
    if (how.isKept) keepOpen(element, shown.signal);
    else closeWithPage(element, shown.signal);
    element.addEventListener("close", () => {
      shown.abort();
      element.remove(); // and with it whatever secret it has shown
      resolve(result);
    });
    document.body.append(element);
    element.showModal();
  });
}

/** What a dialog is about belongs to its page; it goes before the form to sign in, which the window shows, is there. */
function closeWithPage(element, signal) {
  window.addEventListener("hashchange", () => element.close(), { signal });
  document.addEventListener("signed-out", () => element.close(), { signal });
}

/** Lets nothing close a dialog but its own buttons: a second Escape would close it without the event that asks. */
function keepOpen(element, signal) {
  element.addEventListener("cancel", (event) => event.preventDefault());
  window.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault(), { signal });
  window.addEventListener("beforeunload", (event) => event.preventDefault(), { signal });
}

/**
 * Asks before something that cannot be undone.
 *
 * @param {string} title
 * @param {string} consequence
 * @param {string} verb What the button says.
 * @param {() => Promise<any>} work Done while the dialog stays open, so that an error is seen where it belongs.
 * @returns {Promise<boolean>} Whether it was done.
 */
export async function confirmed(title, consequence, verb, work) {
  const done = await dialog(title, (close) => [
    h("p", {}, consequence),
    h(
      "div",
      { class: "buttons" },
      actionButton(
        verb,
        async () => {
          await work();
          close(true);
        },
        { class: "danger" },
      ),
      h("button", { type: "button", autofocus: true, on: { click: () => close(false) } }, "Cancel"),
    ),
  ]);
  return done === true;
}

/**
 * Text to be copied, and code with its copy button.
 */

import { h, tell } from "../dom.js";

/** Text to be copied, with a button that does it and says so. */
export function copyable(text, label = "Copy") {
  const button = h("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without a secure context there is no clipboard; the old way still works.
      const field = h("textarea", { class: "visually-hidden", "aria-hidden": "true", tabindex: "-1", value: text });
      button.parentElement.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.textContent = "Copied";
    tell("Copied to the clipboard");
    setTimeout(() => (button.textContent = label), 2000);
  });
  return button;
}

/** A piece of code with its copy button. */
export function codeBlock(text, label) {
  return h(
    "div",
    { class: "code" },
    h("pre", { tabindex: "0", role: "region", "aria-label": label }, h("code", {}, text)),
    copyable(text),
  );
}

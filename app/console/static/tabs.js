/**
 * Several things in one place, of which one is seen: chosen by a click, or by the arrow keys.
 */

import { h, uniqueId } from "./dom.js";
import { codeBlock } from "./parts.js";

/**
 * Tabs, the first of them open.
 *
 * @param {string} label What they are tabs of.
 * @param {Array<{name: string, content: Node}>} pages
 */
export function tabs(label, pages) {
  const buttons = pages.map(({ name }, at) =>
    h("button", { type: "button", role: "tab", id: uniqueId("tab"), on: { click: () => open(at) } }, name),
  );
  const panels = pages.map(({ content }, at) =>
    h("div", { role: "tabpanel", id: uniqueId("panel"), "aria-labelledby": buttons[at].id }, content),
  );
  const open = (chosen) => {
    for (const [at, button] of buttons.entries()) {
      button.setAttribute("aria-selected", String(at === chosen));
      button.setAttribute("aria-controls", panels[at].id);
      button.tabIndex = at === chosen ? 0 : -1;
      panels[at].hidden = at !== chosen;
    }
  };
  const step = (event) => {
    const now = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const at = (next + buttons.length) % buttons.length;
    open(at);
    buttons[at].focus();
  };
  open(0);
  return h(
    "div",
    { class: "tabs" },
    h("div", { role: "tablist", "aria-label": label, on: { keydown: step } }, buttons),
    panels,
  );
}

/** The same piece of code in several languages. */
export function codeTabs(label, snippets) {
  return tabs(
    label,
    snippets.map(({ name, text }) => ({ name, content: codeBlock(text, `${label}, ${name}`) })),
  );
}

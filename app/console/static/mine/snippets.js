/**
 * Code that uses a virtual key; the key itself is nowhere in it.
 */

import { h } from "../dom.js";
import { baseUrl, own } from "../doors.js";
import { exampleBody } from "../example.js";
import { card, codeBlock, fill } from "../parts.js";
import { snippets } from "../snippets.js";
import { codeTabs } from "../tabs.js";

const ENVIRONMENT = `export OPENAI_BASE_URL=${baseUrl()}\nexport OPENAI_API_KEY=sk-ig-…   # your virtual key`;

/** The card, with a model that this key may use. */
export function howToUse(signal) {
  const code = h("div");
  fill(
    code,
    () => own("/catalog", { signal }),
    (catalog) =>
      codeTabs("Code for a picture", snippets({ baseUrl: baseUrl(), body: exampleBody({ models: null }, catalog) })),
  );
  return card(
    "Use this key",
    { class: "how-to-use" },
    h("p", {}, "Any program that speaks to OpenAI's image API works with this address and your key:"),
    codeBlock(ENVIRONMENT, "Environment variables"),
    h("h3", {}, "A picture by code"),
    code,
  );
}

/**
 * An order as code for Python, Node and curl: exactly the body that was sent, the key from the environment.
 */

import { snippets } from "../snippets.js";
import { editSnippets } from "./edit_snippets.js";

/**
 * @param {Order|Remembered} order
 * @param {string} baseUrl
 * @returns {Array<{name: string, text: string}>}
 */
export function sdkCode({ operation, body, files, names }, baseUrl) {
  if (operation !== "edits") return snippets({ baseUrl, body });
  const called = (field) => files?.[field].map((file) => file.name) ?? names?.[field] ?? [];
  return editSnippets({ baseUrl, body, image: called("image"), mask: called("mask")[0], markup: called("markup")[0] });
}

/**
 * What can be done with an order that is known: made once more, or as code.
 */

import { h } from "../dom.js";
import { baseUrl } from "../doors.js";
import { dialog } from "../parts.js";
import { codeTabs } from "../tabs.js";
import { sdkCode } from "./sdk_code.js";

/**
 * What can be done with an order once more; empty where it is not known.
 *
 * @param {Remembered|null} order
 * @param {(order: Remembered) => void} reuse
 */
export function orderButtons(order, reuse) {
  if (!order) return [];
  return [
    h("button", { type: "button", class: "small", on: { click: () => showCode(order) } }, "SDK code"),
    h("button", { type: "button", class: "small", on: { click: () => reuse(order) } }, "Use these settings again"),
  ];
}

/** Shows an order as code, its key read from the environment. */
export function showCode(order) {
  return dialog("The same with an SDK", (close) => [
    h("p", {}, "It reads your virtual key from the environment: ", h("code", {}, "OPENAI_API_KEY"), "."),
    codeTabs("SDK code", sdkCode(order, baseUrl())),
    h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => close() } }, "Close")),
  ]);
}

/**
 * What pages are made of.
 */

export * from "./parts/states.js";
export * from "./parts/forms.js";
export * from "./parts/tables.js";
export * from "./parts/figures.js";
export * from "./parts/copying.js";
export * from "./parts/dialogs.js";
export * from "./parts/cards.js";

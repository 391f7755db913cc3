/**
 * Remembers what was asked for in this tab, without the pictures: the gateway stores no prompts.
 */

const MADE = "imagegate.made";
const DRAFT = "imagegate.draft";
const MOST = 100; // as many requests of a key as the gateway itself remembers

/**
 * What is ordered: `body` as it is sent, `files` beside it where the operation is "edits".
 *
 * @typedef {{image: File[], mask: File[], markup: File[]}} Files
 * @typedef {{operation: "generations"|"edits", body: Object, files: Files}} Order
 * @typedef {{operation: string, body: Object, names: Object<string, string[]>}} Remembered
 *   `names`: those of the files that went along, by the field they were in.
 */

/** Remembers under its request's id what was ordered. */
export function remember(id, order) {
  const others = read(MADE, []).filter((entry) => entry.id !== id);
  write(MADE, [{ id, ...withoutPictures(order) }, ...others].slice(0, MOST));
}

/** What was ordered by this request, if that was in this tab: a {@link Remembered}, or null. */
export function remembered(id) {
  return read(MADE, []).find((entry) => entry.id === id) ?? null;
}

/** Keeps what stands in the form, so that a look at another page loses nothing. */
export function keepDraft(order) {
  write(DRAFT, withoutPictures(order));
}

/** What stood in the form last, or null. */
export function draft() {
  return read(DRAFT, null);
}

function withoutPictures({ operation, body, files }) {
  const others = Object.fromEntries(Object.entries(body).filter(([name]) => name !== "image")); // megabytes of base64
  const names = Object.fromEntries(
    Object.entries(files).map(([field, some]) => [field, some.map((file) => file.name)]),
  );
  return { operation, body: others, names };
}

function read(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(name, document) {
  try {
    sessionStorage.setItem(name, JSON.stringify(document));
  } catch {
    // The storage is full of prompts, or switched off: then nothing is remembered, and all else works.
  }
}

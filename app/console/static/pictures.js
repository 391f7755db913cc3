/**
 * Makes pictures that a page can show out of an answer of the public door: JSON or an event stream, base64 or links.
 */

import { Refused } from "./doors.js";
import { eventsOf } from "./events.js";

/**
 * One picture. `url` is a blob's, or the link that was given (`isLink`: then `bytes` is 0 and `type` is empty, as
 * neither is known). `canShow`: whether the console may show it; a link to a foreign host it can only offer.
 *
 * @typedef {{url: string, type: string, bytes: number, index: number, isLink: boolean, canShow: boolean,
 *   revisedPrompt: string|null}} Picture
 */

/**
 * The pictures of an answer.
 *
 * @param {Response} response An answer with a success status.
 * @param {{onPartial?: (partial: {url: string, index: number}) => void, signal?: AbortSignal}} how
 *   `onPartial` gets each partial picture as it comes; `index` counts them. `signal` takes back every blob made here.
 * @returns {Promise<{pictures: Picture[], usage: Object|null, error: Error|null}>}
 *   `error`: what ended the answer early although there are pictures.
 * @throws {Refused} The answer brought an error and no picture.
 */
export async function picturesOf(response, how = {}) {
  const found = { pictures: [], usage: null, error: null };
  try {
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) await takeEvents(response, found, how);
    else takeDocument(await documentOf(response), found, how);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    found.error = error instanceof Refused ? error : cut();
  }
  if (found.pictures.length === 0) throw found.error ?? new Refused("The answer has no picture.");
  return found;
}

/** What a picture is called when it is saved. */
export function fileName(name, picture) {
  const ending = ENDINGS[picture.type] ?? "bin";
  return `${name}-${picture.index + 1}.${ending}`;
}

async function takeEvents(response, found, how) {
  for await (const event of eventsOf(response.body)) {
    if (event.data === "[DONE]") continue;
    const document = JSON.parse(event.data);
    const kind = event.name || document.type || "";
    if (kind === "error" || document.error) throw refused(document);
    if (kind.endsWith(".partial_image")) {
      how.onPartial?.({ url: blobOf(document.b64_json, how.signal).url, index: document.partial_image_index ?? 0 });
    } else if (kind.endsWith(".completed")) {
      found.pictures.push(picture(document, found.pictures.length, how.signal));
      found.usage = sum(found.usage, document.usage);
    }
  }
}

function takeDocument(document, found, how) {
  // Behind a heartbeat an error comes as a 200: its status had been sent before anybody knew.
  if (document.error) throw refused(document);
  found.usage = document.usage ?? null;
  for (const item of document.data ?? []) found.pictures.push(picture(item, found.pictures.length, how.signal));
}

async function documentOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw cut();
  }
}

function picture(item, index, signal) {
  const revisedPrompt = item.revised_prompt ?? null;
  const base64 = item.b64_json || INSIDE.exec(item.url)?.[1];
  if (!base64) {
    const { origin, protocol } = new URL(item.url, document.baseURI);
    if (!/^https?:$/.test(protocol)) throw new Refused("The answer has a link that is none to a picture.");
    const canShow = origin === location.origin;
    return { url: item.url, type: "", bytes: 0, index, isLink: true, canShow, revisedPrompt };
  }
  const made = blobOf(base64, signal);
  return { ...made, index, isLink: false, canShow: made.type.startsWith("image/"), revisedPrompt };
}

/** A link that is the picture itself. */
const INSIDE = /^data:[^,]*;base64,(.*)$/s;

function blobOf(base64, signal) {
  const text = atob(base64);
  const all = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) all[at] = text.charCodeAt(at);
  const type = typeOf(text.slice(0, 16));
  const url = URL.createObjectURL(new Blob([all], { type }));
  if (signal?.aborted) URL.revokeObjectURL(url);
  signal?.addEventListener("abort", () => URL.revokeObjectURL(url), { once: true });
  return { url, type, bytes: all.length };
}

const ENDINGS = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/avif": "avif",
};

/** What a file is, by its first bytes; nothing that could run (SVG) is taken for a picture. */
function typeOf(head) {
  if (head.startsWith("\x89PNG")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("GIF8")) return "image/gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "image/webp";
  if (head.slice(4, 12) === "ftypavif") return "image/avif";
  return "application/octet-stream";
}

/** Adds up numbers of the same name, at any depth: each completed event tells the usage of its own picture. */
function sum(before, more) {
  if (!before || !more) return before ?? more ?? null;
  const all = { ...before };
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === "number") all[name] = (before[name] ?? 0) + value;
    else if (value && typeof value === "object") all[name] = sum(before[name] ?? null, value);
  }
  return all;
}

function refused({ error }) {
  return new Refused(error?.message ?? "The picture could not be made.", { code: error?.code, param: error?.param });
}

function cut() {
  return new Refused("The answer broke off. What became of the request is told under its id.");
}

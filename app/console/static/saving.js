/**
 * Saves files: what is there already, and what comes as a stream of any length.
 */

import { h } from "./dom.js";
import { Refused } from "./doors.js";

const FOLDED_BYTES = 8_000_000;

/** Offers a file to the browser's downloads. */
export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  const anchor = h("a", { href: address, download: name, hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  // A download that has not begun by then has been refused.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * Where a long file goes: a place the person chooses, where the browser can ask for one, else the downloads. Has to be
 * asked for by a click. Nothing is there before `finish`; after `drop` nothing is.
 *
 * @returns {Promise<{write: (chunk: Uint8Array) => any, finish: () => any, drop: () => any}|null>} null: not after all.
 */
export async function openPlace(name) {
  if (!window.showSaveFilePicker) return inDownloads(name);
  let handle;
  try {
    handle = await window.showSaveFilePicker({ suggestedName: name });
  } catch (error) {
    if (error.name === "AbortError") return null;
    return inDownloads(name); // a browser that may not ask
  }
  const file = await handle.createWritable();
  return { write: (chunk) => file.write(chunk), finish: () => file.close(), drop: () => file.abort() };
}

/**
 * Asks for an answer and writes its body there, as it comes; whatever goes wrong, nothing is left there.
 *
 * @param {() => Promise<Response>} ask
 * @param {(soFar: {bytes: number, lines: number}) => void} onProgress
 * @returns {Promise<{bytes: number, lines: number}>}
 */
export async function pour(ask, place, onProgress) {
  const soFar = { bytes: 0, lines: 0 };
  try {
    const reader = (await ask()).body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await place.write(value);
      soFar.bytes += value.length;
      for (const byte of value) if (byte === 10) soFar.lines += 1;
      onProgress(soFar);
    }
    await place.finish();
  } catch (error) {
    await place.drop();
    if (error.name === "TypeError") throw new Refused("The file broke off, so nothing was saved. Try again.");
    throw error;
  }
  return soFar;
}

/** In memory until it is whole; a browser puts large blobs on disk. */
function inDownloads(name) {
  let pieces = [];
  let loose = 0;
  return {
    write(chunk) {
      pieces.push(chunk);
      loose += chunk.length;
      if (loose < FOLDED_BYTES) return;
      pieces = [new Blob(pieces)];
      loose = 0;
    },
    finish: () => saveFile(new Blob(pieces), name),
    drop: () => (pieces = []),
  };
}

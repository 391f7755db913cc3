/**
 * Pictures that were made, as they are shown: seen, seen large, and saved.
 */

import { h, replace } from "./dom.js";
import { bytes } from "./format.js";
import { dialog } from "./parts.js";
import { fileName } from "./pictures.js";

/**
 * Puts pictures into a place, side by side, each with its button to save it.
 *
 * @param {HTMLElement} place
 * @param {Picture[]} pictures
 * @param {{id: string, words: string|null}} about The request they are of, and its prompt, where that is known.
 */
export function pictureRow(place, pictures, about) {
  return replace(
    place,
    pictures.map((picture) => pictureFigure(picture, pictures.length, about)),
  );
}

function pictureFigure(picture, count, { id, words }) {
  const alt = `Picture ${picture.index + 1}${words ? `: ${words}` : ` of ${count}`}`;
  const image = (kind) => h("img", { class: kind, src: picture.url, alt });
  const revised = picture.revisedPrompt && h("small", {}, `Made of: ${picture.revisedPrompt}`);
  const caption = h("figcaption", { class: "row" }, saveLink(picture, id), size(picture), revised);
  if (!picture.canShow) return h("figure", { class: "made" }, h("p", { class: "soft" }, unseen(picture)), caption);
  const enlarge = () => showLarge(picture, id, image("large"));
  return h(
    "figure",
    { class: "made" },
    h("button", { type: "button", class: "enlarge", on: { click: enlarge } }, image()),
    caption,
  );
}

function showLarge(picture, id, image) {
  const title = `Picture ${picture.index + 1}`;
  return dialog(title, (close) => [image, h("div", { class: "buttons" }, saveLink(picture, id), closeButton(close))], {
    class: "picture-dialog",
  });
}

function unseen({ isLink }) {
  if (isLink) return "It was given as a link to another host, which this page does not ask.";
  return "This is no kind of picture that can be shown here.";
}

function closeButton(close) {
  return h("button", { type: "button", on: { click: () => close() } }, "Close");
}

function saveLink(picture, id) {
  const name = `Download picture ${picture.index + 1}`;
  if (picture.isLink) {
    return h(
      "a",
      { class: "button small", href: picture.url, target: "_blank", rel: "noopener noreferrer" },
      "Open the link",
    );
  }
  return h(
    "a",
    { class: "button small", href: picture.url, download: fileName(id, picture), "aria-label": name },
    "Download",
  );
}

function size({ type, bytes: length }) {
  return length > 0 && h("small", {}, `${type.replace("image/", "").toUpperCase()}, ${bytes(length)}`);
}

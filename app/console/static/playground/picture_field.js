/**
 * A field for pictures to send along, with what was chosen shown below it.
 */

import { h, replace, uniqueId } from "../dom.js";
import { bytes } from "../format.js";
import { field } from "../parts.js";

/**
 * @param {string} label
 * @param {{name: string, most?: number, types?: string[], hint?: string, changed: () => void}} how
 * @returns {{element: HTMLElement, control: HTMLInputElement, files: () => File[], fill: (files: File[]) => void}}
 */
export function pictureField(label, how) {
  const control = h("input", {
    type: "file",
    name: how.name,
    multiple: (how.most ?? 1) > 1,
    accept: (how.types ?? ["image/*"]).join(","),
  });
  const chosen = h("ul", { class: "chosen-pictures", "aria-label": `Chosen: ${label}` });
  const element = h("div", { class: "picture-field" }, field(label, control, how.hint), chosen);
  let files = [];
  let shown = [];

  function draw() {
    shown.forEach((url) => URL.revokeObjectURL(url));
    shown = files.map((file) => URL.createObjectURL(file));
    replace(
      chosen,
      files.map((file, at) => item(file, shown[at], () => take(files.filter((other) => other !== file)))),
    );
    chosen.hidden = files.length === 0;
  }

  function take(next) {
    files = next;
    draw();
    how.changed();
  }

  control.addEventListener("change", () => {
    take([...control.files]);
    control.value = ""; // what was chosen is in the list below, and the same file can be chosen again
  });
  draw();
  return { element, control, files: () => files, fill: take };
}

function item(file, url, remove) {
  const name = uniqueId("file");
  return h(
    "li",
    {},
    h("img", { src: url, alt: "" }),
    h("span", { id: name }, file.name, " ", h("small", {}, bytes(file.size))),
    h("button", { type: "button", class: "small", "aria-describedby": name, on: { click: remove } }, "Remove"),
  );
}

/** A file as a data URL, for bodies that are JSON. */
export function dataUrlOf(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error(`${file.name} cannot be read.`)));
    reader.readAsDataURL(file);
  });
}

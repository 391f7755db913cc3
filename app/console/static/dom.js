/**
 * Makes elements. What is put into them is text or other elements, never markup: there is no other way into the page.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 *
 * @param {string} tag
 * @param {Object} attributes `on` holds listeners by event; true sets an attribute, false, null and undefined leave
 *   it out; `value`, `checked` and `indeterminate` are set as properties.
 * @param {...(Node|string|number|Array|null|undefined|false)} children
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Puts new children in the place of all old ones. */
export function replace(parent, ...children) {
  parent.replaceChildren(...flat(children));
  return parent;
}

/** Says something to those who do not see the page; a polite live region. */
export function tell(text) {
  const region = document.getElementById("told");
  region.textContent = "";
  // The same words twice are told twice only if the region was empty in between.
  requestAnimationFrame(() => (region.textContent = text));
}

let numbers = 0;

/** An id that no other element has, to tie a label or a description to its element. */
export function uniqueId(name) {
  numbers += 1;
  return `${name}-${numbers}`;
}

const PROPERTIES = new Set(["value", "checked", "indeterminate"]);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (PROPERTIES.has(name)) {
      if (value !== undefined && value !== null) element[name] = value;
    } else if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...flat(children));
  if (tagHasValueAfterChildren(element) && attributes.value !== undefined) element.value = attributes.value;
  return element;
}

/** A select takes its value only once its options are there. */
function tagHasValueAfterChildren(element) {
  return element instanceof HTMLSelectElement;
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * The part of a team's page that is about its virtual keys: lists them, anew after each change, and finds one of many.
 */

import { h, replace } from "../dom.js";
import { counted, number } from "../format.js";
import { actionButton, card, empty, field, fill, loading } from "../parts.js";
import { session } from "../session.js";
import { createKey } from "./key_dialogs.js";
import { keyList, placeOf } from "./key_list.js";
import { standingBar } from "./standing.js";

/** A list is searched rather than read from so many keys on. */
const MANY = 8;

/**
 * @param {{team: () => Object, ask: (rest: string) => Promise<any>, catalog: () => Promise<Object>,
 *   readBooks: () => (() => Promise<Object>)}} of `readBooks` reads how all of them stand, anew for each list.
 * @returns {{element: HTMLElement, redraw: (id?: string) => Promise<void>}} `redraw` gives the focus to a key, if told.
 */
export function keySection({ team, ask, catalog, readBooks }) {
  const place = h("div");
  const wanted = { text: "", isOfUse: false };
  const redraw = async (id) => {
    const books = readBooks();
    const how = { catalog, standing: (key) => later(books(), key), changed: redraw };
    await fill(
      place,
      () => ask("/keys"),
      (keys) => found(keys, wanted, how),
      "Loading the keys",
    );
    if (id) (place.querySelector(`#${placeOf(id)} h3`) ?? heading).focus();
  };
  const create = async () => {
    const id = await createKey(team(), catalog);
    if (id) await redraw(id);
  };
  const button = session.mayChange && actionButton("Create key", create, { class: "primary" });
  const element = card("Virtual keys", { beside: button }, place);
  const heading = element.querySelector("h2");
  heading.tabIndex = -1;
  return { element, redraw };
}

/** The keys that are looked for, with fields to look for others where there are many. */
function found(keys, wanted, how) {
  if (keys.length === 0) {
    return empty(
      "No key yet.",
      session.mayChange ? "A teammate or a program needs one: create it here." : "An owner can create one.",
    );
  }
  if (keys.length < MANY) return keyList(keys, how);
  const place = h("div");
  const draw = () => {
    const some = keys.filter((key) => isWanted(key, wanted));
    replace(
      place,
      h("p", { class: "soft", role: "status" }, `${number(some.length)} of ${counted(keys.length, "key")}`),
      keyList(some, how),
    );
  };
  const text = h("input", { type: "search", value: wanted.text });
  const isOfUse = h("input", { type: "checkbox", checked: wanted.isOfUse });
  for (const input of [text, isOfUse]) {
    input.addEventListener("input", () => {
      Object.assign(wanted, { text: text.value, isOfUse: isOfUse.checked });
      draw();
    });
  }
  draw();
  return [
    h("div", { class: "form inline" }, field("Find", text), field("Without revoked and expired ones", isOfUse)),
    place,
  ];
}

function isWanted(key, { text, isOfUse }) {
  if (isOfUse && (key.state === "revoked" || key.state === "expired")) return false;
  const told = [key.alias, key.public_id, key.state, ...Object.values(key.metadata)].join("\n").toLowerCase();
  return told.includes(text.trim().toLowerCase());
}

/** How a key stands, as soon as that is known. */
function later(books, key) {
  const place = h("div", {}, loading("Reading"));
  books.then(
    ({ standings }) => {
      const standing = standings.find((one) => one.key === key.id);
      replace(place, standing ? standingBar(standing) : "–");
    },
    () => replace(place, "–"), // why is told once, where the team's own is
  );
  return place;
}

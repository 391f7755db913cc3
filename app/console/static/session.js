/**
 * Who is signed in: an operator by an admin token, or a teammate by a virtual key.
 *
 * The secret is in memory, and, if wanted, in the session storage of this tab; nowhere else, and never in an address.
 */

const SECRET = "imagegate.secret";
const VIRTUAL_KEY = /^sk-ig-(?!admin-)/;

let secret = sessionStorage.getItem(SECRET);
/** @type {{kind: "operator", name: string, role: string} | {kind: "teammate", name: string, team: string} | null} */
let who = null;
/** The virtual key an operator tries the playground with; in memory only. */
let playgroundKey = null;

export const session = {
  /** Who is signed in; null before that is known. */
  get who() {
    return who;
  },
  get secret() {
    return secret;
  },
  get isOperator() {
    return who?.kind === "operator";
  },
  /** Whether this operator may change things. */
  get mayChange() {
    return who?.kind === "operator" && who.role === "owner";
  },
  /** The virtual key for requests at the public door; null where an operator has named none. */
  get virtualKey() {
    return who?.kind === "teammate" ? secret : playgroundKey;
  },
  set virtualKey(text) {
    playgroundKey = text;
  },
};

/** Whether a secret is a virtual key, by its form. */
export function isVirtualKey(text) {
  return VIRTUAL_KEY.test(text);
}

/** Remembers who signed in with which secret; `kept` until the tab is closed, else until the page is. */
export function begin(whoever, text, kept) {
  // Prompts that somebody else has left in this tab are not for whoever comes next.
  if (sessionStorage.getItem(SECRET) !== text) sessionStorage.clear();
  who = whoever;
  secret = text;
  if (kept) sessionStorage.setItem(SECRET, text);
}

/** Forgets all secrets. */
export function end() {
  who = null;
  secret = null;
  playgroundKey = null;
  sessionStorage.clear();
}

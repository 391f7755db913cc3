/**
 * Asks the gateway: the operator's door with the admin token, the public one with a virtual key.
 */

import { session } from "./session.js";

/** An answer that is no success; its message is meant to be read by people. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, code?: string, param?: string, requestId?: string, retrySeconds?: number}} about
   *   `status` 0: no answer came, so nobody knows whether anything happened.
   */
  constructor(message, about = {}) {
    super(message);
    this.name = "Refused";
    this.status = about.status ?? 0;
    this.code = about.code ?? null;
    this.param = about.param ?? null;
    this.requestId = about.requestId ?? null;
    this.retrySeconds = about.retrySeconds ?? null;
  }
}

/** The gateway's root, whatever path a proxy has put in front of it. */
const ROOT = new URL("../", document.baseURI);

/**
 * Asks the operator's door for a document.
 *
 * @param {string} path Below `/admin/v1`, its parts encoded (see `path`).
 * @param {{method?: string, query?: Object, body?: any, once?: string, signal?: AbortSignal, secret?: string}} how
 *   `once` is an idempotency key: what creates something is sent again with the same one.
 */
export async function admin(path, how = {}) {
  return (await fetchAdmin(path, how)).json();
}

/** The same, for a file: the response, whose body is read as a stream. */
export function fetchAdmin(path, how = {}) {
  return ask(`admin/v1${path}`, how.secret ?? session.secret, how);
}

/** Asks the public door for a document, with the teammate's key or the one an operator has named. */
export async function own(path, how = {}) {
  return (await fetchOwn(path, how)).json();
}

/** The same, for anything that is no document: the response. */
export function fetchOwn(path, how = {}) {
  return ask(`v1${path}`, how.secret ?? session.virtualKey, how);
}

/** The address of the public door, as an SDK is given it. */
export function baseUrl() {
  return session.who?.baseUrl ?? new URL("v1", ROOT).href;
}

/** A path of parts, whatever is in them: ``path`/teams/${name}/keys` ``. */
export function path(texts, ...parts) {
  return String.raw({ raw: texts }, ...parts.map(encodeURIComponent));
}

/** What makes sure that something sent twice is done once. */
export function newOnce() {
  return crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].join("-");
}

/** Tells the console that the secret of whoever is signed in is of no more use: they have to sign in anew. */
export function tellSignedOut(why) {
  document.dispatchEvent(new CustomEvent("signed-out", { detail: why, bubbles: true }));
}

async function ask(address, secret, how) {
  const url = new URL(address, ROOT);
  for (const [name, value] of Object.entries(how.query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const headers = { authorization: `Bearer ${secret}`, ...how.headers };
  if (how.once) headers["idempotency-key"] = how.once;
  let body = how.body;
  if (body !== undefined && !(body instanceof FormData)) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(body);
  }
  const method = how.method ?? (body === undefined ? "GET" : "POST");
  let response;
  try {
    response = await fetch(url, { method, headers, body, signal: how.signal, credentials: "omit", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(
      method === "GET"
        ? "The gateway cannot be reached. Check that it runs, and try again."
        : "The gateway cannot be reached, so nobody knows whether this has happened. Look before you repeat it.",
    );
  }
  if (response.ok) return response;
  const refused = await refusal(response);
  if (response.status === 401 && session.isOperator && secret === session.secret) tellSignedOut(refused.message);
  throw refused;
}

/** An error answer of either door: a problem (RFC 9457), or OpenAI's envelope. */
async function refusal(response) {
  const text = await response.text();
  let document = {};
  try {
    document = JSON.parse(text);
  } catch {
    // A proxy's page, perhaps; its status is all that can be told.
  }
  const inner = document?.error ?? document ?? {};
  const message = inner.message ?? document?.detail ?? `The gateway answered ${response.status}.`;
  const seconds = Number(response.headers.get("retry-after"));
  return new Refused(message, {
    status: response.status,
    code: inner.code,
    param: inner.param ?? document?.param,
    requestId: response.headers.get("x-request-id"),
    retrySeconds: seconds > 0 ? seconds : null,
  });
}

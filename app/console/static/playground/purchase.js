/**
 * Buys the pictures of one order at most once, and finds them again where the way back was cut.
 */

import { fetchOwn, newOnce, own, path, Refused } from "../doors.js";
import { picturesOf } from "../pictures.js";
import { payload } from "./order.js";
import { remember } from "./remembered.js";

/** As many of the newest requests as are looked through for one whose id never came. */
const LOOKED_THROUGH = 20;
const WAIT_SECONDS = 30;
/** A stream says something by itself; any other answer would be cut by proxies that know no patience. */
const HEARTBEAT = { "x-imagegate-heartbeat": "15" };

/**
 * One press of the button. However often it is sent, it buys once: the gateway knows it by its idempotency key.
 */
export class Purchase {
  /**
   * @param {Order} order
   * @param {AbortSignal} page Ended when the page is left; it takes back the pictures' blobs.
   */
  constructor(order, page) {
    this.order = order;
    /** The request's id; null until the gateway has told it. */
    this.id = null;
    this._page = page;
    this._once = newOnce();
    this._cancelled = new AbortController();
    this._before = null;
  }

  /** Whether somebody has stopped waiting for it. */
  get isCancelled() {
    return this._cancelled.signal.aborted;
  }

  /** Stops waiting. What has been sent to the provider is made and charged all the same. */
  cancel() {
    this._cancelled.abort();
  }

  /**
   * Sends it, also once more after it was cut: then it gets what the first one bought.
   *
   * @param {(partial: {url: string, index: number}) => void} onPartial
   * @returns {Promise<{pictures: Picture[], usage: Object|null, error: Error|null}>}
   */
  async send(onPartial) {
    this._cancelled = new AbortController();
    const signal = AbortSignal.any([this._page, this._cancelled.signal]);
    this._before ??= new Set((await recent(signal)).map((request) => request.id));
    const response = await fetchOwn(`/images/${this.order.operation}`, {
      method: "POST",
      body: payload(this.order),
      once: this._once,
      headers: this.order.body.stream ? {} : HEARTBEAT,
      signal,
    });
    this._known(response.headers.get("x-imagegate-request") ?? response.headers.get("x-request-id"));
    return picturesOf(response, { onPartial, signal: this._page });
  }

  /**
   * Looks for it without buying anything: by its id, or else for the one new request that is like it.
   *
   * @returns {Promise<{state: string, answer: Object|null, error: Error|null}>} `state` "none": nothing was bought.
   */
  async find() {
    if (!this.id) {
      if (!this._before) return { state: "none", answer: null, error: null };
      const { model } = this.order.body;
      const like = (request) => request.model === model && request.operation === this.order.operation;
      const found = (await recent(this._page)).filter((request) => like(request) && !this._before?.has(request.id));
      if (found.length !== 1) return { state: "none", answer: null, error: null };
      this._known(found[0].id);
    }
    return this._fetch();
  }

  /** The request's document: how it ended, what it cost. */
  state() {
    return own(path`/images/requests/${this.id}`, { query: { view: "state" }, signal: this._page });
  }

  async _fetch() {
    for (;;) {
      const response = await fetchOwn(path`/images/requests/${this.id}`, {
        query: { wait: WAIT_SECONDS },
        signal: this._page,
      });
      const state = response.headers.get("x-imagegate-request-status");
      if (response.status === 202) {
        // Delivered, but not put away yet: the next question waits for it.
        await response.body?.cancel();
        continue;
      }
      if (state === "delivered")
        return { state, answer: await picturesOf(response, { signal: this._page }), error: null };
      const { error } = await response.json();
      const about = { ...error, status: response.status, requestId: this.id };
      return { state, answer: null, error: new Refused(error?.message ?? `The request is ${state}.`, about) };
    }
  }

  _known(id) {
    if (!id) return;
    this.id = id;
    remember(id, this.order);
  }
}

/** Whether nobody can tell from an error what became of a request: no answer came, or it broke off. */
export function isCut(error) {
  return error.status === 0 && !error.code;
}

async function recent(signal) {
  return (await own("/images/requests", { query: { limit: LOOKED_THROUGH }, signal })).data;
}

// What a case is played with: clients of the SDK, the pretend upstream's controls, pictures to send.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import OpenAI from "openai";

/** The order of every case that is not about the order. */
export const BOAT = { model: "gpt-image-2", prompt: "a paper boat", size: "1024x1024", quality: "low" };

const BEGINNINGS = { png: "89504e47", jpeg: "ffd8ff", webp: "52494646" };

/** The pretend CometAPI, through its control routes. */
class Upstream {
  constructor(origin) {
    this.origin = origin;
  }

  /** Queue what the coming exchanges get, one each; after that all is well again. */
  plays(...scenarios) {
    return this.control("POST", "next", scenarios);
  }

  /** Forget everything, and let go what is withheld. */
  reset() {
    return this.control("POST", "reset");
  }

  /** Requests that arrived since this case began. */
  async exchanges() {
    return (await this.control("GET", "stats")).exchanges;
  }

  /** Pictures drawn since this case began: what would be billed. */
  async pictures() {
    return (await this.control("GET", "stats")).pictures;
  }

  /** The body that arrived last; bytes that are no text are lost. */
  async lastBody() {
    return (await this.control("GET", "stats")).received.at(-1).body;
  }

  /** Let go what is withheld, and wait until no exchange is in flight. */
  async quiet() {
    while ((await this.control("POST", "release")).in_flight > 0) await sleep(20);
  }

  async control(method, name, value = {}) {
    const body = method === "GET" ? undefined : JSON.stringify(value);
    const answer = await fetch(`${this.origin}/_simulator/${name}`, { method, body });
    return answer.json();
  }
}

/** Everything a case may use. */
export class Scene {
  constructor(plan) {
    this.plan = plan;
    this.upstream = new Upstream(plan.upstream);
    this.attempts = 0;
  }

  /** Begin a case. */
  async begin() {
    this.attempts = 0;
    await this.upstream.reset();
  }

  /** What a user exports when nothing of it stands in a program. */
  environment() {
    return { OPENAI_API_KEY: this.plan.keys.open, OPENAI_BASE_URL: `${this.plan.address}/v1` };
  }

  /** A client that holds one of the keys (tests/contract/sdk_run.py names them); it retries only if told to. */
  client({ key = "open", base = "/v1", ...given } = {}) {
    const counting = (url, ...rest) => {
      // The SDK also fetches a data: URL, to find out what this fetch can do.
      if (String(url).startsWith(this.plan.address)) this.attempts += 1;
      return fetch(url, ...rest);
    };
    const options = { maxRetries: 0, timeout: 60_000, fetch: counting, ...given };
    return new OpenAI({ apiKey: this.plan.keys[key], baseURL: this.plan.address + base, ...options });
  }

  /** Where a picture to send lies: first.png, second.jpg, third.webp, mask.png, small_mask.png; text.png is none. */
  path(name = "first.png") {
    return path.join(this.plan.pictures, name);
  }

  /** A picture to send, as an open file. */
  picture(name) {
    return fs.createReadStream(this.path(name));
  }
}

/** Make a call that must be refused with exactly this class, and these attributes; the error. */
export async function refused(kind, call, told = {}) {
  const error = await call().then(
    () => assert.fail(`no ${kind.name} was raised`),
    (raised) => raised,
  );
  assert.equal(error.constructor, kind, String(error));
  for (const [name, value] of Object.entries(told)) assert.equal(error[name], value, `${name} of ${error}`);
  assert.match(error.requestID, /^req_\w{20}$/);
  for (const word of ["request id:", "channel", "distributor", "comet", "quota is not enough"]) {
    assert.ok(!JSON.stringify(error.error).toLowerCase().includes(word), `${word} in ${error}`);
  }
  return error;
}

/** The format of a picture in base64, by its first bytes. */
export function formatOf(base64) {
  const bytes = Buffer.from(base64, "base64");
  assert.equal(bytes.toString("base64"), base64);
  const found = Object.entries(BEGINNINGS).find(([, beginning]) => bytes.toString("hex", 0, 8).startsWith(beginning));
  return found?.[0] ?? bytes.toString("hex", 0, 8);
}

/** The format of each picture of an answer. */
export function formats(made) {
  return made.data.map((picture) => formatOf(picture.b64_json));
}

/** All events of a stream. */
export async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** The types of events. */
export function types(events) {
  return events.map((event) => event.type);
}

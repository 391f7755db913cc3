// Cases: what the SDK does by itself when something fails, and what that buys.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { BOAT, formats, refused } from "./scene.mjs";

/** An SDK that would retry twice is told not to and obeys: the upstream saw one request. */
export async function an_unknown_outcome_is_not_bought_again(scene) {
  const { images } = scene.client({ maxRetries: 2 });
  let number = 0;
  for (const played of [{ fault: "reset_before_headers" }, { status: 504 }, { content: "html" }]) {
    await scene.upstream.plays(played);
    const error = await refused(OpenAI.InternalServerError, () => images.generate(BOAT));
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert.equal(await scene.upstream.exchanges(), ++number);
  }
}

/** After a 502 that was not charged the SDK tries once more and gets its picture. */
export async function a_failure_that_cost_nothing_is_tried_again(scene) {
  await scene.upstream.plays({ status: 502 });
  // A prompt of its own: a retry gets what another client of this key has left behind.
  const made = await scene.client({ maxRetries: 2 }).images.generate({ ...BOAT, prompt: "a boat tried twice" });

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(scene.attempts, 2);
  assert.equal(await scene.upstream.exchanges(), 2);
  assert.equal(await scene.upstream.pictures(), 1);
}

/** A request that can never succeed is sent once. */
export async function a_refusal_is_not_tried_again(scene) {
  const { images } = scene.client({ maxRetries: 2 });
  await refused(OpenAI.BadRequestError, () => images.generate({ ...BOAT, n: 11 }));

  assert.equal(scene.attempts, 1);
}

/** The SDK's timeout error at the client's own deadline; what was bought is finished behind it, once. */
export async function a_client_that_gives_up_leaves_nothing_half_done(scene) {
  await scene.upstream.plays({ withhold: true });
  await assert.rejects(scene.client({ timeout: 2000 }).images.generate(BOAT), OpenAI.APIConnectionTimeoutError);
  await scene.upstream.quiet();

  assert.equal(await scene.upstream.pictures(), 1);
}

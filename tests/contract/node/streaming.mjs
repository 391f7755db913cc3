// Cases: pictures that come as a stream of events.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { BOAT, all, formatOf, refused, types } from "./scene.mjs";

const COMPLETED = "image_generation.completed";
const PARTIAL = "image_generation.partial_image";

/** So many previews as were asked for, counted from 0, then the picture with its usage. */
export async function a_stream_has_the_previews_asked_for(scene) {
  const { images } = scene.client();
  for (const previews of [0, 1, 2, 3]) {
    const events = await all(await images.generate({ ...BOAT, stream: true, partial_images: previews }));

    assert.deepEqual(types(events), [...Array(previews).fill(PARTIAL), COMPLETED]);
    assert.deepEqual(
      events.slice(0, -1).map((event) => event.partial_image_index),
      [...Array(previews).keys()],
    );
    for (const event of events) {
      assert.equal(formatOf(event.b64_json), "png");
      assert.deepEqual([event.size, event.quality, event.output_format], ["1024x1024", "low", "png"]);
      assert.ok(Number.isInteger(event.created_at));
    }
    checkUsage(events.at(-1));
  }
}

/** Two completed events with a picture each, without and with previews. */
export async function a_stream_of_two_pictures_completes_twice(scene) {
  const { images } = scene.client();
  for (const previews of [0, 2]) {
    const events = await all(await images.generate({ ...BOAT, n: 2, stream: true, partial_images: previews }));
    const completed = events.filter((event) => event.type === COMPLETED);

    assert.equal(completed.length, 2);
    assert.equal(events.length, 2 + 2 * previews);
    assert.notEqual(completed[0].b64_json, completed[1].b64_json);
    completed.forEach(checkUsage);
  }
}

/** The raw response of a stream has its content type, its request id and what keeps proxies from holding it. */
export async function a_stream_says_what_it_is(scene) {
  const { images } = scene.client({ key: "metered" });
  const { data, response, request_id } = await images.generate({ ...BOAT, stream: true }).withResponse();

  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  assert.match(request_id, /^req_\w{20}$/);
  assert.ok(response.headers.has("x-ratelimit-remaining-images"));
  assert.equal(response.headers.get("cache-control"), "no-cache, no-transform");
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  assert.deepEqual(types(await all(data)), [COMPLETED]);
}

/** Comments, a [DONE], CR LF and missing event names of the upstream do not disturb the SDK. */
export async function what_an_upstream_adds_to_a_stream_does_no_harm(scene) {
  const { images } = scene.client();
  for (const manners of [{ comments: true, done_line: true }, { crlf: true }, { event_names: false }]) {
    await scene.upstream.plays(manners);
    const events = await all(await images.generate({ ...BOAT, stream: true, partial_images: 1 }));
    assert.deepEqual(types(events), [PARTIAL, COMPLETED]);
  }
}

/** While the upstream is silent comments come, for the proxies on the way; the SDK shows none of them. */
export async function a_silent_stream_is_kept_alive_unseen(scene) {
  const { images } = scene.client();
  const slow = { event_pause_seconds: 0.5 };
  await scene.upstream.plays(slow, slow);
  const answer = await images.generate({ ...BOAT, stream: true }).asResponse();
  const lines = (await answer.text()).split("\n");
  const events = await all(await images.generate({ ...BOAT, stream: true }));

  assert.ok(lines.some((line) => line.startsWith(":")));
  assert.deepEqual(types(events), [COMPLETED]);
}

/** A model without streaming, asked to stream, gives the one completed event made of its answer. */
export async function a_model_that_cannot_stream_completes_at_once(scene) {
  const order = { model: "qwen-image", prompt: "a paper boat", response_format: "b64_json" };
  const events = await all(await scene.client().images.generate({ ...order, stream: true }));

  assert.deepEqual(types(events), [COMPLETED]);
  assert.equal(formatOf(events[0].b64_json), "png");
}

/** What fails before anything was sent raises the same classes as without a stream. */
export async function an_error_before_the_first_event_has_its_status(scene) {
  const { images } = scene.client();
  const told = { code: "integer_above_max_value", param: "partial_images" };
  const tooMany = { ...BOAT, stream: true, partial_images: 4 };
  await refused(OpenAI.BadRequestError, () => images.generate(tooMany), told);
  await scene.upstream.plays({ code: "moderation_blocked" });
  const moderated = { code: "moderation_blocked" };
  await refused(OpenAI.BadRequestError, () => images.generate({ ...BOAT, stream: true }), moderated);
}

/** After a preview the upstream's error event raises APIError with its code, and no provider's words. */
export async function an_error_inside_a_stream_is_raised(scene) {
  await scene.upstream.plays({ content: "error_event", fault_event: 1, code: "moderation_blocked" });
  const stream = await scene.client().images.generate({ ...BOAT, stream: true, partial_images: 2 });
  const { seen, error } = await untilItFails(stream);

  assert.ok(error instanceof OpenAI.APIError, String(error));
  assert.equal(error.code, "moderation_blocked");
  assert.ok(!JSON.stringify(error.error).includes("request id:"));
  assert.deepEqual(seen, [PARTIAL]);
}

/** An upstream that dies inside an event: the SDK raises, so that nobody takes half a stream for a whole one. */
export async function a_stream_that_is_cut_does_not_end_well(scene) {
  await scene.upstream.plays({ fault: "cut_body" });
  const { seen, error } = await untilItFails(
    await scene.client().images.generate({ ...BOAT, stream: true, partial_images: 1 }),
  );

  assert.equal(error.message, "terminated"); // fetch's own; the SDK lets it through while it iterates
  assert.ok(!seen.includes(COMPLETED));
}

/** A caller that leaves after the first preview disturbs nobody: the next stream is whole. */
export async function a_stream_left_early_is_finished_behind(scene) {
  const { images } = scene.client();
  for await (const event of await images.generate({ ...BOAT, stream: true, partial_images: 2 })) {
    assert.equal(event.type, PARTIAL);
    break;
  }
  await scene.upstream.quiet();

  assert.deepEqual(types(await all(await images.generate({ ...BOAT, stream: true }))), [COMPLETED]);
}

async function untilItFails(stream) {
  const seen = [];
  try {
    for await (const event of stream) seen.push(event.type);
  } catch (error) {
    return { seen, error };
  }
  return assert.fail("the stream ended as if it were whole");
}

function checkUsage({ usage }) {
  assert.ok(usage.output_tokens > 0);
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  assert.equal(usage.input_tokens_details.image_tokens, 0);
}

// Cases: making pictures from a prompt.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { BOAT, formatOf, formats } from "./scene.mjs";

/** A GPT image model answers with a picture in base64, its usage by modality, and what was drawn. */
export async function a_picture_comes_as_base64(scene) {
  const made = await scene.client().images.generate(BOAT);

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(made.data[0].url, undefined);
  assert.deepEqual([made.size, made.quality, made.output_format], ["1024x1024", "low", "png"]);
  assert.equal(made.usage.total_tokens, made.usage.input_tokens + made.usage.output_tokens);
  assert.ok(made.usage.input_tokens_details.text_tokens > 0);
  assert.equal(made.usage.input_tokens_details.image_tokens, 0);
}

/** A parameter that many programs always send is no error with a GPT image model. */
export async function asked_for_base64_a_gpt_model_gives_it(scene) {
  const made = await scene.client().images.generate({ ...BOAT, response_format: "b64_json" });

  assert.deepEqual(formats(made), ["png"]);
}

/** A link asked of a model that only has base64 comes, and a plain GET opens it. */
export async function asked_for_a_url_a_link_comes_that_opens(scene) {
  const made = await scene.client().images.generate({ ...BOAT, response_format: "url" });

  assert.equal(made.data[0].b64_json, undefined);
  const answer = await fetch(made.data[0].url);
  assert.equal(answer.headers.get("content-type"), "image/png");
  assert.equal(formatOf(Buffer.from(await answer.arrayBuffer()).toString("base64")), "png");
}

/** The picture behind the link comes when base64 is asked of a model that only has links. */
export async function asked_for_base64_a_model_of_links_gives_it(scene) {
  await scene.upstream.plays({ container: "url" });
  const order = { model: "qwen-image", prompt: "a paper boat", response_format: "b64_json" };
  const made = await scene.client().images.generate(order);

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(made.data[0].url, undefined);
}

/** Two different pictures come. */
export async function asked_for_two_pictures_two_come(scene) {
  const made = await scene.client().images.generate({ ...BOAT, n: 2 });

  assert.deepEqual(formats(made), ["png", "png"]);
  assert.notEqual(made.data[0].b64_json, made.data[1].b64_json);
}

/** Format and compression reach the model. */
export async function formats_are_as_asked(scene) {
  const { images } = scene.client();
  const jpeg = await images.generate({ ...BOAT, output_format: "jpeg", output_compression: 50 });
  const webp = await images.generate({ ...BOAT, output_format: "webp" });

  assert.deepEqual([...formats(jpeg), ...formats(webp)], ["jpeg", "webp"]);
}

/** A call that names no model gets a picture. */
export async function no_model_means_the_default_one(scene) {
  const made = await scene.client().images.generate({ prompt: "a paper boat", quality: "low" });

  assert.deepEqual(formats(made), ["png"]);
}

/** The complexity of the 2.6 models reaches the model. */
export async function newest_parameter_is_known(scene) {
  const made = await scene.client().images.generate({ ...BOAT, model: "gpt-image-2.6-flare", complexity: "low" });

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(JSON.parse(await scene.upstream.lastBody()).complexity, "low");
}

/** The raw response has the request's id and OpenAI's rate limit headers beside the parsed picture. */
export async function raw_response_has_its_headers(scene) {
  const { data, response, request_id } = await scene.client({ key: "metered" }).images.generate(BOAT).withResponse();

  assert.match(request_id, /^req_\w{20}$/);
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert.equal(response.headers.get("content-type"), "application/json");
  for (const name of ["requests", "images"]) {
    const [limit, left] = ["limit", "remaining"].map((word) => Number(response.headers.get(`x-ratelimit-${word}-${name}`)));
    assert.equal(limit, 1000);
    assert.ok(left > 0 && left < 1000);
    assert.ok(response.headers.has(`x-ratelimit-reset-${name}`));
  }
  assert.deepEqual(formats(data), ["png"]);
}

/** The parsed answer knows the id of its request. */
export async function answer_knows_its_request_id(scene) {
  const made = await scene.client().images.generate(BOAT);

  assert.match(made._request_id, /^req_\w{20}$/);
}

/** The body can be read as it comes. */
export async function streamed_response_is_read_in_pieces(scene) {
  const answer = await scene.client().images.generate(BOAT).asResponse();
  const pieces = [];
  for await (const piece of answer.body) pieces.push(piece);

  assert.deepEqual(formats(JSON.parse(Buffer.concat(pieces).toString())), ["png"]);
}

/** A program written for OpenAI needs no change: a key and a base URL in its environment are enough. */
export async function environment_variables_are_enough(scene) {
  Object.assign(process.env, scene.environment());
  const made = await new OpenAI().images.generate(BOAT);

  assert.deepEqual(formats(made), ["png"]);
}

/** A base URL without the version works. */
export async function base_url_goes_without_v1(scene) {
  const client = scene.client({ base: "" });

  assert.deepEqual(formats(await client.images.generate(BOAT)), ["png"]);
  assert.equal((await client.models.retrieve("gpt-image-2")).id, "gpt-image-2");
}

/** A base URL that ends in a slash works. */
export async function base_url_may_end_in_a_slash(scene) {
  assert.deepEqual(formats(await scene.client({ base: "/v1/" }).images.generate(BOAT)), ["png"]);
}

/** An organisation, a project, headers and a query string of the client's own change nothing. */
export async function what_clients_add_does_no_harm(scene) {
  const client = scene.client({
    organization: "org-1",
    project: "proj-1",
    defaultHeaders: { "X-App": "mine" },
    defaultQuery: { "api-version": "1" },
  });

  assert.deepEqual(formats(await client.images.generate(BOAT)), ["png"]);
}

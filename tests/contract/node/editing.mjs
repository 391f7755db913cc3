// Cases: making pictures from pictures.

import assert from "node:assert/strict";
import fs from "node:fs";

import OpenAI, { toFile } from "openai";

import { BOAT, all, formats, refused, types } from "./scene.mjs";

/** A file, sent as the form's one image, comes back changed; the usage counts its tokens. */
export async function one_file_is_edited(scene) {
  const made = await scene.client().images.edit({ ...BOAT, image: scene.picture() });

  assert.deepEqual(formats(made), ["png"]);
  assert.ok(made.usage.input_tokens_details.image_tokens > 0);
  assert.equal(await sent(scene), 1);
}

/** A list, even of one, is sent as a list. */
export async function a_list_of_one_is_edited(scene) {
  const made = await scene.client().images.edit({ ...BOAT, image: [scene.picture()] });

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(await sent(scene), 1);
}

/** Three files of three formats reach the model. */
export async function a_list_of_three_is_edited(scene) {
  const image = ["first.png", "second.jpg", "third.webp"].map((name) => scene.picture(name));
  const made = await scene.client().images.edit({ ...BOAT, image });

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(await sent(scene), 3);
}

/** An open file, a File with and without a type, and what toFile makes of bytes are all files to the SDK. */
export async function every_way_to_hand_over_a_file_works(scene) {
  const { images } = scene.client();
  const data = fs.readFileSync(scene.path());
  const ways = [
    scene.picture(),
    new File([data], "boat.png", { type: "image/png" }),
    new File([data], "boat.png"),
    await toFile(data, "boat.png"),
  ];
  for (const image of ways) assert.deepEqual(formats(await images.edit({ ...BOAT, image })), ["png"]);
}

/** The mask reaches the model beside the picture. */
export async function a_mask_goes_along(scene) {
  const order = { ...BOAT, image: scene.picture(), mask: scene.picture("mask.png") };
  const made = await scene.client().images.edit(order);

  assert.deepEqual(formats(made), ["png"]);
  assert.ok((await scene.upstream.lastBody()).includes('name="mask"'));
  assert.equal(await sent(scene), 1);
}

/** A number is a number, although a form has only text. */
export async function an_edit_gives_as_many_as_asked(scene) {
  const made = await scene.client().images.edit({ ...BOAT, image: scene.picture(), n: 2 });

  assert.deepEqual(formats(made), ["png", "png"]);
}

/** A stream asked for by the form's text "true" has the events of an edit. */
export async function an_edit_streams(scene) {
  const order = { ...BOAT, image: scene.picture(), stream: true, partial_images: 1 };
  const events = await all(await scene.client().images.edit(order));

  assert.deepEqual(types(events), ["image_edit.partial_image", "image_edit.completed"]);
}

/** The raw response of an edit has what that of a generation has. */
export async function an_edit_has_its_headers(scene) {
  const { images } = scene.client({ key: "metered" });
  const { data, response, request_id } = await images.edit({ ...BOAT, image: scene.picture() }).withResponse();

  assert.match(request_id, /^req_\w{20}$/);
  assert.ok(response.headers.has("x-ratelimit-remaining-images"));
  assert.deepEqual(formats(data), ["png"]);
}

/** BadRequestError that names the file; nothing is sent upstream. */
export async function a_file_that_is_no_picture_is_refused(scene) {
  const order = { ...BOAT, image: scene.picture("text.png") };
  await refused(OpenAI.BadRequestError, () => scene.client().images.edit(order), { param: "image[0]" });

  assert.equal(await scene.upstream.exchanges(), 0);
}

/** BadRequestError that names the mask, as the models behind the gateway answer. */
export async function a_mask_of_another_size_is_refused(scene) {
  const order = { ...BOAT, image: scene.picture(), mask: scene.picture("small_mask.png") };
  await refused(OpenAI.BadRequestError, () => scene.client().images.edit(order), { param: "mask" });
}

/** The SDK's retry carries the whole form again. */
export async function a_failed_edit_that_cost_nothing_is_sent_again(scene) {
  await scene.upstream.plays({ status: 502 });
  const image = await toFile(fs.readFileSync(scene.path()), "boat.png");
  const made = await scene.client({ maxRetries: 1 }).images.edit({ ...BOAT, image });

  assert.deepEqual(formats(made), ["png"]);
  assert.equal(scene.attempts, 2);
}

/** The one model that makes variations makes one. */
export async function a_variation_is_made(scene) {
  const order = { image: scene.picture(), model: "dall-e-2", response_format: "b64_json" };
  const made = await scene.client().images.createVariation(order);

  assert.deepEqual(formats(made), ["png"]);
}

/** BadRequestError naming the model for a variation by any other; nothing is sent upstream. */
export async function a_variation_by_another_model_is_refused(scene) {
  const order = { image: scene.picture(), model: "gpt-image-2" };
  const told = { param: "model", type: "invalid_request_error" };
  await refused(OpenAI.BadRequestError, () => scene.client().images.createVariation(order), told);

  assert.equal(await scene.upstream.exchanges(), 0);
}

async function sent(scene) {
  const form = await scene.upstream.lastBody();
  return [...form.matchAll(/name="image(?:\[\d*\])?"/g)].length;
}

// Cases: which models there are.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { all, refused } from "./scene.mjs";

/** The list has OpenAI's shape and can be walked through. */
export async function models_are_listed(scene) {
  const models = await all(scene.client().models.list());
  const model = models.find(({ id }) => id === "gpt-image-2");

  assert.equal(model.object, "model");
  assert.ok(Number.isInteger(model.created));
  assert.equal(typeof model.owned_by, "string");
}

/** A model retrieved is what the list has. */
export async function a_model_is_retrieved(scene) {
  const { models } = scene.client();
  const listed = await all(models.list());
  const { _request_id, ...model } = await models.retrieve("gpt-image-2");

  assert.deepEqual(
    model,
    listed.find(({ id }) => id === "gpt-image-2"),
  );
}

/** A key for one model lists that one, and does not find the others. */
export async function a_key_sees_the_models_it_may_use(scene) {
  const { models } = scene.client({ key: "narrow" });
  const listed = await all(models.list());

  assert.deepEqual(
    listed.map(({ id }) => id),
    ["gpt-image-2.6-flare"],
  );
  await refused(OpenAI.NotFoundError, () => models.retrieve("gpt-image-2"), { code: "model_not_found" });
}

/** No model raises NotFoundError as OpenAI's does. */
export async function an_unknown_model_is_not_found(scene) {
  const told = { status: 404, code: "model_not_found", type: "invalid_request_error" };
  await refused(OpenAI.NotFoundError, () => scene.client().models.retrieve("gpt-image-9"), told);
}

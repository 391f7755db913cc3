// Cases: every refusal is the error a user of the SDK expects, and says what docs/errors.md says.
// There is none for ConflictError, which only a key that changes again and again under its request brings about, and
// none for UnprocessableEntityError: nothing answers 422.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { BOAT, refused } from "./scene.mjs";

const { AuthenticationError, BadRequestError, InternalServerError } = OpenAI;
const { NotFoundError, PermissionDeniedError, RateLimitError } = OpenAI;
const INVALID = "invalid_request_error";

/** BadRequestError for a value that breaks the model's rule. */
export async function a_broken_rule_names_its_parameter(scene) {
  const { images } = scene.client();
  for (const [given, param, code] of [
    [{ size: "1792x936" }, "size", "invalid_value"],
    [{ n: 11 }, "n", "integer_above_max_value"],
    [{ prompt: "x".repeat(32_001) }, "prompt", "string_above_max_length"],
  ]) {
    await refused(BadRequestError, () => images.generate({ ...BOAT, ...given }), { code, param, type: INVALID });
  }
  assert.equal(await scene.upstream.exchanges(), 0);
}

/** BadRequestError for a parameter no model has. */
export async function an_unknown_parameter_is_refused_by_name(scene) {
  const told = { code: "unknown_parameter", param: "colour", type: INVALID };
  await refused(BadRequestError, () => scene.client().images.generate({ ...BOAT, colour: "blue" }), told);
}

/** BadRequestError for a call without the one parameter that is required. */
export async function a_missing_prompt_is_refused(scene) {
  const told = { code: "missing_required_parameter", param: "prompt", type: INVALID };
  await refused(BadRequestError, () => scene.client().images.generate({ model: "gpt-image-2" }), told);
}

/** APIError, the SDK's class for 413, and not a connection that breaks while the body is still on its way. */
export async function a_body_that_is_too_large_is_refused(scene) {
  const told = { status: 413, code: "request_too_large", type: INVALID };
  const order = { ...BOAT, prompt: "x".repeat(8_000_000) };
  await refused(OpenAI.APIError, () => scene.client().images.generate(order), told);
}

/** BadRequestError with the stage and categories of the moderation in the body. */
export async function a_moderated_prompt_keeps_its_details(scene) {
  await scene.upstream.plays({ code: "moderation_blocked" });
  const told = { code: "moderation_blocked", param: null };
  const error = await refused(BadRequestError, () => scene.client().images.generate(BOAT), told);

  assert.deepEqual(error.error.moderation_details, { moderation_stage: "output", categories: ["sexual"] });
}

/** BadRequestError when the upstream answers 200 without a picture; never an empty list. */
export async function an_empty_answer_is_an_error(scene) {
  await scene.upstream.plays({ content: "empty_data" });
  const told = { code: "content_policy_violation", type: INVALID };
  await refused(BadRequestError, () => scene.client().images.generate(BOAT), told);
}

/** BadRequestError for what CometAPI calls a 500 although it means the request. */
export async function a_fault_of_the_request_hidden_as_500_is_a_bad_request(scene) {
  await scene.upstream.plays({ status: 500, code: "invalid_request" });
  const told = { code: "invalid_request", type: INVALID };
  await refused(BadRequestError, () => scene.client().images.generate(BOAT), told);
}

/** AuthenticationError for a key nobody minted, a revoked one and an expired one, each with its code. */
export async function a_key_that_is_none_is_refused(scene) {
  for (const [key, code] of [
    ["unknown", "invalid_api_key"],
    ["revoked", "revoked_api_key"],
    ["expired", "expired_api_key"],
  ]) {
    const client = scene.client({ key });
    const told = { status: 401, code, param: null, type: INVALID };
    await refused(AuthenticationError, () => client.images.generate(BOAT), told);
    await refused(AuthenticationError, () => client.models.list(), told);
  }
  assert.equal(await scene.upstream.exchanges(), 0);
}

/** PermissionDeniedError for a model the key may not use, and for a key whose limit is 0. */
export async function what_a_key_may_not_do_is_forbidden(scene) {
  for (const [key, told] of [
    ["narrow", { status: 403, code: "permission_denied", param: "model", type: INVALID }],
    ["blocked", { status: 403, code: "blocked", type: INVALID }],
  ]) {
    await refused(PermissionDeniedError, () => scene.client({ key }).images.generate(BOAT), told);
  }
  assert.equal(await scene.upstream.exchanges(), 0);
}

/** NotFoundError for a model nobody has and for the rest of OpenAI's API; the upstream is not asked. */
export async function what_is_not_there_is_not_found(scene) {
  const client = scene.client();
  const noModel = { status: 404, code: "model_not_found", param: "model", type: INVALID };
  await refused(NotFoundError, () => client.images.generate({ ...BOAT, model: "gpt-image-9" }), noModel);
  const order = { model: "text-embedding-3-small", input: "boat" };
  await refused(NotFoundError, () => client.embeddings.create(order), { code: "not_found", type: INVALID });
  await refused(NotFoundError, () => client.post("/images/upscale", { body: {} }), { code: "not_found" });
  assert.equal(await scene.upstream.exchanges(), 0);
}

/** RateLimitError with Retry-After and nothing remaining. */
export async function a_used_up_rate_limit_says_when_to_come_back(scene) {
  const { images } = scene.client({ key: "once_a_minute" });
  await images.generate(BOAT);
  const told = { status: 429, code: "rate_limit_exceeded", param: null, type: "rate_limit_error" };
  const error = await refused(RateLimitError, () => images.generate(BOAT), told);

  checkRetryAfter(error);
  assert.equal(error.headers.get("x-ratelimit-remaining-requests"), "0");
}

/** RateLimitError with OpenAI's code for an empty purse, which retries do not heal. */
export async function a_used_up_budget_is_no_reason_to_try_again(scene) {
  const { images } = scene.client({ key: "broke", maxRetries: 2 });
  const told = { code: "insufficient_quota", type: "insufficient_quota" };
  await refused(RateLimitError, () => images.generate(BOAT), told);

  assert.equal(scene.attempts, 1);
  assert.equal(await scene.upstream.exchanges(), 0);
}

/** RateLimitError with Retry-After when the upstream is saturated. */
export async function a_busy_upstream_is_a_rate_limit(scene) {
  await scene.upstream.plays({ status: 429 });
  const told = { code: "rate_limit_exceeded", type: "rate_limit_error" };
  checkRetryAfter(await refused(RateLimitError, () => scene.client().images.generate(BOAT), told));
}

/** InternalServerError, each with its status and code, for whatever is no fault of the request. */
export async function faults_behind_the_gateway_are_server_errors(scene) {
  const { images } = scene.client();
  for (const [played, status, code] of [
    [{ status: 502 }, 502, "upstream_failed"],
    [{ code: "do_request_failed" }, 502, "upstream_failed"],
    [{ status: 401 }, 503, "upstream_unavailable"],
    [{ code: "insufficient_user_quota" }, 503, "upstream_unavailable"],
    [{ status: 503, code: "model_not_found" }, 503, "upstream_unavailable"],
    [{ status: 504 }, 504, "upstream_timeout"],
    [{ content: "html" }, 504, "upstream_timeout"],
    [{ fault: "reset_before_headers" }, 502, "upstream_outcome_unknown"],
  ]) {
    await scene.upstream.plays(played);
    const told = { status, code, type: "server_error", param: null };
    await refused(InternalServerError, () => images.generate(BOAT), told);
  }
}

function checkRetryAfter(error) {
  const seconds = Number(error.headers.get("retry-after"));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `retry-after is ${seconds}`);
}

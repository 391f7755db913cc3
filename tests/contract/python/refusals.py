"""Cases: every refusal is the exception a user of the SDK expects, and says what docs/errors.md says.

There is none for ConflictError, which only a key that changes again and again under its request brings about, and
none for UnprocessableEntityError: nothing answers 422.
"""

import openai

from tests.contract.python.scene import BOAT, Scene, refused

INVALID, SERVER = "invalid_request_error", "server_error"


def a_broken_rule_names_its_parameter(scene: Scene) -> None:
    """BadRequestError for a value that breaks the model's rule."""
    images = scene.client().images
    for given, param, code in (
        ({"size": "1792x936"}, "size", "invalid_value"),
        ({"n": 11}, "n", "integer_above_max_value"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
    ):
        with refused(openai.BadRequestError, code=code, param=param, type=INVALID):
            images.generate(**(BOAT | given))
    assert scene.upstream.exchanges == 0


def an_unknown_parameter_is_refused_by_name(scene: Scene) -> None:
    """BadRequestError for a parameter no model has, sent as ``extra_body``."""
    with refused(openai.BadRequestError, code="unknown_parameter", param="colour", type=INVALID):
        scene.client().images.generate(**BOAT, extra_body={"colour": "blue"})


def a_missing_prompt_is_refused(scene: Scene) -> None:
    """BadRequestError for a call without the one parameter that is required."""
    with refused(openai.BadRequestError, code="missing_required_parameter", param="prompt", type=INVALID):
        scene.client().post("/images/generations", body={"model": "gpt-image-2"}, cast_to=object)


def a_body_that_is_too_large_is_refused(scene: Scene) -> None:
    """APIStatusError, the SDK's class for 413, and not a connection that breaks while the body is still on its way."""
    with refused(openai.APIStatusError, status_code=413, code="request_too_large", type=INVALID):
        scene.client().images.generate(**{**BOAT, "prompt": "x" * 8_000_000})


def a_moderated_prompt_keeps_its_details(scene: Scene) -> None:
    """BadRequestError with ``moderation_blocked``, and the stage and categories in the body."""
    scene.upstream.plays({"code": "moderation_blocked"})
    with refused(openai.BadRequestError, code="moderation_blocked", param=None) as caught:
        scene.client().images.generate(**BOAT)

    assert caught.error.body["moderation_details"] == {"moderation_stage": "output", "categories": ["sexual"]}


def an_empty_answer_is_an_error(scene: Scene) -> None:
    """BadRequestError when the upstream answers 200 without a picture; never an empty list."""
    scene.upstream.plays({"content": "empty_data"})
    with refused(openai.BadRequestError, code="content_policy_violation", type=INVALID):
        scene.client().images.generate(**BOAT)


def a_fault_of_the_request_hidden_as_500_is_a_bad_request(scene: Scene) -> None:
    """BadRequestError for what CometAPI calls a 500 although it means the request."""
    scene.upstream.plays({"status": 500, "code": "invalid_request"})
    with refused(openai.BadRequestError, code="invalid_request", type=INVALID):
        scene.client().images.generate(**BOAT)


def a_key_that_is_none_is_refused(scene: Scene) -> None:
    """AuthenticationError for a key nobody minted, a revoked one and an expired one, each with its code."""
    for key, code in (("unknown", "invalid_api_key"), ("revoked", "revoked_api_key"), ("expired", "expired_api_key")):
        client = scene.client(key)
        with refused(openai.AuthenticationError, status_code=401, code=code, param=None, type=INVALID):
            client.images.generate(**BOAT)
        with refused(openai.AuthenticationError, status_code=401, code=code, param=None, type=INVALID):
            client.models.list()
    assert scene.upstream.exchanges == 0


def what_a_key_may_not_do_is_forbidden(scene: Scene) -> None:
    """PermissionDeniedError for a model the key may not use, and for a key whose limit is 0."""
    with refused(openai.PermissionDeniedError, status_code=403, code="permission_denied", param="model", type=INVALID):
        scene.client("narrow").images.generate(**BOAT)
    with refused(openai.PermissionDeniedError, status_code=403, code="blocked", type=INVALID):
        scene.client("blocked").images.generate(**BOAT)
    assert scene.upstream.exchanges == 0


def what_is_not_there_is_not_found(scene: Scene) -> None:
    """NotFoundError for a model nobody has and for the rest of OpenAI's API; the upstream is not asked."""
    client = scene.client()
    with refused(openai.NotFoundError, status_code=404, code="model_not_found", param="model", type=INVALID):
        client.images.generate(**{**BOAT, "model": "gpt-image-9"})
    with refused(openai.NotFoundError, code="not_found", type=INVALID):
        client.embeddings.create(model="text-embedding-3-small", input="boat")
    with refused(openai.NotFoundError, code="not_found", type=INVALID):
        client.post("/images/upscale", body={}, cast_to=object)
    assert scene.upstream.exchanges == 0


def a_used_up_rate_limit_says_when_to_come_back(scene: Scene) -> None:
    """RateLimitError with Retry-After and nothing remaining."""
    images = scene.client("once_a_minute").images
    images.generate(**BOAT)
    told = {"code": "rate_limit_exceeded", "param": None, "type": "rate_limit_error"}
    with refused(openai.RateLimitError, status_code=429, **told) as caught:
        images.generate(**BOAT)

    assert int(caught.error.response.headers["retry-after"]) in range(1, 61)
    assert caught.error.response.headers["x-ratelimit-remaining-requests"] == "0"


def a_used_up_budget_is_no_reason_to_try_again(scene: Scene) -> None:
    """RateLimitError with OpenAI's ``insufficient_quota``, which retries do not heal."""
    client = scene.client("broke", max_retries=2)
    with refused(openai.RateLimitError, code="insufficient_quota", type="insufficient_quota") as caught:
        client.images.generate(**BOAT)

    assert caught.error.response.request.headers["x-stainless-retry-count"] == "0"
    assert scene.upstream.exchanges == 0


def a_busy_upstream_is_a_rate_limit(scene: Scene) -> None:
    """RateLimitError with Retry-After when the upstream is saturated."""
    scene.upstream.plays({"status": 429})
    with refused(openai.RateLimitError, code="rate_limit_exceeded", type="rate_limit_error") as caught:
        scene.client().images.generate(**BOAT)

    assert int(caught.error.response.headers["retry-after"]) in range(1, 61)


def faults_behind_the_gateway_are_server_errors(scene: Scene) -> None:
    """InternalServerError, each with its status and code, for whatever is no fault of the request."""
    images = scene.client().images
    for played, status, code in (
        ({"status": 502}, 502, "upstream_failed"),
        ({"code": "do_request_failed"}, 502, "upstream_failed"),
        ({"status": 401}, 503, "upstream_unavailable"),
        ({"code": "insufficient_user_quota"}, 503, "upstream_unavailable"),
        ({"status": 503, "code": "model_not_found"}, 503, "upstream_unavailable"),
        ({"status": 504}, 504, "upstream_timeout"),
        ({"content": "html"}, 504, "upstream_timeout"),
        ({"fault": "reset_before_headers"}, 502, "upstream_outcome_unknown"),
    ):
        scene.upstream.plays(played)
        with refused(openai.InternalServerError, status_code=status, code=code, type=SERVER, param=None):
            images.generate(**BOAT)


async def asynchronous_client_raises_the_same(scene: Scene) -> None:
    """The asynchronous client raises the same classes."""
    async with scene.async_client("unknown") as stranger, scene.async_client() as client:
        with refused(openai.AuthenticationError, code="invalid_api_key", type=INVALID):
            await stranger.images.generate(**BOAT)
        with refused(openai.NotFoundError, code="model_not_found"):
            await client.images.generate(**{**BOAT, "model": "gpt-image-9"})

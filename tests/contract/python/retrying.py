"""Cases: what the SDK does by itself when something fails, and what that buys."""

from typing import Any

import openai

from tests.contract.python.scene import BOAT, Scene, fails, refused


def an_unknown_outcome_is_not_bought_again(scene: Scene) -> None:
    """An SDK that would retry twice obeys ``x-should-retry: false``: the upstream saw one request."""
    images = scene.client(max_retries=2).images
    troubles: list[dict[str, Any]] = [{"fault": "reset_before_headers"}, {"status": 504}, {"content": "html"}]
    for number, played in enumerate(troubles, 1):
        scene.upstream.plays(played)
        with refused(openai.InternalServerError) as caught:
            images.generate(**BOAT)
        assert caught.error.response.headers["x-should-retry"] == "false"
        assert scene.upstream.exchanges == number


def a_failure_that_cost_nothing_is_tried_again(scene: Scene) -> None:
    """After a 502 that was not charged the SDK tries once more and gets its picture."""
    scene.upstream.plays({"status": 502})
    # A prompt of its own: a retry gets what another client of this key has left behind.
    raw = scene.client(max_retries=2).images.with_raw_response.generate(**{**BOAT, "prompt": "a boat tried twice"})

    assert raw.retries_taken == 1
    assert scene.upstream.exchanges == 2
    assert scene.upstream.pictures == 1


def a_refusal_is_not_tried_again(scene: Scene) -> None:
    """A request that can never succeed is sent once."""
    client = scene.client(max_retries=2)
    with refused(openai.BadRequestError) as caught:
        client.images.generate(**BOAT, n=11)

    assert caught.error.response.request.headers["x-stainless-retry-count"] == "0"


def a_client_that_gives_up_leaves_nothing_half_done(scene: Scene) -> None:
    """APITimeoutError at the client's own deadline; what was bought is finished behind it, once."""
    scene.upstream.plays({"withhold": True})
    with fails(openai.APITimeoutError):
        scene.client(timeout=2).images.generate(**BOAT)
    scene.upstream.quiet()

    assert scene.upstream.pictures == 1

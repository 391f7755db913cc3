"""Cases: making pictures from pictures."""

import base64
import io
import re
from typing import Any

import openai
from openai.types import ImageEditCompletedEvent, ImageEditPartialImageEvent

from tests.contract.python.scene import BOAT, PNG, REQUEST_ID, Scene, refused


def one_file_is_edited(scene: Scene) -> None:
    """A file, sent as the form's ``image``, comes back changed; the usage counts its tokens."""
    with scene.picture().open("rb") as file:
        made = scene.client().images.edit(**BOAT, image=file)

    assert made.usage
    assert _pictures(made) == [PNG]
    assert made.usage.input_tokens_details.image_tokens > 0
    assert _sent(scene) == 1


def a_list_of_one_is_edited(scene: Scene) -> None:
    """A list, even of one, is sent as ``image[]``."""
    made = scene.client().images.edit(**BOAT, image=[scene.picture()])

    assert _pictures(made) == [PNG]
    assert _sent(scene) == 1


def a_list_of_three_is_edited(scene: Scene) -> None:
    """Three files of three formats reach the model."""
    files = [scene.picture(name) for name in ("first.png", "second.jpg", "third.webp")]
    made = scene.client().images.edit(**BOAT, image=files)

    assert _pictures(made) == [PNG]
    assert _sent(scene) == 3


def every_way_to_hand_over_a_file_works(scene: Scene) -> None:
    """Bytes, a path, an open file and the tuple of name, bytes and type are all files to the SDK."""
    client, path = scene.client(), scene.picture()
    data = path.read_bytes()
    ways: list[Any] = [data, path, io.BytesIO(data), ("boat.png", data, "image/png"), ("boat.png", data)]
    for way in ways:
        assert _pictures(client.images.edit(**BOAT, image=way)) == [PNG]


def a_mask_goes_along(scene: Scene) -> None:
    """The mask reaches the model beside the picture."""
    made = scene.client().images.edit(**BOAT, image=scene.picture(), mask=scene.picture("mask.png"))

    assert _pictures(made) == [PNG]
    assert 'name="mask"' in scene.upstream.last_body
    assert _sent(scene) == 1


def an_edit_gives_as_many_as_asked(scene: Scene) -> None:
    """``n=2`` is a number, although a form has only text."""
    made = scene.client().images.edit(**BOAT, image=scene.picture(), n=2)

    assert _pictures(made) == [PNG, PNG]


def an_edit_streams(scene: Scene) -> None:
    """``stream=True``, the form's text "true", gives the typed events of an edit."""
    events = list(scene.client().images.edit(**BOAT, image=scene.picture(), stream=True, partial_images=1))

    assert [type(event) for event in events] == [ImageEditPartialImageEvent, ImageEditCompletedEvent]
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]


async def asynchronous_client_edits(scene: Scene) -> None:
    """The asynchronous client edits a list with a mask."""
    async with scene.async_client() as client:
        made = await client.images.edit(
            **BOAT, image=[scene.picture(), scene.picture("second.jpg")], mask=scene.picture("mask.png")
        )

    assert _pictures(made) == [PNG]
    assert _sent(scene) == 2


def an_edit_has_its_headers(scene: Scene) -> None:
    """``with_raw_response`` of an edit has what that of a generation has."""
    raw = scene.client("metered").images.with_raw_response.edit(**BOAT, image=scene.picture())

    assert REQUEST_ID.fullmatch(raw.headers["x-request-id"])
    assert "x-ratelimit-remaining-images" in raw.headers
    assert _pictures(raw.parse()) == [PNG]


def a_file_that_is_no_picture_is_refused(scene: Scene) -> None:
    """BadRequestError that names the file; nothing is sent upstream."""
    with refused(openai.BadRequestError, param="image[0]"):
        scene.client().images.edit(**BOAT, image=scene.picture("text.png"))
    assert scene.upstream.exchanges == 0


def a_mask_of_another_size_is_refused(scene: Scene) -> None:
    """BadRequestError that names the mask, as the models behind the gateway answer."""
    with refused(openai.BadRequestError, param="mask"):
        scene.client().images.edit(**BOAT, image=scene.picture(), mask=scene.picture("small_mask.png"))


def a_failed_edit_that_cost_nothing_is_sent_again(scene: Scene) -> None:
    """The SDK's retry carries the whole form again."""
    scene.upstream.plays({"status": 502})
    raw = scene.client(max_retries=1).images.with_raw_response.edit(**BOAT, image=scene.picture())

    assert raw.retries_taken == 1
    assert _pictures(raw.parse()) == [PNG]


def a_variation_is_made(scene: Scene) -> None:
    """The one model that makes variations makes one."""
    images = scene.client().images
    made = images.create_variation(image=scene.picture(), model="dall-e-2", response_format="b64_json")

    assert _pictures(made) == [PNG]


def a_variation_by_another_model_is_refused(scene: Scene) -> None:
    """BadRequestError naming the model; nothing is sent upstream."""
    with refused(openai.BadRequestError, param="model", type="invalid_request_error"):
        scene.client().images.create_variation(image=scene.picture(), model="gpt-image-2")
    assert scene.upstream.exchanges == 0


def _pictures(made: Any) -> list[bytes]:
    return [base64.b64decode(picture.b64_json or "", validate=True)[: len(PNG)] for picture in made.data]


def _sent(scene: Scene) -> int:
    """How many pictures the last form upstream had, its mask not counted."""
    return len(re.findall(r'name="image(?:\[\d*\])?"', scene.upstream.last_body))

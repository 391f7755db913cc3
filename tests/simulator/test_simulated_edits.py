"""POST /v1/images/edits takes a form with pictures and answers as CometAPI does."""

import base64
import io
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.server import Simulator

PATH = "/v1/images/edits"
FIELDS = {"model": "gpt-image-2", "prompt": "a fox", "quality": "low", "output_format": "webp"}
RED = (255, 0, 0)
MARKED = {"model": "gpt-image-2.5-flare"}
Files = list[tuple[str, tuple[str, bytes, str]]]


def picture(width: int = 1024, height: int = 768, file_format: str = "PNG", mode: str = "RGB") -> bytes:
    """A plain picture, red where its mode has colours."""
    file = io.BytesIO()
    Image.new(mode, (width, height), RED if mode == "RGB" else 0).save(file, file_format)
    return file.getvalue()


def upload(*names: str, data: bytes | None = None) -> Files:
    """A file under each name."""
    return [(name, (f"{name}.png", picture() if data is None else data, "image/png")) for name in names]


async def ask(client: httpx.AsyncClient, files: Files, **fields: str) -> httpx.Response:
    """One edit."""
    return await client.post(PATH, data=FIELDS | fields, files=files)


async def test_answer_shape(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Usage tells the tokens of the prompt and of the pictures apart: 768 for 1024x768, as in CometAPI's example."""
    answer = (await ask(client, upload("image"))).json()

    assert list(answer) == ["created", "data", "background", "output_format", "quality", "size", "usage"]
    usage = answer["usage"]
    assert usage["input_tokens_details"] == {"image_tokens": 768, "text_tokens": 8, "cached_tokens_details": {}}
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (776, 196, 972)
    assert (usage["prompt_tokens"], usage["claude_cache_creation_5_m_tokens"]) == (0, 0)
    tally = simulator.logbook.tally
    assert (tally.pictures, tally.input_tokens, tally.output_tokens) == (1, 776, 196)


async def test_picture_shows_what_was_given(client: httpx.AsyncClient) -> None:
    """The edited picture decodes at the size asked for, and has a thumbnail of the first input in its corner."""
    green = io.BytesIO()
    Image.new("RGB", (64, 64), (0, 255, 0)).save(green, "PNG")
    files = [*upload("image[]"), *upload("image[]", data=green.getvalue())]
    answer = (await ask(client, files, size="1536x1024", output_format="png", n="2")).json()

    pictures = [base64.b64decode(entry["b64_json"]) for entry in answer["data"]]
    with Image.open(io.BytesIO(pictures[0])) as image:
        assert (image.size, image.getpixel((5, 5)), image.getpixel((300, 5)) == RED) == ((1536, 1024), RED, False)
    assert [read_serial(data) for data in pictures] == [1, 2]


@pytest.mark.parametrize(
    ("given", "tokens"), [(["image"], 768), (["image", "image"], 2 * 768), (["image[]"] * 3, 3 * 768)]
)
async def test_names_of_pictures(client: httpx.AsyncClient, given: list[str], tokens: int) -> None:
    """One picture, the same name again, and names with brackets are all pictures."""
    answer = await ask(client, upload(*given))

    assert answer.json()["usage"]["input_tokens_details"]["image_tokens"] == tokens


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_openai_sdk_edits(simulator: Simulator, number: int) -> None:
    """The stock SDK sends one file, a list of one and a list of three, with a mask of the same size."""
    files = [(f"{index}.png", picture(512, 512), "image/png") for index in range(number)]
    mask = ("mask.png", picture(512, 512), "image/png")
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        answer = await sdk.images.edit(
            model="gpt-image-2", prompt="a fox", image=files or mask, mask=mask, n=2, quality="low"
        )

    assert answer.data is not None
    assert len(answer.data) == 2
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.image_tokens == max(number, 1) * 1024  # magnified to 1024x1024


async def test_openai_sdk_streams_an_edit(simulator: Simulator) -> None:
    """The stock SDK gets the events of an edit under their own names."""
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        stream = await sdk.images.edit(
            model="gpt-image-2", prompt="a fox", image=picture(), quality="low", stream=True, partial_images=1
        )
        events = [event async for event in stream]

    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert events[1].type == "image_edit.completed"
    assert (events[1].usage.input_tokens_details.image_tokens, events[1].usage.output_tokens) == (768, 296)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
async def test_formats_of_pictures(client: httpx.AsyncClient, file_format: str) -> None:
    """The bytes decide what a file is, not its name."""
    answer = await ask(client, upload("image", data=picture(file_format=file_format)))

    assert answer.status_code == 200


async def test_qwen_image_edit(client: httpx.AsyncClient) -> None:
    """qwen-image-edit has no usage."""
    answer = await ask(client, upload("image"), model="qwen-image-edit")

    assert list(answer.json()) == ["created", "data"]


async def test_qwen_image_edit_by_url(client: httpx.AsyncClient) -> None:
    """qwen-image-edit hands over a link where it is asked to, and draws sizes that qwen-image does not."""
    fields = {"model": "qwen-image-edit", "response_format": "url", "size": "640x512"}
    entry = (await ask(client, upload("image"), **fields)).json()["data"][0]

    with Image.open(io.BytesIO((await client.get(entry["url"])).content)) as image:
        assert image.size == (640, 512)


async def test_dall_e_2_edits_one_small_square(client: httpx.AsyncClient) -> None:
    """dall-e-2 edits a square PNG and answers with a link."""
    fields = {"model": "dall-e-2", "quality": "standard", "size": "256x256"}
    answer = await ask(client, upload("image", data=picture(64, 64)), **fields)
    oblong = await ask(client, upload("image", data=picture(64, 32)), **fields)
    two = await ask(client, upload("image", "image", data=picture(64, 64)), **fields)

    assert list(answer.json()["data"][0]) == ["url"]
    assert "must be square" in oblong.json()["error"]["message"]
    assert "maximum length 1," in two.json()["error"]["message"]


async def test_markup(client: httpx.AsyncClient) -> None:
    """gpt-image-2.5 takes a transparent overlay of the picture's size."""
    files = [*upload("image"), *upload("markup", data=picture(mode="RGBA"))]

    assert (await ask(client, files, model="gpt-image-2.5-flare")).status_code == 200


@pytest.mark.parametrize(("model", "fidelity"), [("gpt-image-1.5", "high"), ("gpt-image-1-mini", "low")])
async def test_input_fidelity(client: httpx.AsyncClient, model: str, fidelity: str) -> None:
    """The first generation of GPT image models is told how closely to look."""
    answer = await ask(client, upload("image"), model=model, input_fidelity=fidelity)

    assert answer.status_code == 200


async def test_scenario_in_the_prompt_of_a_form(client: httpx.AsyncClient) -> None:
    """A tag works in a form as it does in JSON."""
    assert (await ask(client, upload("image"), prompt="a fox [scenario: status=429]")).status_code == 429


async def test_form_is_kept_as_received(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The whole body of a form can be looked at, with its boundary in the headers."""
    given = picture(file_format="JPEG")
    await ask(client, upload("image", data=given))
    received = simulator.received[-1]

    boundary = (received.header("content-type") or "").partition("boundary=")[2].encode()
    assert received.path == PATH
    assert b'name="image"; filename="image.png"' in received.body
    assert given in received.body
    assert received.body.count(b"--" + boundary) == len(FIELDS) + 2


REFUSED: list[tuple[Files, dict[str, str], int, str, str]] = [
    ([], {"image": "none"}, 400, "image[0]", "Invalid type for 'image[0]': expected a file, but got a string instead."),
    (upload("mask"), {}, 500, "", "field image is required"),
    (upload("image", data=b"not a picture"), {}, 400, "image", "Invalid image file or mode for image 1,"),
    (upload("image", data=picture()[:200]), {}, 400, "image", "Invalid image file or mode for image 1,"),
    (upload("image", data=picture(mode="I;16")), {}, 400, "image", "Invalid image file or mode for image 1,"),
    (upload("image", data=picture(file_format="BMP")), {}, 400, "image", "Invalid image file or mode for image 1,"),
    (upload(*["image[]"] * 17), {}, 400, "image", "maximum length 16"),
    ([*upload("image"), *upload("mask", data=picture(64, 64))], {}, 400, "mask", "does not match image size"),
    ([*upload("image"), *upload("mask", data=picture(file_format="JPEG"))], {}, 400, "mask", "for mask,"),
    ([*upload("image"), *upload("mask", "mask")], {}, 400, "mask", "already has a different value"),
    (upload("image"), {"mask": "none"}, 400, "mask", "expected a file"),
    (upload("image"), {"n": "11"}, 400, "n", "<= 10"),
    (upload("image"), {"n": "two"}, 500, "", "cannot unmarshal"),
    (upload("image"), {"stream": "maybe"}, 500, "", "cannot unmarshal"),
    (upload("image"), {"size": "512x512"}, 400, "size", "at least 655360"),
    (upload("image"), {"prompt": ""}, 500, "", "field prompt is required"),
    (upload("image", "markup"), {}, 400, "markup", "Unknown parameter"),
    (upload("image", "markup"), MARKED, 400, "markup", "must have an alpha channel"),
    (upload("image", "markup", "markup"), MARKED, 400, "markup", "already has a different value"),
    (upload("image", "mask", "markup"), MARKED, 400, "markup", "together with 'mask'"),
    ([*upload("image"), *upload("markup", data=picture(64, 64))], MARKED, 400, "markup", "does not match image size"),
    (upload("image", "mask"), {"model": "gpt-image-2.6-flare", "output_format": "gif"}, 400, "mask", "gif"),
    (upload("image"), {"input_fidelity": "low"}, 400, "input_fidelity", "Unknown parameter"),
    (upload("image"), {"model": "gpt-image-1-mini", "input_fidelity": "high"}, 400, "input_fidelity", "'low'"),
    (upload("image"), {"model": "qwen-image"}, 500, "", "not supported model for image edits"),
    (upload("image"), {"model": "doubao-seedream-4-5-251128"}, 500, "", "not supported model for image edits"),
]


@pytest.mark.parametrize(("files", "fields", "status", "param", "words"), REFUSED)
async def test_refusals(
    *,
    simulator: Simulator,
    client: httpx.AsyncClient,
    files: Files,
    fields: dict[str, Any],
    status: int,
    param: str,
    words: str,
) -> None:
    """Each bad form gets its status and its words, and draws nothing."""
    files = files or upload("unknown")  # without any file the client would not send a form of parts
    answer = await ask(client, files, **fields)

    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert words in error["message"]
    assert simulator.pictures == 0

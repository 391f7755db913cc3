"""What the official client really sends is read as it was meant."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import orjson
import pytest
from starlette.types import Receive, Scope, Send

from app.catalog.order import Operation
from app.web.door import HttpDoor
from app.web.order_reader import OrderReader
from tests.web.scene import JPEG, PNG, WEBP, Read, read_out

ANSWER = orjson.dumps({"created": 1, "data": []})


class Listener:
    """An application that reads one order per request, keeps it, and answers with an empty list."""

    def __init__(self, reader: OrderReader) -> None:
        self._reader = reader
        self.heard: list[Read] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"request_id": "req_of_the_test"}
        operation: Operation = scope["path"].rsplit("/", 1)[1]
        door = HttpDoor(scope, receive, send, operation=operation, reader=self._reader, send_seconds=5)
        try:
            self.heard.append(await read_out(await door.order()))
            await door.start([(b"content-type", b"application/json")])
            await door.finish(ANSWER)
        finally:
            await door.close()


@asynccontextmanager
async def official_client(listener: Listener) -> AsyncIterator[openai.AsyncOpenAI]:
    """The SDK, connected to the application without a socket."""
    transport = httpx2.ASGITransport(app=listener)
    async with openai.AsyncOpenAI(
        base_url="http://gateway/v1",
        api_key="sk-of-the-test",
        http_client=openai.DefaultAsyncHttpxClient(transport=transport),
    ) as client:
        yield client


def named(data: bytes) -> io.BytesIO:
    """An open file, as the SDK takes it."""
    opened = io.BytesIO(data)
    opened.name = "secret-plans.txt"
    return opened


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (named(PNG), [("image/png", PNG)]),
        ([named(PNG)], [("image/png", PNG)]),
        (
            [PNG, ("a.jpg", JPEG, "image/png"), named(WEBP)],
            [("image/png", PNG), ("image/jpeg", JPEG), ("image/webp", WEBP)],
        ),
    ],
)
async def test_edits_of_the_sdk(reader: OrderReader, given: Any, expected: list[tuple[str, bytes]]) -> None:
    """One picture, a list of one, and a list of three in all spellings; numbers and truth values are strings."""
    listener = Listener(reader)
    async with official_client(listener) as client:
        await client.images.edit(image=given, prompt="a hat ⛵", model="gpt-image-2", n=2, size="1024x1024", user="u")

    words = {"prompt": "a hat ⛵", "model": "gpt-image-2", "n": "2", "size": "1024x1024", "user": "u"}
    assert listener.heard == [Read(words, expected, None, None, from_form=True)]


async def test_masks_and_objects_of_the_sdk(reader: OrderReader) -> None:
    """A mask beside the picture, and an object among the words."""
    listener = Listener(reader)
    async with official_client(listener) as client:
        await client.images.edit(
            image=PNG,
            mask=WEBP,
            prompt="a hat",
            extra_body={"svg": {"model": "gpt-5", "reasoning": {"effort": "low"}}, "stream": False},
        )

    (heard,) = listener.heard
    assert heard.images == [("image/png", PNG)]
    assert heard.mask == ("image/webp", WEBP)
    assert heard.fields["svg"] == {"model": "gpt-5", "reasoning": {"effort": "low"}}
    assert heard.fields["stream"] == "false"


async def test_variations_and_generations_of_the_sdk(reader: OrderReader) -> None:
    """The other two operations: a form with a picture, a document with numbers."""
    listener = Listener(reader)
    async with official_client(listener) as client:
        with pytest.deprecated_call():  # the SDK's word on the route; it still sends it
            await client.images.create_variation(image=named(PNG), n=1)
        await client.images.generate(prompt="a boat", n=1)

    assert listener.heard == [
        Read({"n": "1"}, [("image/png", PNG)], None, None, from_form=True),
        Read({"prompt": "a boat", "n": 1}, [], None, None, from_form=False),
    ]

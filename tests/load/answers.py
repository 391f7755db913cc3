"""The answers of the canned upstream, and the requests that get them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

MODEL = "gpt-image-2"
PATH = "/v1/images/generations"
_USAGE = {
    "total_tokens": 205,
    "input_tokens": 9,
    "output_tokens": 196,
    "input_tokens_details": {"text_tokens": 9, "image_tokens": 0},
}
_STEP_BYTES = 100
"""What the bodies of requests for different answers differ by; whoever passes one on may change its size by less."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream says to a request, as it stands in a file."""

    name: str
    body: bytes
    slow_seconds: float = 0.0
    """After which the first byte comes."""
    is_stream: bool = False
    """Server-sent events; the request then asks for a stream."""


@dataclass(frozen=True, slots=True)
class Menu:
    """The answers of one upstream. Which one a request gets is decided by the size of its body, in steps of 100 bytes.

    The size is all that a proxy leaves alone and a bare nginx can see without a script.
    """

    answers: tuple[Answer, ...]

    def request(self, name: str, model: str = MODEL) -> bytes:
        """The JSON body that gets the answer of that name."""
        at = next(number for number, answer in enumerate(self.answers) if answer.name == name)
        fields: dict[str, Any] = {"model": model, "prompt": "", "size": "1024x1024", "quality": "low"}
        if self.answers[at].is_stream:
            fields |= {"stream": True, "partial_images": 3}
        missing = (at + 2) * _STEP_BYTES + _STEP_BYTES // 2 - len(_written(fields))
        return _written(fields | {"prompt": "a paper boat ".ljust(missing, "x")[:missing]})

    def patterns(self) -> Mapping[str, Answer]:
        """Regular expressions of the Content-Length of the requests for each answer."""
        return MappingProxyType({f"^{number + 2}..$": answer for number, answer in enumerate(self.answers)})


def url_answer(body_bytes: int) -> bytes:
    """A link to a picture, in exactly so many bytes."""
    return _exactly(body_bytes, lambda text: [{"url": f"https://files.example.com/{text}"}])


def picture_answer(body_bytes: int) -> bytes:
    """A base64 picture with its ``usage`` behind it, in exactly so many bytes."""
    return _exactly(body_bytes, lambda text: [{"b64_json": text}])


def stream_answer(events: int, event_bytes: int) -> bytes:
    """Partial images and then the picture with its usage, as events of about so many bytes."""
    picture = "A" * (event_bytes // 4 * 4)
    told = {"created_at": 1, "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    written = []
    for number in range(events):
        is_last = number == events - 1
        kind = f"image_generation.{'completed' if is_last else 'partial_image'}"
        last = {"usage": _USAGE} if is_last else {"partial_image_index": number}
        data = json.dumps({"type": kind, "b64_json": picture} | told | last)
        written.append(f"event: {kind}\ndata: {data}\n\n")
    return "".join(written).encode()


def _exactly(body_bytes: int, data: Any) -> bytes:
    """With the same letter as often as needed."""

    def body(letters: int) -> bytes:
        return json.dumps({"created": 1_700_000_000, "data": data("A" * letters), "usage": _USAGE}).encode()

    return body(body_bytes - len(body(0)))


def _written(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


SMALL = Answer("S", url_answer(315))
MEDIUM = Answer("M", picture_answer(2_100_000))
LARGE = Answer("L", picture_answer(21_000_000))
EVENTS = Answer("SSE", stream_answer(4, 64_000), is_stream=True)
SLOW = Answer("slow", MEDIUM.body, slow_seconds=5.0)
STANDARD = Menu((SMALL, MEDIUM, LARGE, EVENTS, SLOW))
"""The sizes that the targets are set for."""

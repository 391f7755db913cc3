"""The routes that make and quote pictures in the OpenAPI document: their headers, bodies and answers."""

from typing import Any, Final

from app.api.openapi_headers import RATES, headers
from app.api.openapi_refusals import KEY, ORDER, PURCHASE, refusals
from app.api.openapi_schemas import DOT, TEXT, answer, or_null, record
from app.web.pictures import MAX_IMAGES
from app.web.wishes import MAX_KEY_CHARS

JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
STREAM: Final[dict[str, Any]] = {"text/event-stream": {"schema": answer("ImageStreamEvent")}}
"""The schema is of one event, as readers of OpenAPI 3.1 take it."""
ANSWERED: Final[dict[str, Any]] = {JSON: {"schema": answer("Images")}, **STREAM}
"""What a request that was delivered is answered, and is again when it is asked for."""
_MADE: Final = {
    "description": "The pictures and their usage; with `stream` events. Behind a heartbeat it may be a late refusal",
    "headers": headers(
        *("x-request-id", *RATES, "x-imagegate-normalized", "x-imagegate-delivered", "x-imagegate-warning"),
        *("idempotent-replayed", "x-imagegate-request", "deprecation", "sunset"),
    ),
    "content": {JSON: {"schema": answer("Images", "Error")}, **STREAM},
}
_TAKEN: Final = {
    "description": "Taken (`Prefer: respond-async`); `Location` is where to fetch the pictures",
    "headers": headers("x-request-id", "location", "retry-after", "preference-applied", *RATES),
    "content": {JSON: {"schema": answer("TakenRequest")}},
}
_WISHES: Final = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Whatever is sent under it again within a day is the same purchase.",
        "schema": TEXT | {"minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[ -~]+$"},
        "example": "order-4711",
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "`respond-async`: answer at once, with where to fetch the pictures. All else is ignored.",
        "schema": TEXT,
        "example": "respond-async",
    },
    {
        "name": "x-imagegate-heartbeat",
        "in": "header",
        "description": "After 1 to 600 seconds of silence the 200 and white space, again and again; 0: never.",
        "schema": {"type": "number", "minimum": 0, "maximum": 600},
        "example": 20,
    },
    {
        "name": "x-stainless-retry-count",
        "in": "header",
        "description": "How often an SDK has tried already; it writes that itself. What is no count is ignored.",
        "schema": TEXT,
        "example": "0",
    },
]

_PROMPT: Final = TEXT | {"minLength": 1, "maxLength": 32_000, "examples": ["a paper boat"]}
_N: Final = {"type": "integer", "minimum": 1, "maximum": 10}
_PARTIAL: Final = {"type": "integer", "minimum": 0, "maximum": 3}
_CONTAINER: Final = {"type": "string", "enum": ["url", "b64_json"]}
_MODEL: Final[dict[str, Any]] = {
    "model": TEXT | {"description": "Without it the gateway's default model.", "examples": ["gpt-image-2"]}
}
_CHOSEN: Final[dict[str, Any]] = {
    "n": _N,
    "size": TEXT | {"examples": ["1024x1024"]},
    "stream": {"type": "boolean"},
    "partial_images": _PARTIAL,
    "response_format": _CONTAINER,
}
"""What means the same to every model."""
_OF_SOME: Final[dict[str, tuple[str, Any]]] = {
    "quality": ("Such as `low`, `medium`, `high`, `auto`", "low"),
    "output_format": ("Such as `png`, `jpeg`, `webp`", "png"),
    "output_compression": ("0 to 100", 80),
    "background": ("Such as `transparent`, `opaque`, `auto`", "auto"),
    "moderation": ("`low` or `auto`", "auto"),
    "user": ("A name for whom the picture is made", "ana"),
    "safety_identifier": ("The same, for the provider's safety system", "ana"),
    "style": ("`vivid` or `natural`", "vivid"),
    "input_fidelity": ("`low` or `high`", "low"),
    "seed": ("A whole number", 4711),
    "guidance_scale": ("A number", 7.5),
    "complexity": ("Such as `low`, `high`", "low"),
    "frame_count": ("How many frames a moving picture has", 8),
    "frame_duration_ms": ("How long each is shown", 100),
    "negative_prompt": ("What should not be in the picture", "people"),
    "prompt_extend": ("Whether the model may write more to the prompt", True),
    "watermark": ("Whether it marks the picture", False),
    "sequential_image_generation": ("`disabled` or `auto`", "disabled"),
    "sequential_image_generation_options": ("An object", {"max_images": 4}),
    "svg": ("Nothing: no model takes it here", {}),
}
"""Parameters of some models, without types: another model's are left out, whatever they hold (docs/api.md)."""
_FREE: Final = {
    name: {"description": f"For models that take it. {what}.", "examples": [example]}
    for name, (what, example) in _OF_SOME.items()
}
_FILE: Final = TEXT | {"format": "binary"}
_FILES: Final = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": MAX_IMAGES}
SOME_FILE: Final = "(the bytes of boat.png)"
"""Stands for a picture in examples, because JSON has no bytes."""
_PICTURE: Final = {"contentType": "image/png, image/jpeg, image/webp"}
_ENCODING: Final = {"image": _PICTURE, "image[]": _PICTURE, "mask": {"contentType": "image/png"}, "markup": _PICTURE}
_REFERENCE: Final = record({"image_url": TEXT | {"description": "A data URL; links where the operator allows some."}})


def _usual() -> dict[str, Any]:
    """What need not be in a JSON body; null is absent."""
    return {name: or_null(schema) for name, schema in (_MODEL | _CHOSEN).items()} | _FREE


def _texts() -> dict[str, Any]:
    """The same in a form, in which every value is text: ``2``, ``true``."""
    return _MODEL | _CHOSEN | _FREE


_ASKED: Final = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
_GENERATION: Final = {
    "schema": record(
        {"prompt": _PROMPT},
        _usual() | {"image": {"description": "For models that take it: links or data URLs of pictures to start from."}},
        description="Parameters nobody knows are refused; those of other models are left out.",
    ),
    "example": _ASKED,
}
_EDIT: Final = {
    "schema": record(
        {"prompt": _PROMPT, "images": {"type": "array", "items": _REFERENCE, "minItems": 1, "maxItems": MAX_IMAGES}},
        _usual() | {"mask": or_null(_REFERENCE), "markup": or_null(_REFERENCE)},
    ),
    "example": _ASKED | {"prompt": "add a sail", "images": [{"image_url": f"data:image/png;base64,{DOT}"}]},
}
_EDIT_FORM: Final = {
    "schema": record(
        {"prompt": _PROMPT},
        _texts() | {"image": _FILE, "image[]": _FILES, "mask": _FILE, "markup": _FILE},
        anyOf=[{"required": ["image"]}, {"required": ["image[]"]}],
        description="`image` once, or `image[]` as often as there are pictures.",
    ),
    "encoding": _ENCODING,
    "example": _ASKED | {"prompt": "add a sail", "image": SOME_FILE},
}
_AS_DALL_E: Final = {"model": TEXT | {"examples": ["dall-e-2"]}, "size": TEXT | {"examples": ["256x256"]}}
_VARIATION_FORM: Final = {
    "schema": record({"image": _FILE}, _texts() | _AS_DALL_E),
    "encoding": {"image": {"contentType": "image/png"}},
    "example": {"model": "dall-e-2", "image": SOME_FILE, "size": "256x256"},
}
_QUOTED: Final = {
    "description": "The quote",
    "headers": headers("x-request-id", *RATES),
    "content": {JSON: {"schema": answer("ImageQuote")}},
}


def _making(operation_id: str, summary: str, bodies: dict[str, Any]) -> dict[str, Any]:
    """A route that buys pictures."""
    return {
        "post": {
            "operationId": operation_id,
            "summary": summary,
            "tags": ["images"],
            "security": [{"virtualKey": []}],
            "parameters": _WISHES,
            "requestBody": {"required": True, "content": bodies},
            "responses": {"200": _MADE, "202": _TAKEN, **refusals(*KEY, *ORDER, *PURCHASE)},
        }
    }


PATHS: Final[dict[str, Any]] = {
    "/v1/images/generations": _making("createImage", "Make pictures from a prompt", {JSON: _GENERATION}),
    "/v1/images/edits": _making(
        "createImageEdit", "Make pictures from pictures and a prompt", {JSON: _EDIT, _FORM: _EDIT_FORM}
    ),
    "/v1/images/variations": _making("createImageVariation", "Make pictures like a picture", {_FORM: _VARIATION_FORM}),
    "/v1/images/quote": {
        "post": {
            "operationId": "quoteImage",
            "summary": "What a request would cost, and whether it would be admitted now; buys nothing",
            "tags": ["images"],
            "security": [{"virtualKey": []}],
            "requestBody": {"required": True, "content": {JSON: _GENERATION, _FORM: _EDIT_FORM}},
            "responses": {"200": _QUOTED, **refusals(*KEY, *ORDER)},
        }
    },
}
"""By path."""

"""Documents of the public door in the OpenAPI document: their schemas, each with an example."""

from typing import Any, Final, get_args

from app.requests.models import State
from app.upstream.event_form import EVENT_TYPES

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
DOLLARS: Final[Schema] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?$", "description": "Dollars"}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_MANY: Final[Schema] = {"type": "array", "items": TEXT}
_ID: Final = "req_0VZ9bWk1A2b3C4d5E6f7"
DOT: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNQSDgAAAHkAUGi6zIMAAAAAElFTkSuQmCC"
"""A PNG of one blue pixel, in base64."""


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    named = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | named


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any) -> Schema:
    """An object with these members."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {}), **more}


def listed(items: Schema) -> Schema:
    """A list as OpenAI gives them."""
    return record({"object": {"const": "list"}, "data": {"type": "array", "items": items}})


def answer(*names: str) -> Schema:
    """A reference to one of the schemas, or to any of several."""
    references: list[Schema] = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return references[0] if len(references) == 1 else {"anyOf": references}


_ERROR: Final = record(
    {
        "error": record(
            {"message": TEXT, "type": TEXT, "param": or_null(TEXT), "code": or_null(TEXT)},
            description="`code` says which error it is; those of a moderation are the upstream's own.",
        )
    },
    description="OpenAI's envelope.",
)
_IMAGES: Final = record(
    {
        "created": {"type": "integer"},
        "data": {
            "type": "array",
            "items": record(
                {},
                {"b64_json": TEXT | {"contentEncoding": "base64"}, "url": TEXT, "revised_prompt": TEXT},
                description="A picture, in the container the model or `response_format` gives.",
            ),
        },
    },
    {"usage": {"type": "object", "description": "The tokens it is charged by, where the model has them."}},
    description="The upstream's answer, whatever it says besides.",
    examples=[
        {
            "created": 1_800_000_012,
            "data": [{"b64_json": DOT}],
            "size": "1024x1024",
            "quality": "low",
            "usage": {"input_tokens": 11, "output_tokens": 196, "total_tokens": 207},
        }
    ],
)
_PART: Final = record(
    {"type": {"enum": sorted(EVENT_TYPES)}, "b64_json": TEXT | {"contentEncoding": "base64"}},
    {"usage": {"type": "object"}, "partial_image_index": COUNT},
    description="A picture of a stream; a completed one with the tokens it is charged by.",
    examples=[{"type": "image_generation.completed", "b64_json": DOT, "usage": {"total_tokens": 207}}],
)
_EVENT: Final = record(
    {"data": TEXT | {"contentMediaType": "application/json", "contentSchema": answer("ImagePart", "Error")}},
    {"event": {"enum": [*sorted(EVENT_TYPES), "error"]}},
    description="One event of a stream; before it and between events there may be comments.",
    examples=[
        {
            "event": "image_generation.completed",
            "data": f'{{"type": "image_generation.completed", "b64_json": "{DOT}"}}',
        }
    ],
)
_REQUEST: Final = record(
    {
        "object": {"const": "image.request"},
        "id": TEXT,
        "status": {"type": "string", "enum": list(get_args(State))},
        "model": TEXT,
        "operation": TEXT,
        "created_at": {"type": "integer"},
        "finished_at": {"type": ["integer", "null"]},
        "seconds": {"type": ["number", "null"]},
        "cost": or_null(DOLLARS),
        "quote": DOLLARS,
        "images": COUNT,
        "result": {
            "type": ["object", "null"],
            "properties": {"kept": {"const": True}, "expires_at": {"type": "integer"}},
            "required": ["kept", "expires_at"],
        },
        "error": {"type": ["object", "null"], "description": "What it was told, as `error` of the envelope."},
        "stages": {"type": "object", "additionalProperties": {"type": "number"}, "description": "Milliseconds."},
        "normalized": _MANY,
    },
    description="How a request stands; times in Unix seconds. What nobody knows yet is null.",
    examples=[
        {
            "object": "image.request",
            "id": _ID,
            "status": "delivered",
            "model": "gpt-image-2",
            "operation": "generations",
            "created_at": 1_800_000_000,
            "finished_at": 1_800_000_012,
            "seconds": 12.345,
            "cost": "0.0412",
            "quote": "0.05",
            "images": 1,
            "result": {"kept": True, "expires_at": 1_800_000_912},
            "error": None,
            "stages": {"forward": 12301.2},
            "normalized": [],
        }
    ],
)
_TAKEN: Final = record(
    {"object": {"const": "image.request"}, "id": TEXT}, examples=[{"object": "image.request", "id": _ID}]
)
_FORGOTTEN: Final = record(
    {"object": {"const": "image.request.deleted"}, "id": TEXT, "deleted": {"const": True}},
    examples=[{"object": "image.request.deleted", "id": _ID, "deleted": True}],
)
_SCOPE: Final[Schema] = {"type": "string", "enum": ["team", "key"]}
_AMOUNT: Final[Schema] = {"type": ["integer", "string"], "description": "A count; of a budget dollars."}
LIMIT_LEFT: Final = record(
    {
        "what": TEXT | {"description": "`budget`, `requests`, `images`, `tokens`, …"},
        "scope": _SCOPE,
        "limit": _AMOUNT,
        "left": _AMOUNT,
        "resets_at": or_null(_MOMENT) | {"description": "When it is whole again; null where it never is."},
    }
)
"""How a limit of key or team stands."""
_QUOTE: Final = record(
    {
        "object": {"const": "image.quote"},
        "operation": TEXT,
        "model": TEXT,
        "images": COUNT,
        "request": {"type": "object", "description": "What would be sent, without prompt and pictures."},
        "normalized": _MANY,
        "cost": record({"highest": DOLLARS, "lowest_estimate": or_null(DOLLARS)}),
        "highest_tokens": COUNT,
        "would_be_refused": {
            "type": "array",
            "items": record(
                {
                    "code": TEXT,
                    "reason": TEXT,
                    "scope": _SCOPE,
                    "message": TEXT,
                    "retry_after_seconds": {"type": ["number", "null"]},
                    "resets_at": or_null(_MOMENT),
                }
            ),
        },
        "left": {
            "type": "array",
            "items": LIMIT_LEFT,
        },
    },
    examples=[
        {
            "object": "image.quote",
            "operation": "generations",
            "model": "gpt-image-2",
            "images": 1,
            "request": {"model": "gpt-image-2", "quality": "low", "size": "1024x1024"},
            "normalized": [],
            "cost": {"highest": "0.005268", "lowest_estimate": "0.004708"},
            "highest_tokens": 273,
            "would_be_refused": [],
            "left": [
                {
                    "what": "budget",
                    "scope": "team",
                    "limit": "25",
                    "left": "24.99",
                    "resets_at": "2026-11-30T23:00:00Z",
                }
            ],
        }
    ],
)
_MODEL: Final = record(
    {"id": TEXT, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": TEXT},
    examples=[{"id": "gpt-image-2", "object": "model", "created": 1_776_729_600, "owned_by": "openai"}],
)
_HEALTH: Final = record({"status": {"const": "ok"}}, examples=[{"status": "ok"}])

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _ERROR,
    "Images": _IMAGES,
    "ImagePart": _PART,
    "ImageStreamEvent": _EVENT,
    "ImageRequest": _REQUEST,
    "TakenRequest": _TAKEN,
    "ForgottenRequest": _FORGOTTEN,
    "ImageQuote": _QUOTE,
    "Model": _MODEL,
    "Health": _HEALTH,
}
"""By name; that of usage is beside it, and that of the catalog is what FastAPI writes of the operator's."""

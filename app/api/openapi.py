"""The hot routes in the OpenAPI document, by hand: they are bare Starlette routes, which FastAPI cannot see."""

from typing import Any, get_args

from fastapi import FastAPI

from app.api.request_documents import LONGEST_WAIT_SECONDS, MOST_LISTED
from app.requests.models import State

_ERROR = {"$ref": "#/components/schemas/Error"}


def _answers(good: dict[str, Any], *statuses: int, later: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a route may answer; ``later`` is its 202."""
    error = {"description": "Refused, in OpenAI's envelope", "content": {"application/json": {"schema": _ERROR}}}
    return {"200": good} | ({"202": later} if later else {}) | {str(status): error for status in statuses}


_TEXT: dict[str, Any] = {"type": "string"}
_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_WORDS: dict[str, Any] = {
    "prompt": _TEXT,
    "model": _TEXT,
    "n": {"type": "integer", "minimum": 1, "maximum": 10},
    "size": _TEXT,
    "quality": _TEXT,
    "output_format": _TEXT,
    "background": _TEXT,
    "response_format": {"type": "string", "enum": ["url", "b64_json"]},
    "stream": {"type": "boolean"},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3},
    "user": _TEXT,
}
"""What most models take; the rest is each model's own (docs/api.md, Parameters by model)."""
_FORM = "multipart/form-data"
_JSON = "application/json"
_MADE = {
    "description": "The pictures and their usage; a stream of events where one was asked for",
    "content": {_JSON: {"schema": {}}, "text/event-stream": {"schema": {}}},
}
_LATER = {
    "description": "To be had later: how the request stands, and where to ask",
    "headers": {"location": {"schema": _TEXT}, "retry-after": {"schema": _TEXT}},
    "content": {_JSON: {"schema": {"$ref": "#/components/schemas/ImageRequest"}}},
}
_WISHES = [
    {"name": name, "in": "header", "required": False, "schema": _TEXT, "description": wish}
    for name, wish in (
        ("Idempotency-Key", "Whatever is sent under it again within a day is the same purchase"),
        ("Prefer", "respond-async: answer at once, with where to fetch the pictures (generations and edits)"),
        ("x-imagegate-heartbeat", "After so many seconds of silence white space, again and again, until the answer"),
    )
]


def _making(operation_id: str, summary: str, bodies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A route that makes pictures."""
    return {
        "post": {
            "operationId": operation_id,
            "summary": summary,
            "security": [{"virtualKey": []}],
            "parameters": _WISHES,
            "requestBody": {"required": True, "content": bodies},
            "responses": _answers(
                _MADE, *(400, 401, 403, 404, 408, 409, 410, 413, 429, 500, 502, 503, 504), later=_LATER
            ),
        }
    }


def _body(required: list[str], **more: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": required, "properties": _WORDS | more}}


_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_FETCHING: list[dict[str, Any]] = [
    {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for its end",
        "schema": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS},
    },
    {
        "name": "view",
        "in": "query",
        "description": "How it stands, rather than its answer",
        "schema": {"type": "string", "enum": ["state"]},
    },
]
_FETCHED: dict[str, Any] = {
    "description": "Delivered: the answer as it was first given, whatever that was. Failed or unknown, or with "
    "view=state: how the request stands",
    "content": _MADE["content"],
}
_REFERENCE = {"type": "object", "properties": {"image_url": _TEXT}, "required": ["image_url"]}
_PATHS: dict[str, Any] = {
    "/v1/images/generations": _making(
        "createImage",
        "Make pictures from a prompt",
        {
            _JSON: _body(["prompt"])
            | {"example": {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}}
        },
    ),
    "/v1/images/edits": _making(
        "createImageEdit",
        "Make pictures from pictures and a prompt",
        {
            _FORM: _body(["prompt", "image"], image={"type": "array", "items": _FILE}, mask=_FILE, markup=_FILE),
            _JSON: _body(["prompt", "images"], images={"type": "array", "items": _REFERENCE}, mask=_REFERENCE),
        },
    ),
    "/v1/images/variations": _making(
        "createImageVariation", "Make pictures like a picture", {_FORM: _body(["image"], image=_FILE)}
    ),
    "/v1/images/quote": {
        "post": {
            "operationId": "quoteImage",
            "summary": "What a request would cost, and whether it would be admitted now; buys nothing",
            "security": [{"virtualKey": []}],
            "requestBody": {
                "required": True,
                "content": {_JSON: _body(["prompt"]), _FORM: _body(["prompt", "image"], image=_FILE)},
            },
            "responses": _answers({"description": "The quote"}, 400, 401, 403, 404, 413, 503),
        }
    },
    "/v1/images/requests": {
        "get": {
            "operationId": "listImageRequests",
            "summary": "What became of the newest requests of this key",
            "security": [{"virtualKey": []}],
            "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED}}
            ],
            "responses": _answers({"description": "A list of requests, the newest first"}, 400, 401, 503),
        }
    },
    "/v1/images/requests/{id}": {
        "get": {
            "operationId": "retrieveImageRequest",
            "summary": "The answer of a request once more, or how the request stands",
            "security": [{"virtualKey": []}],
            "parameters": [_ID, *_FETCHING],
            "responses": _answers(_FETCHED, 400, 401, 404, 410, 503, later=_LATER),
        },
        "delete": {
            "operationId": "forgetImageRequest",
            "summary": "Forget its picture, not its charge",
            "security": [{"virtualKey": []}],
            "parameters": [_ID],
            "responses": _answers({"description": "Forgotten"}, 401, 404, 409, 503),
        },
    },
    "/images/{signature}/{name}": {
        "get": {
            "operationId": "openHostedImage",
            "summary": "A hosted picture, for whoever holds its link",
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in ("signature", "name")
            ],
            "responses": _answers({"description": "The picture, or a range of it (206)"}, 404, 410, 503),
        }
    },
    "/v1/models": {
        "get": {
            "operationId": "listModels",
            "summary": "The models this key may use",
            "security": [{"virtualKey": []}],
            "responses": _answers({"description": "A list of models"}, 401, 503),
        }
    },
    "/v1/models/{model}": {
        "get": {
            "operationId": "retrieveModel",
            "summary": "One model",
            "security": [{"virtualKey": []}],
            "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": _answers({"description": "The model"}, 401, 404, 503),
        }
    },
    "/healthz": {"get": {"summary": "Alive", "responses": {"200": {"description": "It answers"}}}},
    "/readyz": {
        "get": {
            "summary": "Able to serve",
            "responses": {"200": {"description": "Redis answers"}, "503": {"description": "Redis does not"}},
        }
    },
    "/metrics": {
        "get": {
            "summary": "Prometheus metrics; for loopback, or with the metrics token",
            "responses": {"200": {"description": "The scrape"}, "401": {"description": "Neither"}},
        }
    },
}

_MONEY: dict[str, Any] = {"type": "string", "description": "Dollars"}
_REQUEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"const": "image.request"},
        "id": _TEXT,
        "status": {"type": "string", "enum": list(get_args(State))},
        "model": _TEXT,
        "operation": _TEXT,
        "created_at": {"type": "integer"},
        "finished_at": {"type": ["integer", "null"]},
        "seconds": {"type": ["number", "null"]},
        "cost": _MONEY | {"type": ["string", "null"]},
        "quote": _MONEY,
        "images": {"type": "integer"},
        "result": {"type": ["object", "null"]},
        "error": {"type": ["object", "null"]},
        "stages": {"type": "object"},
        "normalized": {"type": "array", "items": _TEXT},
    },
}
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def describe_hot_routes(app: FastAPI) -> None:
    """Add them to what FastAPI writes of its own."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        document["paths"] |= _PATHS
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(Error=_ERROR_SCHEMA, ImageRequest=_REQUEST_SCHEMA)
        components.setdefault("securitySchemes", {})["virtualKey"] = {"type": "http", "scheme": "bearer"}
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document

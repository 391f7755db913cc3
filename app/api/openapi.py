"""The hot routes in the OpenAPI document, by hand: they are bare Starlette routes, which FastAPI cannot see."""

from typing import Any

from fastapi import FastAPI

_ERROR = {"$ref": "#/components/schemas/Error"}


def _answers(good: dict[str, Any], *statuses: int) -> dict[str, Any]:
    error = {"description": "Refused, in OpenAI's envelope", "content": {"application/json": {"schema": _ERROR}}}
    return {"200": good} | {str(status): error for status in statuses}


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


def _making(operation_id: str, summary: str, bodies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A route that makes pictures."""
    return {
        "post": {
            "operationId": operation_id,
            "summary": summary,
            "security": [{"virtualKey": []}],
            "requestBody": {"required": True, "content": bodies},
            "responses": _answers(_MADE, *(400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504)),
        }
    }


def _body(required: list[str], **more: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": required, "properties": _WORDS | more}}


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
        components.setdefault("schemas", {})["Error"] = _ERROR_SCHEMA
        components.setdefault("securitySchemes", {})["virtualKey"] = {"type": "http", "scheme": "bearer"}
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document

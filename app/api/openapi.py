"""The hot routes in the OpenAPI document, by hand: they are bare Starlette routes, which FastAPI cannot see."""

from typing import Any

from fastapi import FastAPI

_ERROR = {"$ref": "#/components/schemas/Error"}


def _answers(good: dict[str, Any], *statuses: int) -> dict[str, Any]:
    error = {"description": "Refused, in OpenAI's envelope", "content": {"application/json": {"schema": _ERROR}}}
    return {"200": good} | {str(status): error for status in statuses}


_PATHS: dict[str, Any] = {
    "/v1/images/generations": {
        "post": {
            "operationId": "createImage",
            "summary": "Make pictures from a prompt",
            "security": [{"virtualKey": []}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["prompt"],
                            "properties": {
                                "prompt": {"type": "string"},
                                "model": {"type": "string"},
                                "n": {"type": "integer", "minimum": 1, "maximum": 10},
                                "size": {"type": "string"},
                                "quality": {"type": "string"},
                            },
                        },
                        "example": {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024"},
                    }
                },
            },
            "responses": _answers(
                {"description": "The pictures and their usage", "content": {"application/json": {"schema": {}}}},
                *(400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504),
            ),
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

"""The public routes that tell something in the OpenAPI document: requests, usage, models, health, hosted pictures."""

from typing import Any, Final

from app.api.openapi_headers import headers
from app.api.openapi_images import JSON, STREAM
from app.api.openapi_refusals import BAD_REQUEST, KEY, refusals
from app.api.openapi_schemas import TEXT, answer, listed
from app.api.request_documents import LONGEST_WAIT_SECONDS, MOST_LISTED
from app.assets.hosted import SHOWN_TYPES, UNKNOWN_TYPE

_KEPT: Final = headers("x-request-id", "x-imagegate-request-status", "x-imagegate-cost")
_BYTES: Final = TEXT | {"format": "binary"}
_PICTURE: Final = {
    media_type: {"schema": _BYTES, "example": "(the bytes of a picture)"}
    for media_type in (*sorted(SHOWN_TYPES), "image/svg+xml", "image/tiff", UNKNOWN_TYPE)
}


def _get(operation_id: str, summary: str, tag: str, responses: dict[str, Any], *parameters: Any) -> dict[str, Any]:
    """A route that is read with a virtual key."""
    route = {"operationId": operation_id, "summary": summary, "tags": [tag], "security": [{"virtualKey": []}]}
    return route | {"parameters": list(parameters), "responses": responses}


def _good(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A 200 in JSON."""
    return {
        "description": description,
        "headers": headers("x-request-id"),
        "content": {JSON: {"schema": schema}},
    }


def _in_path(name: str, description: str, example: str) -> dict[str, Any]:
    schema = TEXT | {"minLength": 1}
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example
    }  # fmt: skip


_LATER: Final = _good("Still to come: how it stands, and where to ask", answer("ImageRequest")) | {
    "headers": headers("x-request-id", "location", "retry-after", "x-imagegate-request-status")
}
_WAIT: Final = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for its end.",
    "schema": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS},
}
_VIEW: Final = {
    "name": "view",
    "in": "query",
    "description": "How it stands, rather than its answer.",
    "schema": {"type": "string", "enum": ["state"]},
}
_LIMIT: Final = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 20},
}

_REQUESTS: Final[dict[str, Any]] = {
    "/v1/images/requests": {
        "get": _get(
            "listImageRequests",
            "What became of the newest requests of this key",
            "requests",
            {"200": _good("The newest first", listed(answer("ImageRequest"))), **refusals(*KEY, *BAD_REQUEST)},
            _LIMIT,
        )
    },
    "/v1/images/requests/{id}": {
        "get": _get(
            "retrieveImageRequest",
            "The answer of a request once more, or how the request stands",
            "requests",
            {
                "200": {
                    "description": "The answer as it was first given; of one that failed, is unknown, or with "
                    "`view=state`, how it stands",
                    "headers": _KEPT,
                    "content": {JSON: {"schema": answer("ImageRequest", "Images")}, **STREAM},
                },
                "202": _LATER,
                **refusals(
                    *KEY,
                    *BAD_REQUEST,
                    "not_found",
                    "result_expired",
                    "rate_limit_exceeded",
                    "overloaded",
                    "image_store_unavailable",
                ),
            },
            _in_path("id", "Its id", "req_0VZ9bWk1A2b3C4d5E6f7"),
            _WAIT,
            _VIEW,
        ),
        "delete": _get(
            "forgetImageRequest",
            "Forget its picture, not its charge",
            "requests",
            {
                "200": _good("Forgotten", answer("ForgottenRequest")),
                **refusals(*KEY, *BAD_REQUEST, "not_found", "conflict", "overloaded", "image_store_unavailable"),
            },
            _in_path("id", "Its id", "req_0VZ9bWk0Z9y8X7w6V5u4"),
        ),
    },
    "/images/{signature}/{name}": {
        "get": {
            "operationId": "openHostedImage",
            "summary": "A hosted picture, for whoever holds its link",
            "tags": ["requests"],
            "security": [],
            "parameters": [
                _in_path("signature", "What opens it", "c2lnbmF0dXJlLW9mLWFuLWV4YW1wbGUtb25seS0wMDA"),
                _in_path("name", "Which picture", "1800003600-0123456789abcdefghijKL.png"),
                {"name": "Range", "in": "header", "description": "One range of bytes.", "schema": TEXT},
                {"name": "If-None-Match", "in": "header", "description": "An earlier `etag`.", "schema": TEXT},
            ],
            "responses": {
                "200": {"description": "The picture", "headers": headers("etag", "x-request-id"), "content": _PICTURE},
                "206": {
                    "description": "The part that was asked for",
                    "headers": headers("etag", "content-range", "x-request-id"),
                    "content": _PICTURE,
                },
                "304": {"description": "The client has it", "headers": headers("etag", "x-request-id")},
                "416": {"description": "No such part", "headers": headers("content-range", "x-request-id")},
                **refusals(
                    *BAD_REQUEST, "not_found", "link_expired", "overloaded", "image_store_unavailable", "internal_error"
                ),
            },
        }
    },
}
_ACCOUNT: Final[dict[str, Any]] = {
    "/v1/usage": {
        "get": _get(
            "showOwnUsage",
            "What this key has used today and this month, and what is left to it",
            "models and usage",
            {
                "200": _good("Its usage and limits", answer("OwnUsage")),
                **refusals(*KEY, "invalid_http", "conflict"),
            },
        )
    },
    "/v1/catalog": {
        "get": _get(
            "showOwnCatalog",
            "The models this key may use, with their prices, operations and parameters",
            "models and usage",
            {"200": _good("Those models of the catalog", answer("CatalogBody")), **refusals(*KEY, "invalid_http")},
        )
    },
    "/v1/models": {
        "get": _get(
            "listModels",
            "The models this key may use",
            "models and usage",
            {"200": _good("A list of models", listed(answer("Model"))), **refusals(*KEY, "invalid_http")},
        )
    },
    "/v1/models/{model}": {
        "get": _get(
            "retrieveModel",
            "One model",
            "models and usage",
            {
                "200": _good("The model", answer("Model")),
                **refusals(*KEY, "invalid_http", "model_not_found"),
            },
            _in_path("model", "Its name", "gpt-image-2"),
        )
    },
}


def _open(operation_id: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    """A route for machines, without a key."""
    route = {"operationId": operation_id, "summary": summary, "tags": ["operation"], "security": []}
    return {"get": route | {"responses": responses | refusals("invalid_http", "internal_error")}}


_READY: Final = {"type": "object", "required": ["status", "redis"], "properties": {"status": TEXT, "redis": TEXT}}
_MACHINES: Final[dict[str, Any]] = {
    "/healthz": _open("showHealth", "Alive", {"200": _good("It answers", answer("Health"))}),
    "/readyz": _open(
        "showReadiness",
        "Able to serve",
        {
            "200": _good("Redis answers", _READY | {"examples": [{"status": "ok", "redis": "ok"}]}),
            "503": _good("Redis does not", _READY | {"examples": [{"status": "unavailable", "redis": "unavailable"}]}),
        },
    ),
    "/metrics": _open(
        "showMetrics",
        "Prometheus metrics; for loopback, or with the metrics token",
        {
            "200": {
                "description": "The scrape",
                "headers": headers("x-request-id"),
                "content": {"text/plain": {"schema": TEXT, "example": "imagegate_in_flight 0.0\n"}},
            },
            **refusals("invalid_api_key", "too_many_failures"),
        },
    ),
}
_MACHINES["/metrics"]["get"]["security"] = [{}, {"metricsToken": []}]

PATHS: Final[dict[str, Any]] = _REQUESTS | _ACCOUNT | _MACHINES
"""By path."""

"""The operator's routes in the OpenAPI document: FastAPI writes what they give, here stands what else may come."""

from copy import deepcopy
from typing import Any, Final

from app.api.openapi_headers import headers
from app.api.openapi_images import ANSWERED
from app.api.openapi_refusals import problems
from app.api.openapi_schemas import TEXT, or_null, record
from app.web.errors import ADMIN_PREFIX

PROBLEM_SCHEMA: Final[dict[str, Any]] = record(
    {
        "type": {"const": "about:blank"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": TEXT | {"description": "Which error it is."},
        "param": or_null(TEXT),
    },
    description="RFC 9457",
)
_ADMIN_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "`IMAGEGATE_ADMIN_TOKEN`, or a token made with it: `sk-ig-admin-<id>-<secret>`.",
}
_ALWAYS: Final = (
    *("invalid_value", "invalid_json", "invalid_http", "invalid_admin_token", "not_found", "conflict"),
    *("too_many_failures", "internal_error", "store_unavailable"),
)
_CHANGES: Final = ("permission_denied", "idempotency_key_reused")
OF_ROUTES: Final = {"openAnswer": ("permission_denied", "result_expired", "image_store_unavailable")}
"""What single routes may say besides."""
_OF_MEDIA_TYPES: Final[dict[str, Any]] = {
    **ANSWERED,
    "text/csv": {"schema": TEXT, "example": "team,day,requests,cost\r\ndesign,2026-11-22,4,0.12\r\n"},
    "application/x-ndjson": {"schema": TEXT, "example": '{"id": "1", "kind": "settle", "cost": "0.0412"}\n'},
}
"""What FastAPI knows nothing of: files, and the answers of image requests."""
PATCHES: Final = {"changeTeam": "NewTeam", "changeKey": "NewKey"}
"""Routes that take a merge patch (RFC 7396), of what is said when such a thing is made."""
_ONCE: Final = ("name", "alias")
"""What cannot be changed later."""


def describe_admin_routes(document: dict[str, Any]) -> None:
    """Say of each route of the operator's door how it is opened and which problems it may answer with."""
    schemas = document["components"]["schemas"]
    for path, routes in document["paths"].items():
        if not path.startswith(ADMIN_PREFIX):
            continue
        for method, route in routes.items():
            _describe(method, route)
            if patched := PATCHES.get(route["operationId"]):
                route["requestBody"]["content"]["application/json"]["schema"] = _patch_of(schemas, patched)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    document["components"]["securitySchemes"]["adminToken"] = _ADMIN_TOKEN


def _describe(method: str, route: dict[str, Any]) -> None:
    route["operationId"] = _operation_id(route["operationId"])
    route["security"] = [{"adminToken": []}]
    route["tags"] = ["operator"]
    answers = route["responses"]
    answers.pop("422", None)  # invalid bodies are a 400 here
    for good in answers.values():
        good["headers"] = headers("x-request-id") | good.get("headers", {})
        for media_type, media in good.get("content", {}).items():
            if not media.get("schema"):
                media.update(_OF_MEDIA_TYPES[media_type])
    codes = _ALWAYS + (() if method == "get" else _CHANGES) + OF_ROUTES.get(route["operationId"], ())
    for status, problem in problems(*codes).items():
        answers.setdefault(status, problem)


def _operation_id(written: str) -> str:
    """FastAPI's ``show_usage_admin_v1_usage_get`` as ``showUsage``, like those of the public door."""
    first, *others = written.partition("_admin_v1_")[0].split("_")
    return first + "".join(word.capitalize() for word in others)


def _patch_of(schemas: dict[str, Any], name: str) -> dict[str, Any]:
    """A reference to what may be said of a thing later: all of it may be absent, and is taken away by null."""
    patch = f"{name.removeprefix('New').removesuffix('Body')}Patch"
    if patch not in schemas:
        schemas[patch] = changed = deepcopy(schemas[name]) | {"title": patch}
        changed.pop("required", None)
        changed["properties"] = {
            member: _loosened(schemas, schema)
            for member, schema in changed["properties"].items()
            if member not in _ONCE
        }
    return {"$ref": f"#/components/schemas/{patch}"}


def _loosened(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A member of a patch: objects are patched too, and everything may be null."""
    choices = schema.get("anyOf", [schema])
    loose = [
        _patch_of(schemas, choice["$ref"].rpartition("/")[2]) if "$ref" in choice else choice
        for choice in choices
        if choice != {"type": "null"}
    ]
    return {"anyOf": [*loose, {"type": "null"}]}

"""The whole OpenAPI document: what FastAPI writes of its own, and everything it cannot see."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

from starlette.routing import BaseRoute, Route

from app.api import openapi_account, openapi_images, openapi_names, openapi_reading, openapi_schemas
from app.api.openapi_admin import describe_admin_routes
from app.api.openapi_examples import Examples
from app.api.openapi_headers import HEADERS, headers
from app.api.openapi_refusals import examples, refusals

_DESCRIPTION: Final = """\
Pictures from one upstream key for a whole team, every picture metered.

The public door is shaped by OpenAI's Images API and opens with a virtual key; its errors are OpenAI's envelope. The
operator's door (`/admin/v1`) opens with an admin token; its errors are problems (RFC 9457). What is said of no route in
particular: a path that does not exist is a 404 `not_found`, a method that a path does not have a 405, and what is no
HTTP/1.1 at all, or has a head of more than 64 KiB, a 400 or 431 `invalid_http` in OpenAI's envelope at either door.
Routes of the public door that are read by GET can be read by HEAD too. Every answer has `x-request-id`, but for those
that are no HTTP; and `x-content-type-options: nosniff`, `referrer-policy: no-referrer` and `x-frame-options: DENY`.
"""
_PATHS: Final = openapi_images.PATHS | openapi_reading.PATHS
_SCHEMAS: Final = openapi_schemas.SCHEMAS | openapi_account.SCHEMAS
_VIRTUAL_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A virtual key: `sk-ig-<team id>-<key id>-<secret>`.",
}
_METRICS_TOKEN: Final = {"type": "http", "scheme": "bearer", "description": "`IMAGEGATE_METRICS_TOKEN`."}


def completed(document: dict[str, Any], routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """FastAPI's document with the bare routes among these, and with all that is said of more than one route."""
    document["info"]["description"] = _DESCRIPTION
    document["paths"] |= _bare_paths(routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(_SCHEMAS)
    components["headers"] = HEADERS
    components["examples"] = examples()
    components["responses"] = _of_no_route()
    components["securitySchemes"] = {"virtualKey": _VIRTUAL_KEY, "metricsToken": _METRICS_TOKEN}
    describe_admin_routes(document)
    made = Examples(schemas, openapi_names.TEXTS, openapi_names.BODIES, openapi_names.PARAMETERS)
    for described in document["paths"].values():
        for route in described.values():
            made.add(route)
            _share_refusals(route, components["responses"])
    return document


def _bare_paths(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """What is written here by hand of the routes that are there."""
    had = {route.path.replace(":path}", "}") for route in routes if isinstance(route, Route)}
    return deepcopy({path: described for path, described in _PATHS.items() if path in had})


def _share_refusals(route: dict[str, Any], shared: dict[str, Any]) -> None:
    """Describe refusals that are alike once, and refer to them: whoever asks for the document need not show a key."""
    for status, answer in route["responses"].items():
        if status >= "400":
            alike = [name for name, found in shared.items() if found == answer]
            name = alike[0] if alike else f"Refused{status}.{len(shared)}"
            shared[name] = answer
            route["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def _of_no_route() -> dict[str, Any]:
    """What is answered where no route is asked."""
    allowed = refusals("method_not_allowed")["405"]
    allowed["headers"] |= headers("allow")
    return {"MethodNotAllowed": allowed, "NoSuchRoute": refusals("not_found")["404"]}

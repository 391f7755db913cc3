"""The OpenAPI document of an application: written when somebody asks for it, because FastAPI cannot see bare routes."""

from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response


def describe_hot_routes(app: FastAPI) -> None:
    """Serve the document of an application: when it is first asked for, with all routes the application has then.

    It is kept as bytes, not written anew for each who asks: no key is needed, and it is long.
    """
    generated, written = app.openapi, b""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            from app.api.openapi_document import completed  # noqa: PLC0415 - a megabyte that few gateways are asked for

            app.openapi_schema = completed(generated(), app.router.routes)
        return app.openapi_schema

    async def show(_: Request) -> Response:
        nonlocal written
        written = written or orjson.dumps(openapi())
        return Response(written, media_type="application/json")

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document
    app.router.add_route("/openapi.json", show, methods=["GET"], include_in_schema=False)

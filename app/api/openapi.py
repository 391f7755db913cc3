"""The OpenAPI document of an application: written when somebody asks for it, because FastAPI cannot see bare routes."""

from typing import Any

from fastapi import FastAPI


def describe_hot_routes(app: FastAPI) -> None:
    """Complete the document of an application; when it is first asked for, with all routes the application has then."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            from app.api.openapi_document import completed  # noqa: PLC0415 - a megabyte that few gateways are asked for

            app.openapi_schema = completed(written(), app.router.routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document

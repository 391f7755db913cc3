"""The application: routes, error handlers, middleware; nothing else."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.admin.guard import AdminGuard
from app.admin.routes import admin_router
from app.api.images import GenerateImages, InFlight
from app.api.models import Models
from app.api.openapi import describe_hot_routes
from app.api.ops import Ops
from app.errors import GatewayError, InvalidRequest, NotFound
from app.web.errors import refusal_body, refusal_headers
from app.web.middleware import RequestIds
from app.wiring import VERSION, Services


def create_app(services: Services) -> FastAPI:
    """A fresh application over open services."""
    settings = services.settings
    app = FastAPI(title="imagegate", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    in_flight = InFlight(settings.max_in_flight)
    generate = GenerateImages(
        services.pipeline, in_flight, max_body_bytes=settings.max_body_bytes, body_seconds=settings.body_seconds
    )
    models = Models(services.keys, services.catalog)
    ops = _ops(services, in_flight)
    app.router.routes[:0] = [
        Route("/v1/images/generations", generate, methods=["POST"]),
        Route("/v1/models", models.list, methods=["GET"]),
        Route("/v1/models/{model:path}", models.one, methods=["GET"]),
        Route("/healthz", ops.healthz, methods=["GET"]),
        Route("/readyz", ops.readyz, methods=["GET"]),
        Route("/metrics", ops.metrics, methods=["GET"]),
    ]
    app.include_router(admin_router(services.accounts, services.usage, services.catalog))
    describe_hot_routes(app)
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
    token = settings.admin_token
    app.add_middleware(AdminGuard, token=token.get_secret_value() if token else None)
    app.add_middleware(RequestIds)
    return app


def _ops(services: Services, in_flight: InFlight) -> Ops:
    metrics, token = services.metrics, services.settings.metrics_token

    def refresh() -> None:
        metrics.in_flight.set(in_flight.number)
        metrics.journal_records.set(services.ledger.journal_length)
        metrics.store_errors.set(services.datastore.errors)

    return Ops(metrics.registry, token.get_secret_value() if token else None, services.datastore.ping, refresh)


async def _gateway_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    headers = [*refusal_headers(error), (b"x-request-id", request.state.request_id.encode())]
    response = Response(refusal_body(error), status_code=error.status)
    response.raw_headers.extend(headers)
    return response


async def _http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, in the envelope."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        told: GatewayError = NotFound(
            f"{request.method} is not allowed on {request.url.path}.", code="method_not_allowed"
        )
    else:
        told = NotFound(f"There is no {request.method} {request.url.path} here.")
    response = await _gateway_error(request, told)
    if status == 405 and isinstance(error, HTTPException):
        response.status_code = status
        response.headers.update(error.headers or {})
    return response


async def _validation_error(request: Request, error: Exception) -> Response:
    """A body or query that does not fit the operator's door; only names and rules are repeated, never values."""
    first: dict[str, Any] = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = [str(part) for part in first.get("loc", ()) if part not in ("body", "query", "path")]
    message = f"{'.'.join(place) or 'The request'}: {first.get('msg', 'invalid')}"
    return await _gateway_error(request, InvalidRequest(message, param=".".join(place) or None))

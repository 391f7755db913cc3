"""The application: routes, error handlers, middleware; nothing else."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.routing import Route

from app.admin.guard import AdminGuard
from app.admin.routes import admin_router
from app.api.images import GenerateImages
from app.api.models import Models
from app.api.openapi import describe_hot_routes
from app.api.ops import Ops
from app.errors import GatewayError
from app.web.door import DoorLimits
from app.web.errors import on_fault, on_gateway_error, on_http_exception, on_invalid_body
from app.web.middleware import RequestIds
from app.wiring import VERSION, Services


def create_app(services: Services) -> FastAPI:
    """A fresh application over open services."""
    settings = services.settings
    app = FastAPI(title="imagegate", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    limits = DoorLimits(settings.max_body_bytes, settings.body_seconds, settings.send_seconds)
    generate = GenerateImages(services.pipeline, limits)
    models = Models(services.keys, services.catalog)
    ops = Ops(services.metrics.registry, _secret(settings.metrics_token), services.datastore.ping)
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
    app.add_exception_handler(GatewayError, on_gateway_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_body)
    app.add_exception_handler(Exception, on_fault)
    app.add_middleware(AdminGuard, token=_secret(settings.admin_token))
    app.add_middleware(RequestIds)
    return app


def _secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None

"""The application: routes, error handlers, middleware; nothing else."""

from collections.abc import Iterator
from functools import partial
from typing import get_args

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.routing import Route

from app.admin.audit import Audit
from app.admin.creates import Creates
from app.admin.day_sums import DaySums
from app.admin.guard import AdminGuard, OwnAddress
from app.admin.live import Replica
from app.admin.reading_routes import Readings
from app.admin.routes import admin_router
from app.api.hosted import ServeImage
from app.api.images import ImageRoute
from app.api.models import Models
from app.api.openapi import describe_hot_routes
from app.api.ops import Ops
from app.api.requests import ListRequests, OneRequest
from app.api.usage import OwnUsage
from app.catalog.order import Operation
from app.console.files import ConsoleFiles
from app.errors import GatewayError
from app.settings.fields import Settings
from app.web.body import BodyLimits
from app.web.errors import on_fault, on_gateway_error, on_http_exception, on_invalid_body
from app.web.hot_routes import HotRoutes
from app.web.middleware import RequestHeads, RouteNames
from app.web.order_reader import OrderLimits, OrderReader
from app.web.paths import CanonicalPaths
from app.web.throttle import Failures, Throttle
from app.wiring.services import Services
from app.wiring.stores import public_url
from app.wiring.version import VERSION


def create_app(services: Services, admin_address: OwnAddress | None = None) -> FastAPI:
    """A fresh application over open services; with ``admin_address`` the operator's door is open there alone."""
    settings = services.settings
    app = FastAPI(title="imagegate", version=VERSION, openapi_url=None, redirect_slashes=False)
    models = Models(services.keys, services.catalog)
    ops = Ops(
        services.metrics.registry, _secret(settings.metrics_token), services.datastore.ping, services.scrape.refresh
    )
    hosted = ServeImage(services.hosted, settings.send_seconds, settings.max_in_flight)
    image_routes = list(_image_routes(services))
    app.router.routes[:0] = [
        *image_routes,
        *_request_routes(services),
        Route("/v1/usage", OwnUsage(services.keys, services.ledger, services.usage).show, methods=["GET"]),
        Route("/v1/catalog", models.catalog, methods=["GET"]),
        Route("/v1/models", models.list, methods=["GET"]),
        Route("/v1/models/{model:path}", models.one, methods=["GET"]),
        Route("/images/{signature}/{name}", hosted, methods=["GET", "HEAD"]),
        Route("/healthz", ops.healthz, methods=["GET"]),
        Route("/readyz", ops.readyz, methods=["GET"]),
        Route("/metrics", ops.metrics, methods=["GET"]),
        *_console_routes(),
    ]
    app.include_router(
        admin_router(
            _readings(services),
            tokens=services.admin_tokens,
            creates=Creates(services.datastore),
            crediting=services.credits,
            replays=services.replays,
            send_seconds=settings.send_seconds,
            base_url=_base_url(settings, has_own_address=admin_address is not None),
        )
    )
    describe_hot_routes(app)
    app.add_exception_handler(GatewayError, on_gateway_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_body)
    app.add_exception_handler(Exception, on_fault)
    app.add_middleware(RouteNames, templates=_templates(app))
    app.add_middleware(AdminGuard, tokens=services.admin_tokens, address=admin_address)
    app.add_middleware(CanonicalPaths)
    # What every request passes stands around FastAPI's own middlewares, so that image requests pass nothing else.
    rest = HotRoutes(app.build_middleware_stack(), {route.path: route.endpoint for route in image_routes})
    guarded = Throttle(rest, failures=Failures(), trusted=settings.trusted_proxies, metrics=services.metrics)
    app.middleware_stack = RequestHeads(guarded, metrics=services.metrics)
    return app


def _image_routes(services: Services) -> Iterator[Route]:
    """The route of each operation, and the one that only asks what it would cost."""
    settings = services.settings
    hosts = settings.image_url_hosts
    limits = OrderLimits(
        words=BodyLimits(settings.max_body_bytes, settings.body_seconds),
        uploads=BodyLimits(settings.max_upload_bytes, settings.upload_seconds),
    )
    reader = OrderReader(services.spool, limits, partial(services.fetcher.open, hosts=hosts) if hosts else None)
    for operation in get_args(Operation):
        endpoint = ImageRoute(services.pipeline.serve, operation, reader, settings.send_seconds)
        yield Route(f"/v1/images/{operation}", endpoint, methods=["POST"])
    quotes = ImageRoute(services.quotes.serve, None, reader, settings.send_seconds)
    yield Route("/v1/images/quote", quotes, methods=["POST"])


def _request_routes(services: Services) -> Iterator[Route]:
    """What became of requests: all of a key, and one."""
    settings = services.settings
    listing = ListRequests(services.keys, services.register)
    one = OneRequest(
        services.keys,
        services.register,
        services.waiter,
        services.replays,
        services.results,
        send_seconds=settings.send_seconds,
        most_at_once=settings.max_in_flight,
        is_stopping=lambda: services.turnstile.is_closed,
    )
    yield Route("/v1/images/requests", listing.list, methods=["GET"])
    yield Route("/v1/images/requests/{id}", one, methods=["GET", "DELETE"])


def _console_routes() -> Iterator[Route]:
    """The console's files; what they ask for is asked at the two doors."""
    files = ConsoleFiles()
    yield Route("/", files.arrive, methods=["GET"])
    yield Route("/console", files.begin, methods=["GET"])
    yield Route("/console/{name:path}", files.serve, methods=["GET"])


def _readings(services: Services) -> Readings:
    """Where the operator's reports are read."""
    replica = Replica(
        VERSION,
        services.catalog.version,
        services.started_at,
        services.places,
        services.ledger,
        services.upstream,
        services.balance,
        services.metrics,
    )
    return Readings(
        services.accounts,
        services.datastore,
        services.usage,
        DaySums(services.usage, services.datastore.replication_ids),
        services.register,
        services.catalog,
        replica,
        Audit(services.datastore),
        services.archived,
    )


def _base_url(settings: Settings, *, has_own_address: bool) -> str | None:
    """What teammates point their SDK at, where that is not simply the address an operator has reached."""
    return f"{public_url(settings)}/v1" if settings.public_url or has_own_address else None


def _templates(app: FastAPI) -> dict[object, str]:
    """The template of each plain route, by its endpoint; FastAPI's own say it themselves."""
    return {route.endpoint: route.path for route in app.router.routes if type(route) is Route}


def _secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None

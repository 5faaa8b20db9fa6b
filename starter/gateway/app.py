"""The application, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.routing import Route
from starlette.types import Scope

from domain.errors import WhistleError
from observability.interceptors import CorrelationInterceptor
from observability.runtime import measured_runtime
from observability.tracing import UNTRACED, Tracing
from settings import Settings
from starter.client import WhistleClient
from starter.gateway import (
    catalogues,
    hooks,
    links,
    notices,
    open311,
    openapi,
    operations,
    problems,
    reading,
    reports,
    stream,
    supervisions,
    webhooks,
    whistles,
)
from starter.gateway.access import AccessLog
from starter.gateway.admission import Admission
from starter.gateway.bodies import BoundedBodies
from starter.gateway.context import Context
from starter.gateway.limits import Limiter
from starter.watching import Watched
from workflows.names import CORRELATION_HEADER

if TYPE_CHECKING:
    from starter.gateway.oidc import Tokens

CONNECTIONS = 24


def create_app(settings: Settings, tracing: Tracing = UNTRACED) -> FastAPI:
    """Make the gateway of these settings; its lifespan opens the way to PostgreSQL and Temporal."""
    app = FastAPI(
        title="吹哨报到 Whistle",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=links.operation_id,
        lifespan=_lifespan,
    )
    context = Context(settings, Limiter(settings.rate_limit), _tokens(settings), tracing=tracing)
    app.state.context = context
    app.add_middleware(Admission, at_once=settings.at_once, refused=_refused)
    app.add_middleware(BoundedBodies, within=settings.read_within, refused=_refused)
    app.add_middleware(AccessLog, measures=context.measures, tracing=tracing, refused=_refused)
    problems.install(app)
    openapi.install(app)
    routers = _routers()
    for router in routers:
        app.include_router(router)
    context.routes = tuple(route for router in routers for route in router.routes if isinstance(route, Route))
    return app


def _tokens(settings: Settings) -> "Tokens | None":
    if settings.oidc_issuer is None:
        return None
    from starter.gateway.oidc import Tokens  # noqa: PLC0415 - its libraries cost every start much

    return Tokens(settings)


def _routers() -> list[APIRouter]:
    own = (whistles, reading, stream, catalogues, reports, supervisions, notices, operations, openapi)
    return [module.router for module in (*own, hooks, webhooks, open311)]


def _refused(scope: Scope, error: WhistleError) -> Response:
    """Refuse a request before any route has it, in the form that its path speaks."""
    request = Request(scope)
    of_standard = request.url.path.startswith(f"{open311.PREFIX}/")
    return open311.answer(request, error) if of_standard else problems.answer(request, error)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: Context = app.state.context
    runtime = measured_runtime(measure=context.settings.metrics)
    watched = Watched(
        runtime=runtime.runtime,
        interceptors=[CorrelationInterceptor(CORRELATION_HEADER, context.tracing)],
        queries=context.tracing.queries,
        commands=context.measures.commands,
    )
    async with WhistleClient.open(context.settings, size=CONNECTIONS, watched=watched) as client:
        context.open(client, runtime)
        following = asyncio.create_task(context.feed.run())
        yield
        context.leave()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

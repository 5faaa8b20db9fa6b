"""The application, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module

from fastapi import FastAPI

from settings import Settings
from starter.client import WhistleClient
from starter.gateway import catalogues, openapi, operations, problems, reading, stream, whistles
from starter.gateway.access import AccessLog
from starter.gateway.bodies import BoundedBodies
from starter.gateway.context import Context
from starter.gateway.limits import Limiter
from starter.gateway.oidc import Tokens

CONNECTIONS = 24


def create_app(settings: Settings) -> FastAPI:
    """Make the gateway of these settings; its lifespan opens the way to PostgreSQL and Temporal."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with WhistleClient.open(settings, size=CONNECTIONS) as client:
            context.open(client)
            app.openapi()
            following = asyncio.create_task(context.feed.run())
            yield
            context.leave()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    app = FastAPI(
        title="吹哨报到 Whistle", version="1", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    context = Context(settings, Limiter(settings.rate_limit), app.openapi, Tokens.configured(settings))
    app.state.context = context
    app.add_middleware(BoundedBodies)
    app.add_middleware(AccessLog, metrics=context.metrics)
    problems.install(app)
    for module in (whistles, reading, stream, catalogues, operations):
        app.include_router(module.router)
    for name in ("hooks", "webhooks", "open311"):
        with suppress(ImportError, AttributeError):
            app.include_router(import_module(f"starter.gateway.{name}").router)
    openapi.install(app)
    context.describe = app.openapi
    return app

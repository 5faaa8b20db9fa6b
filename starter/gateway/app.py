"""The application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module

from fastapi import FastAPI

from settings import Settings
from starter.client import WhistleClient
from starter.gateway import problems
from starter.gateway.context import Context
from starter.gateway.limits import Limiter
from starter.gateway.oidc import Tokens

CONNECTIONS = 20


def create_app(settings: Settings) -> FastAPI:
    """Make the gateway of these settings; its lifespan opens the way to PostgreSQL and Temporal."""
    context = Context(settings, Limiter(settings.rate_limit), Tokens.configured(settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with WhistleClient.open(settings, size=CONNECTIONS) as client:
            context.client = client
            yield
        context.client = None

    app = FastAPI(title="吹哨报到 Whistle", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.context = context
    problems.install(app)
    for name in ("hooks", "webhooks", "open311"):
        with suppress(ImportError, AttributeError):
            app.include_router(import_module(f"starter.gateway.{name}").router)
    return app

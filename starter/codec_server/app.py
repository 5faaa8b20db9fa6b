"""The application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import Scope

from domain.errors import TemporarilyUnavailableError, WhistleError
from observability.tracing import UNTRACED
from settings import Settings
from starter.availability import within_reach
from starter.codec_server import payloads, signing_in
from starter.codec_server.context import CodecContext, Here
from starter.encryption.codec import EncryptingCodec, HeldKeys
from starter.encryption.errors import PayloadKeysInvalidError
from starter.encryption.ring_file import ring_reader
from starter.gateway import problems
from starter.gateway.access import AccessLog
from starter.gateway.bodies import BoundedBodies
from starter.gateway.limits import Limiter
from starter.gateway.oidc import Tokens
from storage.inspection import server_version
from storage.pool import open_pool

CONNECTIONS = 6
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes: what Temporal takes in one call, 4 MB, as base64 and with room."""
_HEADERS = ["Content-Type", "X-Namespace", "Authorization", "Authorization-Extras"]
_MAY_KEEP_S = 600

_health = APIRouter()


def create_app(settings: Settings) -> FastAPI:
    """Make the codec server of these settings; raises PayloadKeysInvalidError, also where there is no key ring."""
    read = ring_reader(settings)
    if read is None:
        raise PayloadKeysInvalidError("the codec server", "there is no key ring: whistle payload-keys add")
    context = CodecContext(
        settings,
        EncryptingCodec(HeldKeys(read)),
        Limiter(settings.rate_limit),
        Tokens(settings) if settings.oidc_issuer else None,
    )
    app = FastAPI(
        title="吹哨报到 codec server",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.context = context
    _guard(app, context)
    problems.install(app)
    routers = (_health, payloads.router, signing_in.router)
    for router in routers:
        app.include_router(router)
    context.routes = tuple(route for router in routers for route in router.routes if isinstance(route, Route))
    return app


def _guard(app: FastAPI, context: CodecContext) -> None:
    settings = context.settings
    app.add_middleware(BoundedBodies, within=settings.read_within, refused=_refused, largest=LARGEST_BODY)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.codec_origins,
        allow_credentials=True,
        allow_methods=["POST"],
        allow_headers=_HEADERS,
        max_age=_MAY_KEEP_S,
    )
    app.add_middleware(AccessLog, measures=context.measures, refused=_refused, tracing=UNTRACED)


@_health.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that this process answers."""
    return {"status": "alive"}


@_health.get("/readyz")
async def readyz(context: Here) -> dict[str, str]:
    """Tell that readers can be known and their reading be written down."""
    if context.leaving.is_set():
        message = "this codec server is leaving"
        raise TemporarilyUnavailableError(message)
    async with within_reach():
        await server_version(context.pool)
    return {"status": "ready"}


def _refused(scope: Scope, error: WhistleError) -> Response:
    return problems.answer(Request(scope), error)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: CodecContext = app.state.context
    async with await open_pool(context.settings.database_dsn or "", size=CONNECTIONS) as pool:
        context.open(pool)
        yield
        context.leave()

"""`/login` for people: an admin's key is shown once, and this browser may read until the session ends.

Temporal's UI cannot send a key of ours; it can send along a cookie ("include cross-origin credentials").
"""

import secrets
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import RefusedError, UnauthenticatedError
from starter.availability import within_reach
from starter.codec_server.context import CodecContext, Here
from starter.codec_server.errors import OriginNotAllowedError
from starter.codec_server.pages import signed_in_page, signing_in_page
from starter.codec_server.readers import (
    COOKIE,
    COOKIE_OF_HTTPS,
    is_own,
    limit_address,
    require_admin,
    session_token,
)
from storage.codec_sessions import end_session, open_session, reader_of
from storage.keys import Principal, principal_of

SESSION_LASTS = timedelta(hours=8)
"""One working day [P]."""
_SEE_OTHER = 303
_HTTPS = "https://"

router = APIRouter()

log = structlog.get_logger("codec_server")


@router.get("/", include_in_schema=False)
async def root() -> Response:
    """Lead people to the page that is for them."""
    return RedirectResponse("login", _SEE_OTHER)


@router.get("/login")
async def show(context: Here, request: Request) -> HTMLResponse:
    """Show who is signed in, or ask for a key."""
    token, origins = session_token(request), context.settings.codec_origins
    here = str(request.base_url).rstrip("/")
    async with within_reach():
        reader = await reader_of(context.pool, token) if token else None
    return HTMLResponse(signed_in_page(reader.name, here, origins) if reader else signing_in_page())


@router.post("/login")
async def sign_in(context: Here, request: Request, key: Annotated[str, Form(max_length=4096)]) -> Response:
    """Open a session for the bearer of an admin's key."""
    origin = _own_origin(request)
    limit_address(context, request)
    try:
        reader, token = await _admitted(context, key.strip()), secrets.token_urlsafe(32)
    except RefusedError as error:
        log.warning("sign_in_refused", problem=error.problem)
        return HTMLResponse(signing_in_page(error.detail), error.status)
    async with within_reach():
        await open_session(context.pool, token, reader.name, key.strip(), SESSION_LASTS)
    log.info("signed_in", reader=reader.name)
    answer = RedirectResponse("login", _SEE_OTHER)
    secure = origin.startswith(_HTTPS)
    answer.set_cookie(
        COOKIE_OF_HTTPS if secure else COOKIE,
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return answer


@router.post("/logout")
async def sign_out(context: Here, request: Request) -> Response:
    """End the session of this browser."""
    secure = _own_origin(request).startswith(_HTTPS)
    if token := session_token(request):
        async with within_reach():
            await end_session(context.pool, token)
    answer = RedirectResponse("login", _SEE_OTHER)
    answer.delete_cookie(COOKIE_OF_HTTPS if secure else COOKIE, httponly=True, samesite="strict", secure=secure)
    return answer


async def _admitted(context: CodecContext, key: str) -> Principal:
    async with within_reach():
        reader = await principal_of(context.pool, key) if key else None
    if reader is None:
        message = "the key is unknown, or was revoked"
        raise UnauthenticatedError(message)
    require_admin(reader)
    return reader


def _own_origin(request: Request) -> str:
    """Give the origin of the page that sends a form; raises OriginNotAllowedError where it is not ours."""
    origin = request.headers.get("origin", "")
    if not is_own(request, origin):
        message = "sign in from the page of this server"
        raise OriginNotAllowedError(message)
    return origin

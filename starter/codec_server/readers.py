"""Who may read: the bearer of an admin's key or token, or a browser in which an admin's key was shown.

A page of another origin than the configured Temporal UIs is refused whoever uses it, and a session counts only for a
request that names its origin: what a browser sends along by itself must not be enough.
"""

import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request

from domain.errors import RoleNotAllowedError, UnauthenticatedError
from domain.vocabulary import Role
from starter.availability import within_reach
from starter.codec_server.context import CodecContext, Here
from starter.codec_server.errors import OriginNotAllowedError
from storage.codec_sessions import reader_of
from storage.keys import Principal, principal_of
from storage.payload_access import Via

COOKIE, COOKIE_OF_HTTPS = "whistle_codec", "__Host-whistle_codec"
_BEARER = "bearer "
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_LONGEST_SECRET = 4096
_HOW = "send Authorization: Bearer KEY of an admin, or sign in at /login from the browser"


class Reader(NamedTuple):
    """Somebody who may read, and how that is known."""

    name: str
    via: Via


async def _reader(context: Here, request: Request) -> Reader:
    origin = request.headers.get("origin")
    if origin is not None and origin not in context.settings.codec_origins and not is_own(request, origin):
        raise OriginNotAllowedError(f"pages of {origin[:200]} may not ask; WHISTLE_CODEC_ORIGINS names those that may")
    found = await _bearer_of(context, request) or (await _signed_in(context, request) if origin else None)
    if found is None:
        limit_address(context, request)
        raise UnauthenticatedError(_HOW)
    principal, via = found
    require_admin(principal)
    context.limiter.hit(f"reader/{principal.name}")
    request.state.caller = "a token" if via is Via.TOKEN else principal.name
    return Reader(principal.name, via)


AdminReader = Annotated[Reader, Depends(_reader)]
"""Who reads; others are refused by name."""


def is_own(request: Request, origin: str) -> bool:
    """Tell whether the page that asks is one of this server's own."""
    return urlsplit(origin).netloc == request.headers.get("host")


def require_admin(principal: Principal) -> None:
    """Refuse everybody but an ADMIN; raises RoleNotAllowedError."""
    if Role.ADMIN not in principal.roles:
        message = f"{principal.name} is no ADMIN: payloads are opened for admins alone"
        raise RoleNotAllowedError(message)


def limit_address(context: CodecContext, request: Request) -> None:
    """Count an attempt of nobody known against its address; raises TooManyRequestsError."""
    context.limiter.hit(f"address/{request.client.host if request.client else '-'}")


def session_token(request: Request) -> str | None:
    """Find the token of a browser's session."""
    token = request.cookies.get(COOKIE_OF_HTTPS) or request.cookies.get(COOKIE)
    return token if token and len(token) <= _LONGEST_SECRET else None


async def _bearer_of(context: CodecContext, request: Request) -> tuple[Principal, Via] | None:
    given = request.headers.get("authorization", "")
    credential = given[len(_BEARER) :].strip()
    if given[: len(_BEARER)].lower() != _BEARER or not credential or len(credential) > _LONGEST_SECRET:
        return None
    if context.tokens and _TOKEN.fullmatch(credential):
        of_token = await context.tokens.principal_of(credential)
        return None if of_token is None else (of_token, Via.TOKEN)
    async with within_reach():
        of_key = await principal_of(context.pool, credential)
    return None if of_key is None else (of_key, Via.KEY)


async def _signed_in(context: CodecContext, request: Request) -> tuple[Principal, Via] | None:
    token = session_token(request)
    if token is None:
        return None
    async with within_reach():
        found = await reader_of(context.pool, token)
    return None if found is None else (found, Via.SESSION)

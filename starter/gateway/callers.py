"""Who calls: the bearer of an API key, or of a token of the configured OIDC issuer."""

import re
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.errors import UnauthenticatedError
from observability.subjects import shown_subject
from starter.availability import within_reach
from starter.gateway.context import Context, Here
from storage.keys import Principal, principal_of

_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
"""A signed token; an API key has no dots."""
_KEY = re.compile(r"[\x21-\x7e]{8,4096}")
_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="An API key of `whistle keys create`, or a token of the issuer."
)


async def identify(context: Context, request: Request, credential: str | None) -> Principal:
    """Find who bears a credential and count the request against its limit, or against the address where there is none.

    Raises UnauthenticatedError, TooManyRequestsError or TemporarilyUnavailableError.
    """
    found = await _bearer_of(context, credential) if credential else None
    if found is None:
        limit_address(context, request)
        message = "the key is unknown, or was revoked" if credential else "send Authorization: Bearer KEY"
        raise UnauthenticatedError(message)
    context.limiter.hit(f"key/{found.name}")
    request.state.caller = shown_subject(found.name)
    return found


def limit_address(context: Context, request: Request) -> None:
    """Count a request of nobody in particular against its address; raises TooManyRequestsError."""
    context.limiter.hit(f"address/{request.client.host if request.client else '-'}")


async def _bearer_of(context: Context, credential: str) -> Principal | None:
    if not _KEY.fullmatch(credential):
        return None
    if context.tokens and _TOKEN.fullmatch(credential):
        return await context.tokens.principal_of(credential)
    async with within_reach():
        return await principal_of(context.door.pool, credential)


async def known_caller(context: Context, request: Request) -> Principal:
    """Identify who calls, once for a request however often it is asked."""
    found = getattr(request.state, "principal", None)
    if not isinstance(found, Principal):
        bearer = await _bearer(request)
        found = await identify(context, request, bearer.credentials if bearer else None)
        request.state.principal = found
    return found


async def _caller(
    context: Here, request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    return await known_caller(context, request)


Caller = Annotated[Principal, Depends(_caller)]
"""Who calls; the request is refused with 401 where nobody known does."""


async def _maybe_caller(
    context: Here, request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal | None:
    if bearer is None:
        limit_address(context, request)
        return None
    return await identify(context, request, bearer.credentials)


MaybeCaller = Annotated[Principal | None, Depends(_maybe_caller)]
"""Who calls, None where no key was sent; a key that is sent must be good."""

"""Who calls, and what a caller may see.

A caller is the bearer of an API key, or of a token of the configured OIDC issuer. The district's own offices see every
whistle; everyone else those to which their organisation is or was a party: its source, the township of the place, the
caller, a responder. Whatever else exists is, for them, not found.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.authority import Request as Move
from domain.authority import authorise, roles_for
from domain.commands import Command
from domain.errors import NotFoundError, RefusedError, UnauthenticatedError
from domain.values import Actor
from domain.vocabulary import Role
from domain.whistle import Whistle
from observability.subjects import shown_subject
from starter.availability import within_reach
from starter.gateway.context import Context, Here
from starter.gateway.oidc import is_token
from storage.keys import Principal, principal_of
from storage.parties import is_party, value_for

DISTRICT_ROLES = frozenset({Role.DISTRICT_PLATFORM, Role.ARBITER, Role.SUPERVISOR, Role.ADMIN})
TOWNSHIP_ROLES = frozenset({Role.TOWNSHIP_CLERK, Role.TOWNSHIP_LEADER, Role.GRID_WORKER})
_KEY = re.compile(r"[\x21-\x7e]{8,4096}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}")
_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="An API key of `whistle keys create`, or a token of the issuer."
)


async def identify(context: Context, request: Request, credential: str | None) -> Principal:
    """Find who bears a credential and count the request against its limit, or against the address where there is none.

    Raises UnauthenticatedError, TooManyRequestsError or TemporarilyUnavailableError.
    """
    found = await _bearer_of(context, credential) if credential else None
    if found is None:
        await limit_address(context, request)
        message = "the key is unknown, or was revoked" if credential else "send Authorization: Bearer KEY"
        raise UnauthenticatedError(message)
    await context.limiter.hit(f"key/{found.name}")
    request.state.caller = shown_subject(found.name)
    return found


async def limit_address(context: Context, request: Request) -> None:
    """Count a request of nobody in particular against its address; raises TooManyRequestsError."""
    await context.limiter.hit(f"address/{request.client.host if request.client else '-'}")


async def _bearer_of(context: Context, credential: str) -> Principal | None:
    if not _KEY.fullmatch(credential):
        return None
    if context.tokens and is_token(credential):
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
        await limit_address(context, request)
        return None
    return await identify(context, request, bearer.credentials)


MaybeCaller = Annotated[Principal | None, Depends(_maybe_caller)]
"""Who calls, None where no key was sent; a key that is sent must be good."""


def sight_of(caller: Principal) -> str | None:
    """Name the organisation whose whistles a caller sees; None sees all."""
    if DISTRICT_ROLES.intersection(caller.roles):
        return None
    return caller.organisation or ""


async def must_see(context: Context, caller: Principal, whistle_id: str) -> None:
    """Raise NotFoundError for a whistle that is not there, or not for this caller; the two are told apart by nobody."""
    if _ID.fullmatch(whistle_id):
        async with within_reach():
            if await is_party(context.door.pool, whistle_id, sight_of(caller)):
                return
    raise not_found(whistle_id)


async def seen(context: Context, caller: Principal, whistle_id: str) -> Whistle:
    """Read a whistle that the caller may see; raises NotFoundError."""
    whistle = None
    if _ID.fullmatch(whistle_id):
        async with within_reach():
            whistle = await value_for(context.door.pool, whistle_id, sight_of(caller))
    if whistle is None:
        raise not_found(whistle_id)
    return whistle


def not_found(whistle_id: str) -> NotFoundError:
    """Say that there is no such whistle for this caller."""
    shown = whistle_id if _ID.fullmatch(whistle_id) else "of that id"
    return NotFoundError(f"there is no whistle {shown} that you may see")


def sees_reporter(caller: Principal, whistle: Whistle) -> bool:
    """Tell whether a caller may read the resident's data: the township concerned, the platform, the source."""
    if Role.DISTRICT_PLATFORM in caller.roles:
        return True
    if TOWNSHIP_ROLES.intersection(caller.roles) and caller.organisation == whistle.township:
        return True
    return caller.organisation is not None and caller.organisation == whistle.source_system


def sees_matter(caller: Principal, whistle: Whistle) -> bool:
    """Tell whether a caller may read what and where: whoever may read the reporter, and those called to the spot."""
    return sees_reporter(caller, whistle) or caller.organisation in {*whistle.responders, whistle.caller}


async def acting(context: Context, caller: Principal, whistle_id: str, command: Command) -> Actor:
    """Choose in which of its roles a caller makes a command: the first that may make it now, else that ever may.

    Who may not even see the whistle is refused by name, as role or organisation say, and learns nothing more of it.
    Raises NotFoundError for a whistle that is not there.
    """
    if not _ID.fullmatch(whistle_id):
        raise not_found(whistle_id)
    if len(caller.roles) == 1:
        return caller.actor
    async with within_reach():
        whistle = await value_for(context.door.pool, whistle_id, None)
    if whistle is None:
        raise not_found(whistle_id)
    for role in caller.roles:
        actor = caller.acting(role)
        if _may(whistle, command, actor):
            return actor
    able = roles_for(command.wire_name())
    return caller.acting(next((role for role in caller.roles if role in able), caller.role))


def _may(whistle: Whistle, command: Command, actor: Actor) -> bool:
    try:
        authorise(whistle, Move(command, actor, datetime.now(UTC)))
    except RefusedError:
        return False
    return True

"""What the bearer of a key may see, and in which of its roles it acts.

The district's own offices see every whistle; everyone else those to which their organisation is or was a party: its
source, the township of the place, the caller, a responder. Whatever else exists is, for them, not found.
"""

import re
from datetime import UTC, datetime

from domain.authority import Request, authorise, roles_for
from domain.commands import Command
from domain.errors import NotFoundError, RefusedError
from domain.notices import SOURCE_PREFIX
from domain.values import Actor
from domain.vocabulary import Role
from domain.whistle import Whistle
from starter.availability import within_reach
from storage.keys import Principal
from storage.parties import is_party, value_for
from storage.pool import Pool

DISTRICT_ROLES = frozenset({Role.DISTRICT_PLATFORM, Role.ARBITER, Role.SUPERVISOR, Role.ADMIN})
TOWNSHIP_ROLES = frozenset({Role.TOWNSHIP_CLERK, Role.TOWNSHIP_LEADER, Role.GRID_WORKER})
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}")


def sight_of(bearer: Principal) -> str | None:
    """Name the organisation whose whistles a bearer sees; None sees all."""
    if DISTRICT_ROLES.intersection(bearer.roles):
        return None
    return bearer.organisation or ""


async def must_see(pool: Pool, bearer: Principal, whistle_id: str) -> None:
    """Raise NotFoundError for a whistle that is not there, or not for this bearer; the two are told apart by nobody."""
    if _ID.fullmatch(whistle_id):
        async with within_reach():
            if await is_party(pool, whistle_id, sight_of(bearer)):
                return
    raise not_found(whistle_id)


async def seen(pool: Pool, bearer: Principal, whistle_id: str) -> Whistle:
    """Read a whistle that the bearer may see; raises NotFoundError."""
    whistle = None
    if _ID.fullmatch(whistle_id):
        async with within_reach():
            whistle = await value_for(pool, whistle_id, sight_of(bearer))
    if whistle is None:
        raise not_found(whistle_id)
    return whistle


def not_found(whistle_id: str) -> NotFoundError:
    """Say that there is no such whistle for this bearer."""
    shown = whistle_id if _ID.fullmatch(whistle_id) else "of that id"
    return NotFoundError(f"there is no whistle {shown} that you may see")


def sees_reporter(bearer: Principal, whistle: Whistle) -> bool:
    """Tell whether a bearer may read the resident's data: the township concerned, the platform, the source."""
    if Role.DISTRICT_PLATFORM in bearer.roles:
        return True
    if TOWNSHIP_ROLES.intersection(bearer.roles) and bearer.organisation == whistle.township:
        return True
    return bearer.organisation is not None and bearer.organisation == whistle.source_system


def sees_matter(bearer: Principal, whistle: Whistle) -> bool:
    """Tell whether a bearer may read what and where: whoever may read the reporter, and those called to the spot."""
    return sees_reporter(bearer, whistle) or bearer.organisation in {*whistle.responders, whistle.caller}


def audiences_of(bearer: Principal, whistle: Whistle) -> tuple[str, ...] | None:
    """Name those whose notices of a whistle a bearer may read: its own; None for all, as township and district may."""
    if sight_of(bearer) is None or (
        TOWNSHIP_ROLES.intersection(bearer.roles) and bearer.organisation == whistle.township
    ):
        return None
    own = bearer.organisation or ""
    return own, f"{SOURCE_PREFIX}{own}"


async def actor_for(pool: Pool, bearer: Principal, whistle_id: str, command: Command) -> Actor:
    """Choose in which of its roles a bearer makes a command: the first that may make it now, else that ever may.

    Who may not even see the whistle is refused by name, as role or organisation say, and learns nothing more of it.
    Raises NotFoundError for a whistle that is not there.
    """
    if not _ID.fullmatch(whistle_id):
        raise not_found(whistle_id)
    if len(bearer.roles) == 1:
        return bearer.actor
    async with within_reach():
        whistle = await value_for(pool, whistle_id, None)
    if whistle is None:
        raise not_found(whistle_id)
    for role in bearer.roles:
        actor = bearer.acting(role)
        if _may(whistle, command, actor):
            return actor
    able = roles_for(command.wire_name())
    return bearer.acting(next((role for role in bearer.roles if role in able), bearer.role))


def _may(whistle: Whistle, command: Command, actor: Actor) -> bool:
    try:
        authorise(whistle, Request(command, actor, datetime.now(UTC)))
    except RefusedError:
        return False
    return True

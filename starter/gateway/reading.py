"""Reading: lists, one whistle, its trail, its private matter, and what awaits the caller."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from domain.authority import allowed
from domain.errors import InvalidError, RoleNotAllowedError
from domain.values import Evidence, Frozen, Place, Reporter
from domain.view import View, view
from domain.vocabulary import Role, State, WhistleKind
from starter.availability import within_reach
from starter.bearers import not_found, seen, sees_matter, sees_reporter, sight_of
from starter.gateway.callers import Caller
from starter.gateway.context import Door, Here
from starter.gateway.inputs import Cursor, Limit, ListOf, Organisation, WhistleId, problems, sequence_of
from starter.gateway.routing import OrderlyRoute
from storage.events import TrailEvent
from storage.lists import WhistleFilter, WhistleRow
from storage.private_views import PrivateView, Shown, note_private_view, private_views
from storage.tasks import Task
from storage.whistles import matter_of, reporter_of

router = APIRouter(route_class=OrderlyRoute)

PAGE = 50
_AUDITORS = frozenset({Role.ADMIN, Role.SUPERVISOR, Role.DISTRICT_PLATFORM})


Q = Annotated[
    str | None,
    Query(max_length=200, description="What the title holds; of four characters or more, also the id or the serial."),
]


class Whistles(ListOf[WhistleRow]):
    """A page of whistles, the newest registered first."""


class Trail(ListOf[TrailEvent]):
    """A page of a whistle's events, in order."""


class PendingTask(Task):
    """Something that awaits the caller; `left_s` is negative once it is late, null where no limit runs."""

    left_s: int | None


class Tasks(ListOf[PendingTask]):
    """A page of tasks, the most pressing first."""


class Matter(Frozen):
    """What was told at registration; `reporter` is null for those who may not see it, and where there is none."""

    whistle_id: str
    description: str
    place: Place
    evidence: tuple[Evidence, ...]
    reporter: Reporter | None


class PrivateViews(ListOf[PrivateView]):
    """A page of who was shown the private part of a whistle, in order."""


class Allowed(Frozen):
    """The commands open to the caller now, by their names in paths."""

    items: tuple[str, ...]
    next_cursor: None = None


@router.get("/v1/whistles", summary="列表 list", tags=["whistles"], responses=problems())
async def list_whistles(
    caller: Caller,
    door: Door,
    *,
    state: State | None = None,
    township: Organisation = None,
    responder: Organisation = None,
    kind: WhistleKind | None = None,
    overdue: bool | None = None,
    q: Q = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Whistles:
    """List the whistles that you may see, the newest registered first."""
    which = WhistleFilter(
        state=state,
        township=township,
        responder=responder,
        kind=kind,
        overdue=overdue,
        q=_printable(q),
        party=sight_of(caller),
    )
    page = await door.whistles(which, cursor=cursor, limit=limit)
    return Whistles(items=page.items, next_cursor=page.next_cursor)


@router.get("/v1/whistles/{whistle_id}", summary="详情 show", tags=["whistles"], responses=problems(404))
async def show_whistle(whistle_id: WhistleId, caller: Caller, context: Here) -> View:
    """Show a whistle as it stands, without personal data."""
    return view(await seen(context.door.pool, caller, whistle_id))


@router.get("/v1/whistles/{whistle_id}/allowed", summary="可办 allowed", tags=["whistles"], responses=problems(404))
async def allowed_commands(whistle_id: WhistleId, caller: Caller, context: Here) -> Allowed:
    """List the commands that are open to you now, on at least one responder where they name one."""
    whistle = await seen(context.door.pool, caller, whistle_id)
    found = {name for role in caller.roles for name in allowed(whistle, caller.acting(role), datetime.now(UTC))}
    return Allowed(items=tuple(sorted(name.replace("_", "-") for name in found)))


@router.get(
    "/v1/whistles/{whistle_id}/events", summary="全程留痕 events", tags=["whistles"], responses=problems(403, 404)
)
async def list_events(
    whistle_id: WhistleId,
    caller: Caller,
    context: Here,
    *,
    private: Annotated[bool, Query(description="With private fields, for those who may see them; noted.")] = False,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Trail:
    """List a whistle's events, gap-free from 1."""
    whistle = await seen(context.door.pool, caller, whistle_id)
    after = sequence_of(cursor)
    if private:
        if not sees_reporter(caller, whistle):
            message = "private fields are for the township concerned, the platform and the source"
            raise RoleNotAllowedError(message)
        await _note(context.door, caller, whistle_id, "events")
    found = await context.door.events(whistle_id, after=after, limit=limit + 1, with_private=private)
    shown = tuple(found[:limit])
    return Trail(items=shown, next_cursor=str(shown[-1].sequence) if len(found) > limit else None)


@router.get(
    "/v1/whistles/{whistle_id}/matter", summary="哨源内容 matter", tags=["whistles"], responses=problems(403, 404)
)
async def show_matter(whistle_id: WhistleId, caller: Caller, context: Here) -> Matter:
    """Show what was told, where, and by whom; each time it is noted who was shown it.

    To the township concerned, the platform and the source; to those called to the spot without the reporter.
    """
    whistle = await seen(context.door.pool, caller, whistle_id)
    if not sees_matter(caller, whistle):
        message = "the matter is for those who handle it"
        raise RoleNotAllowedError(message)
    with_reporter = sees_reporter(caller, whistle)
    await _note(context.door, caller, whistle_id, "matter", *(("reporter",) if with_reporter else ()))
    async with within_reach():
        matter = await matter_of(context.door.pool, whistle_id)
        reporter = await reporter_of(context.door.pool, whistle_id) if with_reporter else None
    if matter is None:
        raise not_found(whistle_id)
    return Matter(whistle_id=whistle_id, **dict(matter), reporter=reporter)


@router.get(
    "/v1/whistles/{whistle_id}/private-views", summary="查阅记录 views", tags=["whistles"], responses=problems(403, 404)
)
async def list_private_views(
    whistle_id: WhistleId, caller: Caller, context: Here, *, cursor: Cursor = None, limit: Limit = PAGE
) -> PrivateViews:
    """List who was shown the private part of a whistle, and when; for the township concerned and the district."""
    whistle = await seen(context.door.pool, caller, whistle_id)
    if not (_AUDITORS.intersection(caller.roles) or caller.organisation == whistle.township):
        message = "who looked is for the township concerned and the district"
        raise RoleNotAllowedError(message)
    async with within_reach():
        found = await private_views(context.door.pool, whistle_id, sequence_of(cursor), limit + 1)
    shown = tuple(found[:limit])
    return PrivateViews(items=shown, next_cursor=str(shown[-1].id) if len(found) > limit else None)


@router.get("/v1/tasks", summary="待办 tasks", tags=["whistles"], responses=problems(403))
async def list_tasks(
    caller: Caller,
    door: Door,
    *,
    role: Annotated[Role | None, Query(description="One of your key's roles; its first where none is said.")] = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Tasks:
    """List what awaits you, the most pressing first, each with the time left."""
    if role is not None and role not in caller.roles:
        raise RoleNotAllowedError(f"{role} is not a role of this key")
    page = await door.tasks(caller.acting(role or caller.role), cursor=cursor, limit=limit)
    now = datetime.now(UTC)
    items = (PendingTask(**dict(task), left_s=_seconds_left(task.due_at, now)) for task in page.items)
    return Tasks(items=tuple(items), next_cursor=page.next_cursor)


def _seconds_left(due_at: datetime | None, now: datetime) -> int | None:
    return None if due_at is None else int((due_at - now).total_seconds())


async def _note(door: Door, caller: Caller, whistle_id: str, *what: Shown) -> None:
    async with within_reach():
        await note_private_view(door.pool, whistle_id, caller.actor, what)


def _printable(text: str | None) -> str | None:
    if text is not None and not text.isprintable():
        raise InvalidError.of("q", "control characters are not allowed")
    return text

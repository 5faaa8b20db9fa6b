"""Gathering one whistle's history: trail and notices from the store, what Temporal told, and private parts by right."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from domain.errors import NotFoundError, RoleNotAllowedError, TemporarilyUnavailableError
from domain.whistle import Whistle
from starter.availability import within_reach
from starter.bearers import audiences_of, sees_reporter
from starter.bundle import Export
from starter.client import WhistleClient
from starter.engine_history import EngineEvent, engine_events
from storage.keys import Principal
from storage.notice_trail import NoticeEntry, whole_notice_trail
from storage.private_views import note_private_view
from storage.trails import WholeTrail, whole_trail

ENGINE_WITHIN = timedelta(seconds=30)


class History(NamedTuple):
    """A trail with what Temporal told beside it; `engine` is None where Temporal was not asked or does not answer."""

    trail: WholeTrail
    engine: Sequence[EngineEvent] | None
    engine_problem: str | None = None
    notices: Sequence[NoticeEntry] = ()


async def gather(
    client: WhistleClient, whistle_id: str, *, with_engine: bool, bearer: Principal | None = None
) -> History:
    """Gather a whistle's history, its notices as far as the bearer may read them; without one, all.

    Temporal being away costs its own part alone. Raises NotFoundError.
    """
    async with within_reach():
        trail = await whole_trail(client.pool, whistle_id)
        if trail is None:
            message = f"there is no whistle {whistle_id}"
            raise NotFoundError(message)
        to = audiences_of(bearer, trail.whistle) if bearer else None
        history = History(trail, None, notices=await whole_notice_trail(client.pool, whistle_id, to))
    if not with_engine:
        return history
    try:
        async with within_reach(ENGINE_WITHIN):
            engine = [event async for event in engine_events(client.temporal, whistle_id)]
    except TemporarilyUnavailableError as error:
        return history._replace(engine_problem=error.detail)
    return history._replace(engine=engine)


async def may_see_private(client: WhistleClient, whistle: Whistle, bearer: Principal) -> None:
    """Note that somebody is about to be shown everything private; raises RoleNotAllowedError for who may not be."""
    if not sees_reporter(bearer, whistle):
        message = "private fields are for the township concerned, the platform and the source"
        raise RoleNotAllowedError(message)
    async with within_reach():
        await note_private_view(client.pool, whistle.whistle_id, bearer.actor, ("matter", "reporter", "events"))


def export_of(history: History, by: str, *, with_private: bool) -> Export:
    """Make an export of a history; its private parts only where they were asked for."""
    private: tuple[dict[str, Any], ...] = ()
    if with_private:
        private = tuple(
            {"sequence": sequence, "part": name, "salt": part.salt, "fields": part.fields}
            for sequence, parts in history.trail.private.items()
            for name, part in parts.items()
            if part.salt
        )
    return Export(
        whistle=history.trail.whistle,
        at=datetime.now(UTC),
        by=by,
        rows=history.trail.rows,
        notices=tuple(notice.model_dump(mode="json") for notice in history.notices),
        engine=tuple(event.model_dump(mode="json") for event in history.engine or ()),
        private=private,
    )

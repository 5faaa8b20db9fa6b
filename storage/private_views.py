"""Who was shown the private part of a whistle: noted before it is shown, append-only."""

from datetime import datetime
from typing import Literal

from domain.values import Actor, Frozen
from storage.commits import actor_of
from storage.pool import Pool

Shown = Literal["matter", "reporter", "events"]

_NOTE = """
insert into private_view (whistle_id, subject, role, organisation, what) select $1, $2, $3, $4, unnest($5::text[])
"""
_OF_WHISTLE = """
select id, at, subject as actor_subject, role as actor_role, organisation as actor_organisation, what
from private_view where whistle_id = $1 and id > $2 order by id limit $3
"""


class PrivateView(Frozen):
    """One time that somebody was shown something."""

    id: int
    at: datetime
    actor: Actor
    what: str


async def note_private_view(pool: Pool, whistle_id: str, actor: Actor, what: tuple[Shown, ...]) -> None:
    """Note what is about to be shown, and to whom."""
    await pool.execute(_NOTE, whistle_id, actor.subject, actor.role, actor.organisation, list(what))


async def private_views(pool: Pool, whistle_id: str, after: int, limit: int) -> list[PrivateView]:
    """List who was shown what of a whistle, in order, after an id."""
    rows = await pool.fetch(_OF_WHISTLE, whistle_id, after, limit)
    return [PrivateView(id=row["id"], at=row["at"], actor=actor_of(row), what=row["what"]) for row in rows]

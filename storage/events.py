"""Reading the audit trail (吹哨全留痕)."""

from datetime import datetime
from typing import Any

import asyncpg
from pydantic import Field

from domain.values import Actor, Frozen
from storage.commits import actor_of
from storage.pool import Pool

_TRAIL = """
select sequence, type, at, actor_subject, actor_role, actor_organisation, command_id, summary, data, hash,
    commitments, null as private
from event where whistle_id = $1 and sequence > $2 order by sequence limit $3
"""
# The private fields stand with the first event that their command left.
_TRAIL_WITH_PRIVATE = """
select e.sequence, e.type, e.at, e.actor_subject, e.actor_role, e.actor_organisation, e.command_id, e.summary, e.data,
    e.hash, e.commitments, case when e.sequence = 1 then (
        select jsonb_build_object('description', m.description, 'evidence', m.evidence, 'place', jsonb_strip_nulls(
            jsonb_build_object('address', m.address, 'lng', m.lng, 'lat', m.lat, 'crs', m.crs)))
        from matter m where m.whistle_id = $1
    ) else p.body end as private
from event e
left join command c on c.whistle_id = $1 and c.command_id = e.command_id and c.first_sequence = e.sequence
left join command_private p
    on p.whistle_id = $1 and p.command_id = c.command_id and p.private_ref = c.content_hash
where e.whistle_id = $1 and e.sequence > $2 order by e.sequence limit $3
"""


_OWN = ("sequence", "type", "at", "command_id", "summary", "data", "commitments", "private")


class TrailEvent(Frozen):
    """One event of the trail; `private` holds its command's private fields where they were asked for."""

    sequence: int
    type: str
    at: datetime
    actor: Actor
    command_id: str
    summary: str
    data: dict[str, Any]
    hash: str = Field(
        description="The seal: SHA-256 over this row and the hash before it, by docs/reference/audit-trail.md."
    )
    commitments: dict[str, str] = Field(
        description="Salted hashes of the private fields that came with it; they vouch for these and outlive them."
    )
    private: dict[str, Any] | None = None


async def trail(
    pool: Pool, whistle_id: str, *, after: int = 0, limit: int = 1000, with_private: bool = False
) -> list[TrailEvent]:
    """List a whistle's events after a sequence, in order; the caller decides who may see private fields."""
    rows = await pool.fetch(_TRAIL_WITH_PRIVATE if with_private else _TRAIL, whistle_id, after, limit)
    return [_event(row) for row in rows]


def _event(row: asyncpg.Record) -> TrailEvent:
    own = {name: row[name] for name in _OWN}
    return TrailEvent(**own, actor=actor_of(row), hash=row["hash"].hex())

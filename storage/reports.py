"""Reading the audit trail for the figures: which whistles a period may concern, and their events in pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import groupby

import asyncpg

from domain.figures.folding import history_of, read_types
from domain.figures.history import History
from domain.figures.periods import Period
from domain.figures.rules import ScoringRules
from domain.figures.tally import EVERY_WHISTLE, Figures, Which, earliest_needed, figures_of
from domain.lifecycle import ENDS
from domain.records import Record, event_of
from domain.vocabulary import State
from storage.commits import actor_of
from storage.pool import Pool

_PAGE = 200
_OPEN = sorted(set(State) - ENDS)
# Every row of a period was decided while its whistle was open: it is open still, or ended since the period began.
_CONCERNED = """
select whistle_id from whistle where state = any($3::text[]) and registered_at < $2
union
select e.whistle_id from event e join whistle w on w.whistle_id = e.whistle_id
where e.type in ('WhistleClosed', 'WhistleMerged', 'WhistleRejected', 'WhistleCancelled')
    and e.at >= $1 and w.registered_at < $2
union
select whistle_id from event where type = 'WhistleBlown' and at >= $4 and at < $2
order by whistle_id
"""
_TRAILS = """
select whistle_id, sequence, type, at, actor_subject, actor_role, actor_organisation, command_id, data
from event where whistle_id = any($1::text[]) and type = any($2::text[]) and at <= $3
order by whistle_id, sequence
"""


async def figures(
    pool: Pool, period: Period, rules: ScoringRules, *, known_at: datetime, which: Which = EVERY_WHISTLE
) -> Figures:
    """Fold what a period holds of these whistles, as of its end or of `known_at` if that is earlier.

    Rows that stood by then carry the corrections found by `known_at`.
    """
    histories = [h async for h in _histories(pool, period, rules, known_at)]
    return await asyncio.to_thread(figures_of, histories, period, rules, which)


def concerned_arguments(period: Period, rules: ScoringRules) -> tuple[object, ...]:
    """Give the parameters of the statement that finds the whistles."""
    return period.start, period.end, _OPEN, earliest_needed(period, rules)


async def _histories(pool: Pool, period: Period, rules: ScoringRules, known_at: datetime) -> AsyncIterator[History]:
    as_of, types = min(period.last_moment, known_at), list(read_types())
    found = [row["whistle_id"] for row in await pool.fetch(_CONCERNED, *concerned_arguments(period, rules))]
    for first in range(0, len(found), _PAGE):
        rows = await pool.fetch(_TRAILS, found[first : first + _PAGE], types, known_at)
        for _, trail in groupby(rows, key=lambda row: row["whistle_id"]):
            history = history_of([_record(row) for row in trail], as_of, known_at)
            if history:
                yield history


def _record(row: asyncpg.Record) -> Record:
    return Record(
        sequence=row["sequence"],
        at=row["at"],
        actor=actor_of(row),
        command_id=row["command_id"],
        event=event_of(row["type"], row["data"]),
    )

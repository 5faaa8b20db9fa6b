"""Frozen scorecards: written once, read for ever; whoever freezes a period has it to himself."""

from datetime import datetime

import asyncpg

from domain.errors import MoveNotAllowedError
from domain.figures.periods import Period, PeriodKind
from domain.figures.scorecard import FrozenScorecard, Scorecard, make_scorecard, rolled_up
from domain.working_time import BEIJING
from storage.accountability import tell_proposals
from storage.pool import Connection, Pool
from storage.reports import figures
from storage.scoring import rules_on

_STANDING = """
select version, reason, content, content_hash, frozen_at from scorecard
where kind = $1 and period = $2 and ($3::integer is null or version = $3) order by version desc limit 1
"""
_VERSIONS = """
select version, reason, content, content_hash, frozen_at from scorecard
where kind = $1 and period = $2 order by version
"""
_LIST = """
select distinct on (kind, period) kind, period, version, reason, edition, as_of, frozen_at
from scorecard order by kind, period desc, version desc
"""
_INSERT = """
insert into scorecard (kind, period, version, reason, edition, as_of, known_at, content, content_hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('scorecard/' || $1, 0))"


async def freeze(
    pool: Pool, period: Period, now: datetime, *, first: bool = True
) -> tuple[FrozenScorecard, bool] | None:
    """Freeze a period by the rules of its beginning, or by those it was frozen with; tells whether a version is new.

    The same figures again change nothing. None where `first` is False and it was never frozen, and for a quarter or
    year that lacks a frozen month. Raises MoveNotAllowedError for a period that has not ended.
    """
    if now < period.end:
        message = f"{period.label} has not ended"
        raise MoveNotAllowedError(message)
    before = await standing(pool, period)
    if before is None and not first:
        return None
    card = await _made(pool, period, before, now)
    return await _stored(pool, period, card) if card else None


async def standing(pool: Pool | Connection, period: Period, version: int | None = None) -> FrozenScorecard | None:
    """Read the last version of a period's scorecard, or the one named."""
    row = await pool.fetchrow(_STANDING, period.kind, period.label, version)
    return _frozen(row) if row else None


async def versions(pool: Pool, period: Period) -> list[FrozenScorecard]:
    """Read every version of a period's scorecard, in order."""
    return [_frozen(row) for row in await pool.fetch(_VERSIONS, period.kind, period.label)]


async def frozen_periods(pool: Pool) -> list[dict[str, object]]:
    """List what is frozen, the last version of each, the newest period first."""
    return [dict(row) for row in await pool.fetch(_LIST)]


async def made_again(pool: Pool, frozen: FrozenScorecard) -> Scorecard | None:
    """Make a version anew from what it was made of, to compare it; a roll-up adds up the months known by then."""
    period = Period.named(frozen.card.period)
    if period.kind is PeriodKind.MONTH:
        return await _month(pool, period, frozen, frozen.card.known_at)
    return await _rollup(pool, period, frozen.frozen_at)


async def _made(pool: Pool, period: Period, before: FrozenScorecard | None, now: datetime) -> Scorecard | None:
    if period.kind is PeriodKind.MONTH:
        return await _month(pool, period, before, now)
    return await _rollup(pool, period, None)


async def _month(pool: Pool, period: Period, before: FrozenScorecard | None, known_at: datetime) -> Scorecard:
    day = period.start.astimezone(BEIJING).date()
    rules = before.card.rules if before else await rules_on(pool, day)
    found = await figures(pool, period, rules, known_at=known_at)
    return make_scorecard(found, period, rules, as_of=period.end, known_at=known_at)


async def _rollup(pool: Pool, period: Period, by: datetime | None) -> Scorecard | None:
    cards = []
    for month in period.months:
        known = [one for one in await versions(pool, month) if by is None or one.frozen_at <= by]
        if not known:
            return None
        cards.append(known[-1].card)
    return rolled_up(cards, period)


async def _stored(pool: Pool, period: Period, card: Scorecard) -> tuple[FrozenScorecard, bool]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_ONE_AT_A_TIME, period.label)
        last = await standing(connection, period)
        if last and last.card.content_hash == card.content_hash:
            return last, False
        await connection.execute(
            _INSERT,
            card.kind,
            card.period,
            last.version + 1 if last else 1,
            "CORRECTION" if last else "FIRST",
            card.rules.edition,
            card.as_of,
            card.known_at,
            card.model_dump(mode="json"),
            card.content_hash,
        )
        proposed_before = last.card.to_account if last else ()
        await tell_proposals(connection, card, (one for one in card.to_account if one not in proposed_before))
        stored = await standing(connection, period)
    if stored is None:
        raise RuntimeError
    return stored, True


def _frozen(row: asyncpg.Record) -> FrozenScorecard:
    return FrozenScorecard(
        version=row["version"],
        reason=row["reason"],
        frozen_at=row["frozen_at"],
        card=Scorecard.model_validate(row["content"]),
    )

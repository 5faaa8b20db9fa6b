"""The sweep's own books: its runs, what they found, and what became of it."""

from collections.abc import Sequence
from datetime import datetime

from domain.compliance import Fault, FaultKind, SweepRun
from domain.duty import ADMINISTRATORS
from domain.notice_templates import COMPLIANCE
from domain.values import Frozen
from storage.pool import Connection, Pool

_BEGIN = "insert into compliance_run (run_id, scheduled_at) values ($1, $2) on conflict (run_id) do nothing"
# From the last one that came to its end on, at most a day's.
_BEFORE = """
with this as (select started_at from compliance_run where run_id = $1)
select run_id, started_at, finished_at from compliance_run
where started_at < (select started_at from this) and started_at >= coalesce((
    select started_at from compliance_run where finished_at is not null and started_at < (select started_at from this)
    order by started_at desc limit 1
), '-infinity')
order by started_at desc limit 288
"""
_NOTE = """
insert into compliance_finding as f (kind, subject, detail, first_run, last_run)
select kind, subject, detail, $1, $1 from unnest($2::text[], $3::text[], $4::text[]) as t (kind, subject, detail)
on conflict (kind, subject) where resolved_at is null do update
set detail = excluded.detail, last_run = $1, last_found_at = clock_timestamp(), times = f.times + 1
where f.last_run <> $1
"""
_OF_RUN = """
select id, kind, subject, times from compliance_finding
where last_run = $1 and resolved_at is null and id > $2 order by id limit $3
"""
_HEALED = "update compliance_finding set healed_at = clock_timestamp(), last_error = null where id = any($1::bigint[])"
_NOT_HEALED = "update compliance_finding set last_error = $2 where id = $1"
_RESOLVE = "update compliance_finding set resolved_at = clock_timestamp() where resolved_at is null and last_run <> $1"
_COUNTS = """
select kind, count(*) as count from compliance_finding where last_run = $1 and resolved_at is null group by kind
"""
_TO_ALERT = """
update compliance_finding f set alerted_at = clock_timestamp()
from unnest($2::text[], $3::integer[]) as p (kind, patience)
where f.last_run = $1 and f.resolved_at is null and f.alerted_at is null and f.kind = p.kind and f.times >= p.patience
returning f.kind, f.subject, f.detail
"""
# Every notice hangs on a whistle: what concerns none, on the newest. Before the first, log and doctor alone tell.
_ALERT = """
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, template, fields)
select whistle_id, sequence, 'ComplianceAlert', $1, false, split_part($2::text, E'\\n', 1), $3,
    jsonb_build_object('text', $2::text)
from whistle where whistle_id = coalesce(
    (select whistle_id from whistle where whistle_id = any($4::text[]) limit 1),
    (select whistle_id from whistle order by registered_at desc, whistle_id desc limit 1)
)
"""
_FINISH = """
update compliance_run set finished_at = clock_timestamp(), checked = $2, found = $3, healed = $4 where run_id = $1
"""
_LAST = "select run_id, started_at, finished_at from compliance_run order by started_at desc limit 1"
_ALARMING = """
select kind, subject, detail from compliance_finding
where resolved_at is null and alerted_at is not null order by alerted_at, id limit $1
"""
_FOUND = """
select kind, subject, detail, found_at, times, healed_at, last_error, resolved_at from compliance_finding
where ($1::text is null or kind = $1) and ($2 or resolved_at is null) order by found_at desc, id desc limit $3
"""
_LISTED = 20


class Ran(Frozen):
    """One run as it was recorded."""

    run_id: str
    started_at: datetime
    finished_at: datetime | None = None


class Found(Frozen):
    """A finding that a remedy may be applied to."""

    id: int
    kind: FaultKind
    subject: str
    times: int


class Finding(Frozen):
    """A finding as it is on record."""

    kind: FaultKind
    subject: str
    detail: str
    found_at: datetime
    times: int
    healed_at: datetime | None = None
    last_error: str | None = None
    resolved_at: datetime | None = None


async def begin_run(pool: Pool, run: SweepRun) -> list[Ran]:
    """Record that a run began, once; gives those before it, the newest first, back to the last that came to its end."""
    await pool.execute(_BEGIN, run.run_id, run.scheduled_at)
    return [Ran(**row) for row in await pool.fetch(_BEFORE, run.run_id)]


async def note(pool: Pool, run_id: str, faults: Sequence[Fault]) -> None:
    """Record faults, each once while it stands; idempotent within a run."""
    unique = {(fault.kind, fault.subject): fault for fault in faults}
    if unique:
        columns = zip(*((f.kind, f.subject, f.detail) for f in unique.values()), strict=True)
        await pool.execute(_NOTE, run_id, *map(list, columns))


async def findings_of(pool: Pool, run_id: str, after: int, limit: int) -> list[Found]:
    """List what a run found, by id."""
    return [Found(**row) for row in await pool.fetch(_OF_RUN, run_id, after, limit)]


async def mark_healed(pool: Pool, ids: list[int]) -> None:
    """Note that the remedy was applied."""
    await pool.execute(_HEALED, ids)


async def mark_not_healed(pool: Pool, finding_id: int, error: str) -> None:
    """Note why the remedy could not be applied."""
    await pool.execute(_NOT_HEALED, finding_id, error)


async def finish_run(pool: Pool, run_id: str, *, checked: int, healed: int) -> tuple[dict[FaultKind, int], list[Fault]]:
    """Close a run: what it did not see again is resolved, and what stood too long is put into an alert, once.

    Gives its findings by kind and those that the alert names.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_RESOLVE, run_id)
        found = {FaultKind(row["kind"]): int(row["count"]) for row in await connection.fetch(_COUNTS, run_id)}
        raised = await _raise_alerts(connection, run_id)
        if raised:
            text = alert_text(raised)
            await connection.execute(_ALERT, ADMINISTRATORS, text, COMPLIANCE, [fault.subject for fault in raised])
        await connection.execute(_FINISH, run_id, checked, sum(found.values()), healed)
    return found, raised


async def last_run(pool: Pool) -> Ran | None:
    """Read the latest run, finished or not."""
    row = await pool.fetchrow(_LAST)
    return Ran(**row) if row else None


async def alarming(pool: Pool, limit: int = 500) -> list[Fault]:
    """List what stands and was put into an alert, the oldest first."""
    return [Fault(**row) for row in await pool.fetch(_ALARMING, limit)]


async def findings(
    pool: Pool, kind: FaultKind | None = None, *, resolved: bool = False, limit: int = 500
) -> list[Finding]:
    """List what stands, and on demand what was resolved, the newest first."""
    return [Finding(**row) for row in await pool.fetch(_FOUND, kind, resolved, limit)]


def alert_text(faults: Sequence[Fault]) -> str:
    """Write an alert: codes and references alone."""
    lines = [f"{fault.kind.label}:{fault.subject}({fault.detail})" for fault in faults[:_LISTED]]
    more = len(faults) - len(lines)
    return "\n".join([f"巡查发现 {len(faults)} 项需人工处理", *lines, *([f"……另有 {more} 项"] if more else [])])


async def _raise_alerts(connection: Connection, run_id: str) -> list[Fault]:
    patience = [(kind.value, kind.patience) for kind in FaultKind if kind.patience]
    kinds, runs = zip(*patience, strict=True)
    return [Fault(**row) for row in await connection.fetch(_TO_ALERT, run_id, list(kinds), list(runs))]

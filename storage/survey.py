"""The figures of this moment that admins watch: one statement, by index, over what is open and never over history."""

from datetime import timedelta
from enum import StrEnum

from domain.clocks import WINDOWS
from domain.lifecycle import OPEN
from domain.values import Frozen
from storage.pool import Pool

FAILED_WITHIN = timedelta(hours=24)
"""How long a notice that failed for good is counted."""
MOST = 100_000
"""Beyond so many of one kind a count stops: nobody needs to know better, and a scrape stays cheap."""


class Figure(StrEnum):
    """What is counted, or measured in seconds."""

    OPEN = "OPEN"
    OVERDUE = "OVERDUE"
    STRIKES_DUE = "STRIKES_DUE"
    STRIKES_DUE_FOR_S = "STRIKES_DUE_FOR_S"
    UNSTARTED = "UNSTARTED"
    OUTBOX = "OUTBOX"
    OUTBOX_FOR_S = "OUTBOX_FOR_S"
    NOTICES_PENDING = "NOTICES_PENDING"
    NOTICES_PENDING_FOR_S = "NOTICES_PENDING_FOR_S"
    NOTICES_FAILED = "NOTICES_FAILED"
    WEBHOOK_COMMITS = "WEBHOOK_COMMITS"
    WEBHOOK_DELIVERIES = "WEBHOOK_DELIVERIES"
    FINDINGS = "FINDINGS"
    SWEEP_STARTED_AT = "SWEEP_STARTED_AT"
    SWEEP_FINISHED_AT = "SWEEP_FINISHED_AT"


class Count(Frozen):
    """One figure; `first` and `second` say of what, where there are several."""

    figure: Figure
    first: str
    second: str
    value: float


_OPEN_STATES = sorted(state.value for state in OPEN)
_BIND_NOBODY = sorted(phase.value for phase in WINDOWS)

# Every branch stops after $3 rows. The clocks that are late are few while all is well; those that run are as many as
# what is open. The catalogue bounds the names of organisations.
_SURVEY = """
with open as (
    select s.state, n.count from unnest($1::text[]) as s (state) cross join lateral (
        select count(*) from (select from whistle w where w.state = s.state limit $3) as w
    ) as n
), overdue as (
    select coalesce(o.code, 'other') as organisation, c.phase, count(*) from (
        select organisation, phase from clock where due_at < now() and phase <> all($2::text[]) limit $3
    ) as c
    left join organisation o on o.code = c.organisation
    group by 1, 2
), due as (
    select count(*), extract(epoch from now() - min(next_strike_at)) as for_s
    from (select next_strike_at from clock where next_strike_at < now() order by next_strike_at limit $3) as c
), outbox_waiting as (
    select count(*), extract(epoch from now() - min(created_at)) as for_s
    from (select created_at from outbox where delivered_at is null order by urgent desc, id limit $3) as o
), notices as (
    select channel, count(*), extract(epoch from now() - min(created_at)) as for_s
    from (select channel, created_at from notice_delivery where due_at is not null limit $3) as d
    group by channel
), failed as (
    select channel, count(*) from notice_delivery
    where state = 'FAILED' and settled_at > now() - $4::interval group by channel
), told as (
    select count(*) from (select from webhook_commit limit $3) as c
), deliveries as (
    select case when due_at <= now() then 'due' else 'waiting' end as state, count(*)
    from (select due_at from webhook_delivery where due_at is not null limit $3) as d
    group by 1
), findings as (
    select kind, count(*) from compliance_finding where resolved_at is null group by kind
), unstarted as (
    select count(*) from (select from whistle where started_at is null limit $3) as w
), begun as (
    select extract(epoch from max(started_at)) as at from compliance_run
), finished as (
    select extract(epoch from finished_at) as at from compliance_run
    where finished_at is not null order by started_at desc limit 1
)
select figure, first, second, value::double precision from (
    select 'OPEN' as figure, state as first, '' as second, count as value from open
    union all select 'OVERDUE', organisation, phase, count from overdue
    union all select 'STRIKES_DUE', '', '', count from due
    union all select 'STRIKES_DUE_FOR_S', '', '', coalesce(for_s, 0) from due
    union all select 'UNSTARTED', '', '', count from unstarted
    union all select 'OUTBOX', '', '', count from outbox_waiting
    union all select 'OUTBOX_FOR_S', '', '', coalesce(for_s, 0) from outbox_waiting
    union all select 'NOTICES_PENDING', channel, '', count from notices
    union all select 'NOTICES_PENDING_FOR_S', channel, '', for_s from notices
    union all select 'NOTICES_FAILED', channel, '', count from failed
    union all select 'WEBHOOK_COMMITS', '', '', count from told
    union all select 'WEBHOOK_DELIVERIES', state, '', count from deliveries
    union all select 'FINDINGS', kind, '', count from findings
    union all select 'SWEEP_STARTED_AT', '', '', at from begun where at is not null
    union all select 'SWEEP_FINISHED_AT', '', '', at from finished
) as counted
"""


async def survey(pool: Pool) -> list[Count]:
    """Count what stands open, waits and is late now; raises asyncpg's errors."""
    rows = await pool.fetch(_SURVEY, *survey_arguments())
    return [Count(**row) for row in rows]


def survey_arguments() -> tuple[list[str], list[str], int, timedelta]:
    """Give the parameters of the statement."""
    return _OPEN_STATES, _BIND_NOBODY, MOST, FAILED_WITHIN

"""Scorecards once more by plain SQL over the audit trail, as anybody may ask it: the same numbers over random lives."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings

from domain.figures.periods import Period
from domain.figures.scorecard import Scorecard
from domain.figures.tally import Rate, rates_of
from domain.figures.words import Figure, Side
from storage.pool import Pool
from storage.reports import figures
from storage.scorecards import freeze
from storage.scoring import shipped_rules
from tests.integration.reports.archive import keep
from tests.life import Life
from tests.random_lives import lives

KNOWN_AT = datetime(2029, 1, 1, tzinfo=UTC)
LONG = timedelta(days=90)
"""Until every limit that still runs has struck."""
CALLBACKS = """
select count(*) filter (where (data ->> 'solved')::boolean) as solved,
    count(*) filter (where data ->> 'solved' is not null) as solved_of,
    count(*) filter (where data ->> 'satisfaction' in ('SATISFIED', 'FAIR')) as satisfied,
    count(*) filter (where data ->> 'satisfaction' is not null) as satisfied_of
from event where type = 'CallbackMade' and (data ->> 'counts')::boolean and (data ->> 'reached')::boolean
    and at >= $1 and at < $2
"""
CALLS = """
select r ->> 'responder' as responder, count(*) as calls
from event, jsonb_array_elements(data -> 'responders') r
where type = 'RespondersNotified' and at >= $1 and at < $2 group by 1
"""
BLOWN = """
select count(*) as blown,
    count(*) filter (where exists (select from event r where r.whistle_id = b.whistle_id and r.type = 'WhistleReturned'
        and r.at < $2)) as returned,
    count(*) filter (where exists (select from event r where r.whistle_id = b.whistle_id
        and r.type = 'WhistleCancelled' and r.at < $2)) as cancelled
from (select whistle_id, min(at) as at from event where type = 'WhistleBlown' group by whistle_id) b
where b.at >= $1 and b.at < $2
"""
# A default evaluation counts where its limit passed, however late the engine struck it.
EVALUATED = """
select count(*) from (
    select case when (e.data ->> 'by_default')::boolean then least(e.at, (
        select (c.data -> 'evaluate' ->> 'due_at')::timestamptz from event c
        where c.whistle_id = e.whistle_id and c.type = 'CheckPassed' and c.sequence < e.sequence
        order by c.sequence desc limit 1
    )) else e.at end as at
    from event e, jsonb_array_elements_text(e.data -> 'responders') r where e.type = 'RespondersEvaluated'
) as evaluated
where at >= $1 and at < $2
"""
# By the marks of the engine, which the figures do not read: who was called, came in time, or was marked as late.
ARRIVALS = """
with part as (
    select d.whistle_id, r ->> 'responder' as responder, d.sequence as begins, lead(d.sequence, 1, 2147483647)
        over (partition by d.whistle_id, r ->> 'responder' order by d.sequence) as ends
    from event d, jsonb_array_elements(d.data -> 'responders') r
    where d.type = 'RespondersNotified' and d.data ? 'arrive'
), said as (
    select p.*, e.sequence, e.type, e.data from part p join event e
        on e.whistle_id = p.whistle_id and e.sequence >= p.begins and e.sequence < p.ends
        and (e.data ->> 'responder' = p.responder or e.data -> 'responders' ? p.responder)
), came as (
    select distinct on (whistle_id, responder, begins) whistle_id, responder, begins,
        (data ->> 'arrived_at')::timestamptz as arrived_at, coalesce((data ->> 'late_by_s')::integer, 0) as late_by_s
    from said a
    where type = 'ResponderArrived' and not exists (
        select from said b where (b.whistle_id, b.responder, b.begins) = (a.whistle_id, a.responder, a.begins)
            and b.type = 'ArrivalRejected' and b.sequence > a.sequence)
    order by whistle_id, responder, begins, sequence desc
), told as (
    select p.whistle_id, p.responder, p.begins,
        max(s.sequence) filter (where s.type = 'RespondersEvaluated') as evaluated,
        bool_or(s.type = 'OverdueMarked') as marked,
        bool_or(s.type = 'ObjectionUpheld') as not_theirs,
        bool_or(s.type = 'RespondersWithdrawn') as withdrawn
    from part p left join said s using (whistle_id, responder, begins) group by 1, 2, 3
), judged as (
    select t.*, arrived_at, arrived_at is not null and (late_by_s = 0 or exists (
            select from said s where (s.whistle_id, s.responder, s.begins) = (t.whistle_id, t.responder, t.begins)
                and s.type = 'ExtensionGranted' and s.data ->> 'phase' = 'ARRIVAL'
                and (s.data -> 'deadline' ->> 'due_at')::timestamptz >= arrived_at
        )) as in_time,
        exists (
            select from event made, lateral (
                select a.data from event a where a.whistle_id = made.whistle_id and a.type = 'AppealDecided'
                    and a.data ->> 'responder' = t.responder and a.sequence > made.sequence order by a.sequence limit 1
            ) as decided
            where made.whistle_id = t.whistle_id and made.type = 'AppealMade'
                and made.data ->> 'responder' = t.responder and (decided.data ->> 'upheld')::boolean and t.evaluated = (
                    select max(o.evaluated) from told o where (o.whistle_id, o.responder) = (t.whistle_id, t.responder)
                        and o.evaluated < made.sequence)
        ) as appealed,
        exists (select from event f where f.whistle_id = t.whistle_id and f.type = 'RatificationRefused') as false_alarm
    from told t left join came using (whistle_id, responder, begins)
)
select responder, count(*) filter (where in_time) as in_time, count(*) as called from judged
where (in_time or marked) and not (coalesce(not_theirs, false) or appealed or false_alarm
    or coalesce(withdrawn, false) and arrived_at is null)
group by responder
"""


async def test_scorecards_of_random_lives_are_those_of_plain_queries(pool: Pool):
    """Every month frozen, and quarter and year that follow; arrivals by the marks that the engine made at the time."""
    for number, life in enumerate(some_lives()):
        life.wait(LONG)
        await keep(pool, life, whistle_id=f"12345:{number}")
    months = [Period.named(f"{2026 + n // 12}-{n % 12 + 1:02d}") for n in range(24)]
    for period in (*months, Period.named("2026-Q4"), Period.named("2026"), Period.named("2027")):
        made = await freeze(pool, period, KNOWN_AT)
        assert made is not None
        await compare(pool, period, made[0].card)
    ever = Period.named("2026").model_copy(update={"end": KNOWN_AT})
    found = await figures(pool, ever, shipped_rules(), known_at=KNOWN_AT)
    counted = rates_of(found.rows, Figure.ARRIVAL, Side.RESPONDER)
    assert {n: (r.numerator, r.denominator) for n, r in counted.items() if r.denominator} == {
        row["responder"]: (row["in_time"], row["called"]) for row in await pool.fetch(ARRIVALS)
    }


def some_lives() -> list[Life]:
    """Forty random lives that begin around the turn of the year and of a month."""
    found: list[Life] = []

    @settings(
        max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
    )
    @given(lives(steps=20))
    def live(life: Life) -> None:
        found.append(life)

    live()
    return found


async def compare(pool: Pool, period: Period, card: Scorecard) -> None:
    """Ask plain SQL what a scorecard says."""
    bounds = (period.start, period.end)
    callbacks = await pool.fetchrow(CALLBACKS, *bounds)
    blown = await pool.fetchrow(BLOWN, *bounds)
    assert callbacks is not None
    assert blown is not None
    solved, satisfied = of_townships(card, Figure.SOLVED), of_townships(card, Figure.SATISFIED)
    counted = (solved.numerator, solved.denominator, satisfied.numerator, satisfied.denominator)
    assert counted == tuple(callbacks.values())
    if len(period.months) == 1:
        # A roll-up adds up what its months knew at their ends; the query knows the end of the whole.
        assert of_townships(card, Figure.EFFECTIVE).denominator == blown["blown"]
        assert of_townships(card, Figure.RETURNED).numerator == blown["returned"]
        assert of_townships(card, Figure.CANCELLED).numerator == blown["cancelled"]
    calls = {row["responder"]: row["calls"] for row in await pool.fetch(CALLS, *bounds)}
    assert {one.organisation: one.demand.calls for one in card.responders if one.demand.calls} == calls
    scored = sum(one.score.rows + sum(one.score.excluded.values()) for one in card.responders)
    assert scored == await pool.fetchval(EVALUATED, *bounds)


def of_townships(card: Scorecard, figure: Figure) -> Rate:
    """A rate over all townships of a card."""
    return sum((one.rates.get(figure, Rate()) for one in card.townships), Rate())

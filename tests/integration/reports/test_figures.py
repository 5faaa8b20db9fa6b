"""The figures as PostgreSQL holds them: the same by plain SQL, frozen once, corrected by versions."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

import catalogues
from domain.errors import InvalidError, MoveNotAllowedError
from domain.figures.periods import Period
from domain.figures.reports import ReportName
from domain.figures.tally import Figures
from starter.reports.asking import Asked, ask
from storage.pool import Connection, Pool, open_pool
from storage.reports import _CONCERNED, concerned_arguments, figures
from storage.scorecards import freeze, frozen_periods, made_again, versions
from storage.scoring import import_scoring, rules_on, shipped_rules
from tests.conftest import Database, fresh_database
from tests.integration.reports.archive import keep
from tests.integration.test_indexes import MANY, PATIENCE_S
from tests.life import Life

NOVEMBER = Period.named("2026-11")
JANUARY = datetime(2027, 1, 2, tzinfo=UTC)


def closed(number: int, *responders: str) -> Life:
    """A whistle of its own, closed in November."""
    return Life(external_id=str(number)).closed(*responders)


async def november(pool: Pool, known_at: datetime = JANUARY) -> Figures:
    """All of November."""
    return await figures(pool, NOVEMBER, shipped_rules(), known_at=known_at)


async def test_a_month_is_frozen_once_and_again_is_the_same(pool: Pool):
    """Whoever runs it, however often, at once or later."""
    await keep(pool, closed(1, "water", "police"))
    done = await asyncio.gather(*(freeze(pool, NOVEMBER, JANUARY) for _ in range(5)))
    assert sorted(changed for one in done if one for changed in [one[1]]) == [False] * 4 + [True]
    again = await freeze(pool, NOVEMBER, JANUARY + timedelta(days=30))
    assert again is not None
    assert (again[0].version, again[1]) == (1, False)


async def test_a_correction_makes_a_version_and_overwrites_nothing(pool: Pool):
    """A successful appeal; both versions can be made anew from the trail."""
    life = Life(external_id="1", now=datetime(2026, 11, 26, 2, tzinfo=UTC)).closed("water", "police")
    await keep(pool, life)
    first = await freeze(pool, NOVEMBER, datetime(2026, 12, 1, 2, tzinfo=UTC))
    stored = len(life.trail)
    life.now = datetime(2026, 12, 1, 3, tzinfo=UTC)
    life.do("department@water", "appeal", responder="water", reason="评分有误")
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    await keep(pool, life, after=stored)
    second = await freeze(pool, NOVEMBER, JANUARY)
    assert first is not None
    assert second is not None
    assert (second[0].version, second[0].reason, second[1]) == (2, "CORRECTION", True)
    kept = await versions(pool, NOVEMBER)
    assert kept[0] == first[0]
    for version in kept:
        again = await made_again(pool, version)
        assert again is not None
        assert again.content_hash == version.card.content_hash


async def test_a_quarter_waits_for_its_months_and_follows_their_corrections(pool: Pool):
    """Roll-ups are of frozen months."""
    quarter = Period.named("2026-Q4")
    life = closed(1, "water")
    await keep(pool, life)
    await freeze(pool, NOVEMBER, JANUARY)
    assert await freeze(pool, quarter, JANUARY) is None
    for label in ("2026-10", "2026-12"):
        await freeze(pool, Period.named(label), JANUARY)
    made = await freeze(pool, quarter, JANUARY)
    assert made is not None
    assert made[0].card.responders[0].score.rows == 1
    again = await made_again(pool, made[0])
    assert again is not None
    assert again.content_hash == made[0].card.content_hash
    assert {row["period"] for row in await frozen_periods(pool)} == {"2026-10", "2026-11", "2026-12", "2026-Q4"}


async def test_the_supervisor_is_told_once_whom_a_quarter_proposes_to_account(pool: Pool):
    """With the numbers of the documents it rests on; a later version of the quarter tells of new names alone."""
    quarter = Period.named("2026-Q4")
    life = Life(external_id="1").assembling("water", "police")
    for _ in range(3):
        life.do("supervisor", "supervise", level="CIRCULATE", responder="water", reason="久拖不决")
    life.do("supervisor", "supervise", level="CIRCULATE", responder="police", reason="久拖不决")
    await keep(pool, life)
    for label in ("2026-10", "2026-11", "2026-12"):
        await freeze(pool, Period.named(label), JANUARY)
    assert await told(pool) == []
    made = await freeze(pool, quarter, JANUARY)
    assert made is not None
    assert made[0].card.to_account == ("water",)
    (text,) = await told(pool)
    assert text == (
        "区水务局 2026-Q4 被通报批评 3 次(平督通〔2026〕1号、平督通〔2026〕2号、平督通〔2026〕3号),"
        "已达考核规则 2026.1 所定次数,建议提请问责。是否提请由督查部门决定。"
    )
    late = Life(external_id="2").closed("planning")
    await keep(pool, late)
    assert [await freeze(pool, p, JANUARY) for p in (NOVEMBER, quarter)]
    assert len(await versions(pool, quarter)) == 2
    assert await told(pool) == [text]


async def told(pool: Pool) -> list[str]:
    """What the supervisor was told of proposals."""
    rows = await pool.fetch(
        "select audience, template, fields ->> 'text' as text from outbox where kind = 'AccountProposed' order by id"
    )
    assert {(row["audience"], row["template"]) for row in rows} <= {("supervisor", "account")}
    return [row["text"] for row in rows]


async def test_a_month_that_runs_cannot_be_frozen_and_one_never_frozen_is_not_corrected(pool: Pool):
    """Neither leaves a row."""
    with pytest.raises(MoveNotAllowedError):
        await freeze(pool, NOVEMBER, NOVEMBER.end - timedelta(seconds=1))
    assert await freeze(pool, NOVEMBER, JANUARY, first=False) is None
    assert await versions(pool, NOVEMBER) == []


@pytest.mark.parametrize("table", ["scorecard", "scoring_rules"])
async def test_nobody_changes_what_is_frozen(pool: Pool, owner_pool: Pool, table: str):
    """Neither the application nor the owner."""
    await freeze(pool, NOVEMBER, JANUARY)
    await import_scoring(pool, catalogues.read("scoring.toml"))
    for connections in (pool, owner_pool):
        for statement in (f"update {table} set edition = 'x'", f"delete from {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connections.execute(statement)


async def test_a_month_keeps_the_rules_it_was_frozen_with(pool: Pool):
    """A new edition is for months that begin on or after its day; it is known by its name for ever."""
    text = catalogues.read("scoring.toml")
    later = text.replace('"2026.1"', '"2026.2"').replace("2017-01-01", "2026-12-01").replace("= 0.6", "= 0.5")
    await keep(pool, closed(1, "water", "police"))
    first = await freeze(pool, NOVEMBER, JANUARY)
    rules, changed = await import_scoring(pool, later)
    assert (rules.edition, changed) == ("2026.2", True)
    assert (await import_scoring(pool, later))[1] is False
    with pytest.raises(InvalidError):
        await import_scoring(pool, later.replace('= 0.5, source = "domain', '= 0.4, source = "domain'))
    assert (await rules_on(pool, date(2026, 11, 1))).edition == "2026.1"
    assert (await rules_on(pool, date(2026, 12, 1))).edition == "2026.2"
    again = await freeze(pool, NOVEMBER, JANUARY)
    assert first is not None
    assert again == (first[0], False)


async def test_a_report_names_its_period_rules_and_filters_and_each_row_its_whistle(pool: Pool):
    """As of now, of one township."""
    await keep(pool, closed(1, "water", "police"))
    asked = Asked(name=ReportName.DEPARTMENTS, period=NOVEMBER, township="jinhaihu")
    made = await ask(pool, asked, str)
    assert [(item["organisation"], item["rank"], item["tied"]) for item in made.items] == [
        ("police", 1, 2),
        ("water", 1, 2),
    ]
    assert (made.period, made.rules, made.filters) == ("2026-11", "2026.1", {"township": "jinhaihu"})
    rows = await ask(pool, asked.model_copy(update={"rows": True}), str)
    assert {item["link"] for item in rows.items} == {"/v1/whistles/12345:1"}
    elsewhere = await ask(pool, asked.model_copy(update={"township": "mafang"}), str)
    assert elsewhere.items == ()


async def test_whistles_are_found_by_indexes(postgres: Database):
    """Among twenty thousand, for a month."""
    async with (
        await open_pool((await fresh_database(postgres)).owner_dsn) as pool,
        pool.acquire() as connection,
    ):
        await connection.execute("set statement_timeout = 0")
        await connection.execute(MANY, timeout=PATIENCE_S)
        await connection.execute(ENDED, timeout=PATIENCE_S)
        shown = await explained(connection)
        assert "event_ending" in shown
        assert "event_blowing" in shown
        assert "Seq Scan on event" not in shown


ENDED = """
insert into event (whistle_id, sequence, type, at, actor_subject, actor_role, command_id, summary, data)
select whistle_id, n, case n when 1 then 'WhistleRegistered' when 2 then 'WhistleBlown' else 'WhistleClosed' end,
    now() - random() * interval '700 days', 'x', 'ADMIN', 'c', '', '{}'
from whistle, generate_series(1, 3) n;
update whistle set state = 'CLOSED' where state = 'SOURCED';
analyze whistle, event;
"""


async def explained(connection: Connection) -> str:
    """The plan of the statement that finds a month's whistles."""
    arguments = concerned_arguments(Period.month_of(datetime.now(UTC)), shipped_rules())
    return "\n".join(row[0] for row in await connection.fetch(f"explain {_CONCERNED}", *arguments))

"""The figures of the database: true, by index, and one look for many scrapes."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from observability.measures import WorkerMeasures
from starter.metrics.exposition import Exposition
from starter.metrics.survey_families import NAMES
from storage.pool import Connection, Pool, open_pool
from storage.survey import _SURVEY, Count, Figure, survey, survey_arguments
from tests.conftest import Database, fresh_database
from tests.integration.desk import Desk

AWAY = "postgresql://nobody@127.0.0.1:1/none"
# As after years: 16,000 whistles that ended, each with its notices; 80 are open.
YEARS = """
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state, step,
    kind, chain, township, source_channel, responders, overdue_responders, supervision_level, registered_at, updated_at,
    started_at)
select 'y:' || n, 'y', n::text, '', 'Y-' || n, 1, '{}', '第' || n || '件',
    case when n % 200 = 0 then 'BLOWN' else 'CLOSED' end, 1, 'DAILY', 'TOWNSHIP_CALLS', 'jinhaihu', 'GRID',
    '{water}', case when n % 7 = 0 then '{water}'::text[] else '{}' end, 'NONE', now() - n * interval '1 minute', now(),
    now()
from generate_series(1, 16000) n;
insert into clock (whistle_id, phase, organisation, started_at, due_at, struck, next_strike_at)
select whistle_id, 'ACCEPT', 'platform', now() - interval '1 h', now() - interval '1 m', 3, now() + interval '1 h'
from whistle where state = 'BLOWN';
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, delivered_at)
select whistle_id, 1, 'WhistleBlown', 'water', false, '', now() from whistle;
insert into notice_delivery (outbox_id, whistle_id, recipient, level, channel, urgent, state, due_at, settled_at)
select id, whistle_id, 'water/x', 'OFFICER', 'wecom', false,
    case when id % 5000 = 0 then 'FAILED' else 'DELIVERED' end, null, now() from outbox;
insert into compliance_run (run_id, scheduled_at, started_at, finished_at)
select 'r' || n, now(), now() - n * interval '5 m', now() - n * interval '5 m' from generate_series(1, 10000) n;
insert into compliance_finding (kind, subject, detail, first_run, last_run, resolved_at)
select 'LAGGING', 'y:' || n, '', 'r1', 'r1', now() from generate_series(1, 10000) n;
insert into webhook (id, owner, url, events, secret) values ('w', 'x', 'http://x', '{*}', '');
insert into webhook_delivery (webhook_id, whistle_id, sequence, due_at, delivered_at)
select 'w', whistle_id, 1, null, now() from whistle;
"""
LARGE = {"whistle", "outbox", "notice_delivery", "compliance_run", "compliance_finding", "webhook_delivery"}


@pytest.fixture(scope="module")
async def years(postgres: Database) -> AsyncIterator[Connection]:
    """A connection to a database that has served for years."""
    connection = await asyncpg.connect((await fresh_database(postgres)).owner_dsn)
    await connection.execute(YEARS)
    await connection.execute("vacuum analyze")
    yield connection
    await connection.close()


async def test_a_survey_reads_no_history(years: Connection):
    """History is two hundred times what is open here: none of its tables is read through, and few pages are touched."""
    statement = f"explain (analyze, buffers, format json) {_SURVEY}"
    explained = json.loads(await years.fetchval(statement, *survey_arguments()))[0]
    scanned = [node["Relation Name"] for node in nodes(explained["Plan"]) if node["Node Type"] == "Seq Scan"]
    assert not LARGE.intersection(scanned)
    assert explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"] < 1_000


async def test_a_survey_counts_what_stands(years: Connection, database: Database):
    """Open whistles by state, limits that passed, notices that failed for good, and no finding that is resolved."""
    async with await open_pool(database.dsn) as pool:
        assert {count.first: count.value for count in await survey(pool) if count.figure is Figure.OPEN}["BLOWN"] == 0
    rows = [Count(**row) for row in await years.fetch(_SURVEY, *survey_arguments())]
    found = {(count.figure, count.first, count.second): count.value for count in rows}
    assert found[Figure.OPEN, "BLOWN", ""] == 80
    assert found[Figure.OVERDUE, "platform", "ACCEPT"] == 80
    assert found[Figure.NOTICES_FAILED, "wecom", ""] == 3
    assert found[Figure.STRIKES_DUE, "", ""] == 0
    assert not [key for key in found if key[0] is Figure.FINDINGS]
    assert (Figure.OPEN, "CLOSED", "") not in found


async def test_a_due_strike_that_nobody_records_shows_and_grows(pool: Pool):
    """A deadline that did not strike leaves no strike to measure: the clock itself tells."""
    desk = await Desk.registered(pool)
    await desk.assembling()
    found = {count.figure: count.value for count in await survey(pool) if not count.first}
    assert found[Figure.STRIKES_DUE] > 0
    assert found[Figure.STRIKES_DUE_FOR_S] > 0


async def test_a_hundred_scrapes_at_once_ask_the_database_once(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    """And so do those of the next seconds."""
    asked = 0

    async def counting(given: Pool) -> list[Count]:
        nonlocal asked
        asked += 1
        return await survey(given)

    monkeypatch.setattr("starter.metrics.exposition.survey", counting)
    exposition = Exposition(WorkerMeasures(), None, lambda: pool)
    texts = await asyncio.gather(*(exposition.text() for _ in range(100)))
    assert asked == 1
    assert all(b"whistle_database_up 1.0" in text for text in texts)


async def test_a_database_that_is_away_is_said_and_breaks_nothing():
    """The process still tells of itself, and no figure of the database is left standing."""
    async with await open_pool(AWAY) as pool:
        measures = WorkerMeasures()
        measures.ledger.labels("arrive", "failed").observe(0.1)
        exposition = Exposition(measures, None, lambda: pool)
        told = {f.name: f for f in text_string_to_metric_families((await exposition.text()).decode())}
    assert told["whistle_database_up"].samples[0].value == 0
    assert told["whistle_ledger_seconds"].samples
    assert not [name.name for name in NAMES.values() if told[name.name].samples]


def test_no_name_of_a_process_is_also_one_of_the_database():
    """One text holds both."""
    own = {
        family.name for family in text_string_to_metric_families(generate_latest(WorkerMeasures().registry).decode())
    }
    assert not own.intersection(name.name for name in NAMES.values())


def nodes(plan: dict) -> list[dict]:
    """Every node of a plan."""
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]

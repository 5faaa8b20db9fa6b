"""Every query of a list, a task view or a sweep uses an index."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage import lists
from storage.cursors import write_cursor
from storage.digests import _SOURCE_DUE
from storage.lists import WhistleFilter, list_queries
from storage.pool import Connection, open_pool
from storage.tasks import _TASKS, tasks_arguments
from tests.conftest import Database, fresh_database
from tests.life import actor

MANY = """
set statement_timeout = 0;
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state, step,
    kind, chain, township, source_channel, responders, overdue_responders, supervision_level, registered_at, updated_at)
select 'many:' || n, 'many', n::text, '', 'M-' || n, 1, jsonb_build_object('wide', repeat(md5(n::text), 40)),
    case when n % 400 = 1 then '河道倒土' else '第' || n || '件' end,
    case when n % 500 = 0 then 'BLOWN' else 'SOURCED' end, 1, case when n % 500 = 0 then 'EMERGENCY' else 'DAILY' end,
    'TOWNSHIP_CALLS', 't' || n % 500, 'GRID', array['d' || n % 500],
    case when n % 500 = 0 then array['d0'] else '{}'::text[] end, 'NONE', now() - n * interval '1 minute', now()
from generate_series(1, 20000) n;
insert into whistle_title (whistle_id, title, serial, registered_at)
select whistle_id, title, serial, registered_at from whistle;
insert into clock (whistle_id, phase, organisation, started_at, due_at, struck)
select whistle_id, 'CHECK', responders[1], now(), registered_at, 0 from whistle;
insert into supervision (whistle_id, number, level, organisation, raised_at)
select whistle_id, 1, 'URGE', responders[1], registered_at from whistle;
insert into pending_request (whistle_id, kind, round, organisation, asked_at)
select whistle_id, 'APPEAL', 1, case when external_id::integer % 2 = 0 then responders[1] else 'platform' end, now()
from whistle;
analyze whistle, whistle_title, whistle_party, clock, supervision, pending_request;
"""
PATIENCE_S = 120.0
LATER = write_cursor((datetime.now(UTC) - timedelta(minutes=1), "many:1"))


@pytest.fixture(scope="module")
async def crowded(postgres: Database) -> AsyncIterator[Connection]:
    """A connection to a database of twenty thousand whistles."""
    async with (
        await open_pool((await fresh_database(postgres)).owner_dsn) as pool,
        pool.acquire() as connection,
    ):
        await connection.execute("set statement_timeout = 0")
        await connection.execute(MANY, timeout=PATIENCE_S)
        yield connection


async def plan(connection: Connection, statement: str, *arguments: Any) -> str:
    """Explain a statement as PostgreSQL would run it."""
    return json.dumps(await connection.fetchval(f"explain (format json, costs off) {statement}", *arguments))


@pytest.fixture(autouse=True)
def looking_through_a_hundredth(monkeypatch: pytest.MonkeyPatch):
    """Keep searches in proportion: to look through a third of a table, its whole is soonest read."""
    monkeypatch.setattr(lists, "_OWN_TITLES_WALKED", 200)


async def plans(connection: Connection, which: WhistleFilter, cursor: str | None) -> list[str]:
    """Explain the statements that a list comes to: those after the one that has the page are never run."""
    found = []
    for statement, *arguments in list_queries(which, cursor, 50):
        found.append(await plan(connection, statement, *arguments))
        if len(await connection.fetch(statement, *arguments)) > 50:
            break
    return found


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({}, "whistle_newest"),
        ({"state": "BLOWN"}, "whistle_by_state"),
        ({"township": "t7"}, "whistle_by_township"),
        ({"kind": "EMERGENCY"}, "whistle_by_kind"),
        ({"responder": "d7"}, "whistle_party_newest"),
        ({"overdue": True}, "whistle_overdue"),
        ({"q": "777"}, "whistle_title_grams"),
        ({"q": "河道"}, "whistle_title_grams"),
        ({"q": "件"}, "whistle_title_newest"),
        ({"q": "M-1777"}, "whistle_title_number_grams"),
        ({"q": "河道", "party": "many"}, "whistle_title_grams"),
        ({"q": "第1"}, "whistle_title_newest"),
        ({"overdue": False}, "whistle_newest"),
        ({"state": "BLOWN", "township": "t7", "responder": "d7", "kind": "EMERGENCY", "q": "77"}, "whistle"),
    ],
)
@pytest.mark.parametrize("cursor", [None, LATER], ids=["first", "later"])
async def test_every_list_uses_an_index(crowded: Connection, fields: dict[str, Any], index: str, cursor: str | None):
    """With every filter, on the first page and on a later one, no table is read through."""
    shown = await plans(crowded, WhistleFilter(**fields), cursor)
    assert not [one for one in shown if "Seq Scan" in one]
    assert index in shown[-1]


@pytest.mark.parametrize(
    "fields", [{}, {"state": "BLOWN"}, {"overdue": True}, {"q": "77"}, {"responder": "d9"}], ids=str
)
@pytest.mark.parametrize("party", ["d7", "many", "nobody"])
@pytest.mark.parametrize("cursor", [None, LATER], ids=["first", "later"])
async def test_a_list_of_one_s_own_uses_an_index(
    crowded: Connection, fields: dict[str, Any], party: str, cursor: str | None
):
    """For one with few, for one with all, and for one with none."""
    for shown in await plans(crowded, WhistleFilter(party=party, **fields), cursor):
        assert "Seq Scan" not in shown


@pytest.mark.parametrize("who", ["department@d7", "department@nobody", "platform"])
async def test_task_views_use_an_index(crowded: Connection, who: str):
    """For an office with much to do and for one with nothing."""
    shown = await plan(crowded, _TASKS, *tasks_arguments(actor(who), None, 50))
    assert "Seq Scan" not in shown
    assert "clock_by_organisation" in shown
    assert "supervision_by_organisation" in shown
    assert "pending_request_by_organisation" in shown


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("select from clock where next_strike_at < now()", "clock_next_strike"),
        ("select from whistle where started_at is null and registered_at < now()", "whistle_unstarted"),
        ("select from whistle where merged_into = 'x'", "whistle_merged"),
        (
            "select from outbox where delivered_at is null and due_at <= now() order by urgent desc, id limit 9",
            "outbox_pending",
        ),
    ],
)
async def test_sweeps_have_an_index(crowded: Connection, statement: str, index: str):
    """The statements that look for what lags have theirs."""
    await crowded.execute("set enable_seqscan = off")
    assert index in await plan(crowded, statement)
    await crowded.execute("reset enable_seqscan")


async def test_what_sources_want_answered_is_found_by_an_index(crowded: Connection):
    """Among the open whistles of one township."""
    shown = await plan(crowded, _SOURCE_DUE, "t7", datetime.now(UTC), 10)
    assert "Seq Scan" not in shown
    assert "whistle_open_of_township" in shown

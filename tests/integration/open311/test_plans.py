"""Lists stay quick among many whistles: each half reads along an index and stops after a page."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from storage.open311 import RequestFilter, Sight, list_query
from storage.pool import Connection, open_pool
from tests.conftest import Database, fresh_database

MANY = """
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state, step,
    chain, township, source_channel, supervision_level, registered_at, updated_at)
select 'many:' || n, 'many', n::text, '', 'M-' || n, 1, '{}', '第' || n || '件', 'SOURCED', 1, 'TOWNSHIP_CALLS',
    't' || n % 18, 'APP_WECHAT', 'NONE', now() - n * interval '1 minute', now()
from generate_series(1, 20000) n;
insert into matter (whistle_id, description, address, evidence) select whistle_id, '', '', '[]' from whistle;
insert into open311_request (whistle_id, content_hash, service_code, confidential, received_at)
select whistle_id, content_hash, 'other', false, registered_at from whistle where external_id::integer % 4 = 0;
analyze whistle, matter, open311_request, whistle_party, event, clock;
"""
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
async def crowded(postgres: Database) -> AsyncIterator[Connection]:
    """A connection to a database of twenty thousand whistles, a quarter of which came in by the standard."""
    async with await open_pool((await fresh_database(postgres)).owner_dsn) as pool, pool.acquire() as connection:
        await connection.execute(MANY)
        yield connection


@pytest.mark.parametrize(
    ("sight", "indexes"),
    [
        (Sight(), {"open311_request_newest"}),
        (Sight(organisation="many"), {"open311_request_newest", "whistle_party_newest"}),
        (Sight(everything=True), {"open311_request_newest", "whistle_newest"}),
    ],
    ids=["anyone", "an organisation", "the district"],
)
async def test_no_list_reads_a_table_through(crowded: Connection, sight: Sight, indexes: set[str]) -> None:
    """For everyone, for an organisation with a part in all of them, and for those who see everything."""
    which = RequestFilter(start=NOW - timedelta(days=90), end=NOW + timedelta(days=1), limit=20)
    statement, *arguments = list_query(which, sight)
    shown = json.dumps(await crowded.fetchval(f"explain (format json, costs off) {statement}", *arguments))
    for table in ("whistle", "whistle_party", "open311_request", "matter"):
        assert f'"Seq Scan", "Parallel Aware": false, "Async Capable": false, "Relation Name": "{table}"' not in shown
    assert {index for index in indexes if index in shown} == indexes

"""Reading among a million whistles and twenty million rows of audit trail.

Some whistles are played for true, then copied inside PostgreSQL as its owner, a batch at a time: their rows are real
ones but for their ids, times and titles. Prints p50 and p99 of each read, as the Python client sees them.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.ground import ground, run, show
from benchmarks.players import Players, play, quantiles
from benchmarks.story import registration
from domain.vocabulary import State
from starter.client import WhistleClient
from storage.lists import WhistleFilter
from storage.pool import Connection, Pool, open_pool

TEMPLATES, WHOLE = 100, 75
BATCH = 200
PATIENCE_S = 3600.0
READS, WARMING = 400, 20
TOWNSHIPS = ("jinhaihu", "binhe", "maliangzhuang", "xiagezhuang", "daxingzhuang")
WORDS = (
    "占道经营",
    "暴露垃圾",
    "盗采砂石",
    "违法建设",
    "污水外溢",
    "路灯不亮",
    "噪声扰民",
    "井盖缺失",
    "供热不足",
    "树木倒伏",
)
PLACES = ("东街", "西街", "村口", "河边", "市场", "学校", "广场", "公园", "车站", "小区")
# One copy of every row of the templates for each number of the batch: ids, times and titles are what changes.
NEW_ID = "'12345:copy-' || n || '-' || t.whistle_id"
CHANGED = {
    "whistle_id": NEW_ID,
    "external_id": "'copy-' || n || '-' || t.external_id",
    "serial": "'COPY-' || n || '-' || t.serial",
    "title": "($4::text[])[1 + n % 10] || ($5::text[])[1 + (n / 10) % 10] || t.title",
    "registered_at": "t.registered_at - n * interval '29 seconds'",
    "whistle_registered_at": "t.whistle_registered_at - n * interval '29 seconds'",
    "due_at": "t.due_at - n * interval '29 seconds'",
    "next_deadline": "t.next_deadline - n * interval '29 seconds'",
    "value": f"jsonb_set(t.value, '{{whistle_id}}', to_jsonb({NEW_ID}))",
}
TABLES = ("whistle", "whistle_title", "whistle_party", "matter", "reporter", "event", "clock")
COLUMNS = """
select column_name from information_schema.columns
where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' and is_identity = 'NO'
order by ordinal_position
"""
# Triggers and foreign keys would look up what is true by construction, twenty million times.
LOADING = (
    "alter system set max_wal_size = '16GB'",
    "alter system set checkpoint_timeout = '30min'",
    "select pg_reload_conf()",
    "set session_replication_role = replica",
    "set statement_timeout = 0",
    "set maintenance_work_mem = '1GB'",
)
OF_TEMPLATES = "select whistle_id from whistle where external_id ~ '^(whole|open)-[0-9]+$' order by whistle_id"
INDEXES = """
select indexname, indexdef from pg_indexes
where schemaname = 'public' and tablename = any($1::text[]) and indexdef not like 'CREATE UNIQUE%'
"""


async def main(whistles: int, kept_in: Path | None) -> None:
    """Load, unless that has been done, read, and print."""
    async with (
        ground(kept_in=kept_in) as here,
        WhistleClient.open(here.settings) as client,
        await open_pool(here.stack.database_owner_dsn, size=1) as owner,
    ):
        players = Players(client, here.settings.data_dir)
        ids = await _templates(players)
        await here.stack.take_down("worker")
        began, times = time.perf_counter(), whistles // len(ids)
        if not await owner.fetchval("select exists (select from whistle where external_id like 'copy-%')"):
            await _multiply(owner, ids, times)
        figures: dict[str, object] = {
            "whistles": await owner.fetchval("select count(*) from whistle"),
            "audit_rows": await owner.fetchval("select count(*) from event"),
            "loaded_s": f"{time.perf_counter() - began:.0f}",
        }
        figures |= await _read(players, times, ids)
    show(figures)


async def _templates(players: Players) -> list[str]:
    found = await players.client.pool.fetch(OF_TEMPLATES)
    if found:
        return [row["whistle_id"] for row in found]
    return (await play(players, WHOLE, 4, "whole")).whistle_ids + await _open(players, TEMPLATES - WHOLE)


async def _open(players: Players, count: int) -> list[str]:
    source = await players.named("source@12345")
    return [(await players.client.register(registration(f"open-{i}"), source)).whistle_id for i in range(count)]


async def _multiply(owner: Pool, ids: list[str], times: int) -> None:
    async with owner.acquire() as connection:
        for setting in LOADING:
            await connection.execute(setting)
        copying = {table: await _copying(connection, table) for table in TABLES}
        # Built once at the end, as one does before a large COPY.
        indexes = await connection.fetch(INDEXES, TABLES)
        await connection.execute("; ".join(f"drop index {index['indexname']}" for index in indexes))
        for first in range(1, times + 1, BATCH):
            numbers = (first, min(first + BATCH - 1, times))
            for statement in copying.values():
                words = (list(WORDS), list(PLACES)) if "$4" in statement else ()
                await connection.execute(statement, *numbers, ids, *words, timeout=PATIENCE_S)
        for index in indexes:
            await connection.execute(index["indexdef"], timeout=PATIENCE_S)
        await connection.execute("vacuum analyze", timeout=PATIENCE_S)


async def _copying(connection: Connection, table: str) -> str:
    columns = [row["column_name"] for row in await connection.fetch(COLUMNS, table)]
    values = [CHANGED.get(column, f"t.{column}") for column in columns]
    return (
        f"insert into {table} ({', '.join(columns)}) select {', '.join(values)} "
        f"from {table} t, generate_series($1::integer, $2::integer) as n where t.whistle_id = any($3::text[])"
    )


async def _read(players: Players, times: int, ids: list[str]) -> dict[str, object]:
    client, chance = players.client, random.Random(7)
    clerk, water, platform = [await players.named(n) for n in ("clerk@jinhaihu", "department@water", "platform")]

    def some() -> str:
        return f"12345:copy-{chance.randint(1, times)}-{chance.choice(ids)}"

    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "newest": lambda: client.whistles(WhistleFilter()),
        "of_township": lambda: client.whistles(WhistleFilter(township=chance.choice(TOWNSHIPS))),
        "of_state": lambda: client.whistles(WhistleFilter(state=chance.choice(list(State)))),
        "of_responder": lambda: client.whistles(WhistleFilter(responder="water")),
        "of_party": lambda: client.whistles(WhistleFilter(party="water")),
        "overdue": lambda: client.whistles(WhistleFilter(overdue=True)),
        "search_two_characters": lambda: client.whistles(WhistleFilter(q=chance.choice(WORDS)[:2])),
        "search_words": lambda: client.whistles(WhistleFilter(q=chance.choice(WORDS) + chance.choice(PLACES))),
        "search_nothing": lambda: client.whistles(WhistleFilter(q="无此事" + str(chance.randint(0, 99)))),
        "tasks_of_clerk": lambda: client.tasks(clerk),
        "tasks_of_department": lambda: client.tasks(water),
        "tasks_of_platform": lambda: client.tasks(platform),
        "one_whistle": lambda: client.view(some()),
        "trail_of_one": lambda: client.events(some()),
    }
    figures: dict[str, object] = {}
    for name, read in reads.items():
        taken = await _timed(read)
        p50, p99 = quantiles(taken)
        figures |= {f"{name}_p50_ms": f"{p50:.1f}", f"{name}_p99_ms": f"{p99:.1f}"}
    worst = max(float(str(figure)) for name, figure in figures.items() if name.endswith("p99_ms"))
    return figures | {"slowest_read_p99_ms": f"{worst:.1f}"}


async def _timed(read: Callable[[], Awaitable[object]]) -> list[float]:
    taken = list[float]()
    for turn in range(READS + WARMING):
        began = time.perf_counter()
        await asyncio.wait_for(read(), 30)
        if turn >= WARMING:
            taken.append(time.perf_counter() - began)
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--whistles", type=int, default=1_000_000)
    parser.add_argument("--kept-in", type=Path, help="a folder whose stack is loaded once and read again")
    asked = parser.parse_args()
    run(main(asked.whistles, asked.kept_in))

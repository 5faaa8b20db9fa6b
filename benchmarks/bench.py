"""`make bench`: whole lives of whistles and single commands, beside a floor on the same stack in the same run.

The last lines are plain `key=value` figures. Machines differ: the ratios are what to compare.
`floor_ratio` = our commands per second over the floor's (1 would be no cost of ours at all);
`latency_ratio` = p50 of one command at a time over the floor's; `http_ratio` = p50 by the gateway over the client's.
"""

import argparse
from collections import Counter

import asyncpg
from temporalio.client import Client

from benchmarks.floor import Floor, floor
from benchmarks.ground import PROCESSES, Ground, ground, run, show
from benchmarks.latency import latency
from benchmarks.players import Played, Players, play, quantiles
from benchmarks.story import steps
from starter.client import WhistleClient

MEASURED_HISTORIES = 20
TURNS = 5
STATEMENTS = "statements"


async def main(whistles: int, in_flight: int, rounds: int) -> None:
    """Warm up, measure, and print the figures."""
    async with (
        ground(gateway=True) as here,
        WhistleClient.open(here.settings, size=in_flight) as client,
        floor(here, client.temporal) as beside,
    ):
        players = Players(client, here.settings.data_dir)
        figures = await lifecycle(here, players, beside, whistles, in_flight)
        show(figures | await latency(here, players, beside, rounds))


async def lifecycle(here: Ground, players: Players, beside: Floor, whistles: int, in_flight: int) -> dict[str, object]:
    """Play the floor and whole whistles in turn, a fifth of each at a time, so that what drifts falls on both."""
    commands, part = len(steps()), whistles // TURNS
    await play(players, in_flight, in_flight, "warm")
    await beside.play(in_flight, commands, in_flight)
    parts, floor_s = list[Played](), 0.0
    used = Counter[str]()
    for turn in range(TURNS):
        floor_s += await beside.play(part, commands, in_flight)
        used.subtract(await _used(here))
        parts.append(await play(players, part, in_flight, f"turn{turn}"))
        used.update(await _used(here))
    seconds, played = sum(one.seconds for one in parts), TURNS * part * commands
    ids = [one for lives in parts for one in lives.whistle_ids]
    events, size = await history_cost(players.client.temporal, ids[:MEASURED_HISTORIES], commands)
    p50, p99 = quantiles([one for lives in parts for one in lives.latencies])
    return {
        "whistles": TURNS * part,
        "commands_per_whistle": commands,
        "in_flight": in_flight,
        "whistles_per_s": f"{TURNS * part / seconds:.2f}",
        "commands_per_s": f"{played / seconds:.1f}",
        "floor_commands_per_s": f"{played / floor_s:.1f}",
        "p50_ms": f"{p50:.1f}",
        "p99_ms": f"{p99:.1f}",
        "events_per_command": f"{events:.2f}",
        "bytes_per_command": f"{size:.0f}",
        "sql_statements_per_command": f"{used[STATEMENTS] / played:.2f}",
        **{f"{name}_cpu_ms_per_command": f"{used[name] * 1000 / played:.1f}" for name in PROCESSES if used[name]},
        "floor_ratio": f"{floor_s / seconds:.2f}",
    }


async def _used(here: Ground) -> dict[str, float]:
    """Seconds of processor that each part has used, and the statements that PostgreSQL ever executed.

    Statements of all processes, without those that begin and end a transaction.
    """
    connection = await asyncpg.connect(here.stack.database_owner_dsn)
    try:
        await connection.execute("create extension if not exists pg_stat_statements")
        executed = await connection.fetchval("select sum(calls) from pg_stat_statements where toplevel")
        return {name: here.cpu_s(name) for name in PROCESSES} | {STATEMENTS: float(executed)}
    finally:
        await connection.close()


async def history_cost(temporal: Client, whistle_ids: list[str], commands: int) -> tuple[float, float]:
    """Events and bytes of history per command, a mean over some whistles."""
    events = size = 0
    for whistle_id in whistle_ids:
        described = await temporal.get_workflow_handle(f"whistle:{whistle_id}").describe()
        events += described.history_length
        size += described.raw_description.workflow_execution_info.history_size_bytes
    counted = len(whistle_ids) * commands
    return events / counted, size / counted


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--whistles", type=int, default=200)
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    run(main(arguments.whistles, arguments.in_flight, arguments.rounds))

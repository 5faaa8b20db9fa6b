"""Notices: do broken channels slow commands, how soon does somebody hear? Run `python -m benchmarks.notices`.

Calm and troubled rounds alternate on one stack: in troubled ones a channel hangs and another is down. `command_ratio`
is the median seconds of a command in troubled rounds over that in calm ones.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.ground import Ground, ground, run, show
from benchmarks.players import Players, play
from benchmarks.story import registration
from domain.errors import TemporarilyUnavailableError
from starter.client import WhistleClient
from starter.embedded import StackRecord
from storage.catalogues import import_catalogue
from storage.notice_trail import notice_figures
from storage.pool import Pool, open_pool

ORGANISATIONS = ("water", "police", "planning", "platform", "jinhaihu", "supervisor")
PENDING = "select count(*) from notice_delivery where due_at is not null"
TWICE = "select count(*) from notice_delivery where state = 'DELIVERED' and channel <> 'slow' and in_doubt"
BLOWN = """
select w.title, e.at from event e join whistle w using (whistle_id)
where e.type = 'WhistleBlown' and w.title = any($1::text[])
"""
PATIENCE_S = 120.0
RETRY_S = 0.2
REVIEW = {
    "decision": "WHISTLE",
    "kind": "EMERGENCY",
    "urgency": "CRITICAL",
    "tier": "EMERGENCY_RESPONSE",
    "proposed_responders": ["water", "police", "planning"],
}
T = TypeVar("T")


class Robots:
    """A provider's server: it takes messages, hangs, or is down; and remembers when it first saw a title."""

    def __init__(self) -> None:
        self.port = 0
        self.taken = 0
        self.first_seen: dict[str, float] = {}
        self._calm = asyncio.Event()
        self._calm.set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def up(self) -> None:
        """Take messages."""
        self._calm.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def hang(self) -> None:
        """Read what comes and answer nothing."""
        self._calm.clear()

    async def down(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")
                )
                self._take(json.loads(await reader.readexactly(length)))
                if not self._calm.is_set():
                    await self._calm.wait()
                    break
                writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"errcode":0}')
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def _take(self, message: dict[str, Any]) -> None:
        self.taken += 1
        text = message["text"]["content"]
        if "集结哨" in text:
            for word in text.replace("(", " ").replace(":", " ").split():
                if word.startswith("bench-"):
                    self.first_seen.setdefault(word, time.time())


async def furnish_duty(pool: Pool) -> None:
    """Put everybody into three channels."""
    rows = [f"{code},a,甲,{name},{code},false" for code in ORGANISATIONS for name in ("good", "slow", "dead")]
    await import_catalogue(pool, "contacts", "organisation,person,name,channel,address,urgent_only\n" + "\n".join(rows))


def write_channels(folder: Path, robots: dict[str, Robots]) -> None:
    """Describe the three channels."""
    sections = [
        f'[{name}]\nkind = "wecom-robot"\nbase = "http://127.0.0.1:{one.port}"\nper_minute = 1000000\nquiet = ""\n'
        for name, one in robots.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "channels.toml").write_text("\n".join(sections), "utf-8")


async def compare(players: Players, robots: dict[str, Robots], rounds: int, whistles: int) -> dict[str, str]:
    """Play calm and troubled rounds in turn."""
    latencies: dict[str, list[float]] = {"calm": [], "troubled": []}
    seconds = {"calm": 0.0, "troubled": 0.0}
    for turn in range(2 * rounds):
        # 0110 1001: what drifts with time falls on both alike.
        kind = ("calm", "troubled")[turn.bit_count() % 2]
        if kind == "troubled":
            robots["slow"].hang()
            await robots["dead"].down()
        else:
            await asyncio.gather(*(one.up() for one in robots.values()))
        played = await play(players, whistles, 4, f"{kind}{turn}")
        latencies[kind] += played.latencies
        seconds[kind] += played.seconds
    await asyncio.gather(*(one.up() for one in robots.values()))
    medians = {kind: statistics.median(found) for kind, found in latencies.items()}
    p99 = {kind: statistics.quantiles(found, n=100)[98] for kind, found in latencies.items()}
    return {
        "calm_p50_ms": f"{medians['calm'] * 1000:.1f}",
        "troubled_p50_ms": f"{medians['troubled'] * 1000:.1f}",
        "calm_p99_ms": f"{p99['calm'] * 1000:.1f}",
        "troubled_p99_ms": f"{p99['troubled'] * 1000:.1f}",
        "command_ratio": f"{medians['troubled'] / medians['calm']:.3f}",
        "seconds_ratio": f"{seconds['troubled'] / seconds['calm']:.3f}",
    }


async def reach(
    players: Players, good: Robots, per_s: float, seconds: float, prefix: str, kill: Callable[[], object] | None = None
) -> dict[str, str]:
    """Blow emergencies at a steady rate; measure from the command's sending, and from the event, to a robot's hearing.

    With `kill`, the worker is killed a third of the way.
    """
    source, clerk = await players.named("source@12345"), await players.named("clerk@jinhaihu")
    sent: dict[str, float] = {}

    async def blow(name: str) -> None:
        registered = await _insist(lambda: players.client.register(registration(name) | {"title": name}, source))
        sent[name] = time.time()
        await _insist(lambda: players.client.do(registered.whistle_id, "review", REVIEW, clerk, f"{name}:review"))

    begun, tasks = time.perf_counter(), list[asyncio.Task[None]]()
    for number in range(int(per_s * seconds)):
        await asyncio.sleep(max(0.0, begun + number / per_s - time.perf_counter()))
        if kill and number == int(per_s * seconds / 3):
            kill()
        tasks.append(asyncio.create_task(blow(f"bench-{prefix}-{number}")))
    await asyncio.gather(*tasks)

    async def heard() -> bool:
        return all(name in good.first_seen for name in sent)

    await _until(heard, 0.05)
    blown = {row["title"]: row["at"].timestamp() for row in await players.client.pool.fetch(BLOWN, list(sent))}
    return _spread(prefix, [good.first_seen[name] - at for name, at in sent.items()]) | _spread(
        f"{prefix}_blown", [good.first_seen[name] - at for name, at in blown.items()]
    )


def _spread(prefix: str, seconds: list[float]) -> dict[str, str]:
    cuts = statistics.quantiles(seconds, n=100)
    return {
        f"{prefix}_heard_p50_ms": f"{cuts[49] * 1000:.0f}",
        f"{prefix}_heard_p99_ms": f"{cuts[98] * 1000:.0f}",
        f"{prefix}_heard_max_ms": f"{max(seconds) * 1000:.0f}",
    }


async def _insist(send: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await send()
        except TemporarilyUnavailableError:
            await asyncio.sleep(RETRY_S)


async def _until(true: Callable[[], Awaitable[bool]], every_s: float) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await true():
                return
            await asyncio.sleep(every_s)


async def recover(pool: Pool) -> dict[str, str]:
    """Wait until everything that waited has arrived."""
    begun = time.perf_counter()

    async def arrived() -> bool:
        return not await pool.fetchval(PENDING)

    await _until(arrived, 0.2)
    since = datetime.now(UTC) - timedelta(hours=1)
    figures = await notice_figures(pool, since, datetime.now(UTC))
    delivered = {one.channel: f"{one.delivered}/{one.dropped}/{one.failed}" for one in figures.channels}
    return {
        "recovered_in_s": f"{time.perf_counter() - begun:.1f}",
        "doubtful_elsewhere": str(await pool.fetchval(TWICE)),
        **{f"{channel}_delivered_dropped_failed": counts for channel, counts in delivered.items()},
        "first_notice_p50_ms": f"{(figures.p50_s or 0) * 1000:.0f}",
        "first_notice_p99_ms": f"{(figures.p99_s or 0) * 1000:.0f}",
    }


async def measure(here: Ground, robots: dict[str, Robots], arguments: argparse.Namespace) -> dict[str, object]:
    """Take every figure on one stack; last, the worker is killed under the same load."""
    async with WhistleClient.open(here.settings, size=20) as client:
        players = Players(client, here.settings.data_dir)
        await play(players, 8, 4, "warm")
        figures = await reach(players, robots["good"], arguments.per_s, arguments.seconds, "calm")
        figures |= await compare(players, robots, arguments.rounds, arguments.whistles)
        robots["slow"].hang()
        await robots["dead"].down()
        figures |= await reach(players, robots["good"], arguments.per_s, arguments.seconds, "troubled")
        figures |= await reach(
            players, robots["good"], arguments.per_s, arguments.seconds, "killed", lambda: here.stack.kill("worker")
        )
        await asyncio.gather(*(one.up() for one in robots.values()))
        return {**figures, **await recover(client.pool)}


async def main(arguments: argparse.Namespace) -> None:
    """Run on a stack in a folder of its own, which is removed."""
    robots = {name: Robots() for name in ("good", "slow", "dead")}
    await asyncio.gather(*(one.up() for one in robots.values()))

    async def furnish(data_dir: Path, record: StackRecord) -> None:
        write_channels(data_dir, robots)
        async with await open_pool(record.database_dsn, size=1) as pool:
            await furnish_duty(pool)

    async with ground(furnish=furnish) as here:
        show(await measure(here, robots, arguments))


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--per-s", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--whistles", type=int, default=12)
    return parser.parse_args(words)


if __name__ == "__main__":
    run(main(_arguments(sys.argv[1:])))

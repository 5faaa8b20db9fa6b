"""A town under attack: a real stack, people who send the same command again until they are told, and what they know."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from domain.errors import TemporarilyUnavailableError
from domain.ledger import Answer
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack
from tests.chaos.findings import find, notices_logged, until_settled
from tests.chaos.invariants import Claims, Found, breaches, unlogged
from tests.chaos.story import LATE, SOURCE, Act, matter
from tests.life import actor
from tests.patience import until

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
PARTS = ("postgres", "temporal", "worker")
PERSEVERANCE_S = 120.0
GRACE_S = 2.0


class Town(NamedTuple):
    """A running stack, the way in, and how it is set."""

    stack: EmbeddedStack
    client: WhistleClient
    settings: Settings

    async def heal(self) -> None:
        """Bring up whatever a test left down."""
        for part in PARTS:
            if self.stack.pid(part) is None:
                await self.stack.bring_up(part)

    async def until_replaced(self, part: str, former: int | None) -> None:
        """Wait until the stack has started a killed part again."""

        async def replaced() -> bool:
            return self.stack.pid(part) not in {None, former}

        await until(replaced, 30)

    def environment(self) -> dict[str, str]:
        """Give what a process of a test's own must be told to be part of this town."""
        told = {
            "TEMPORAL_ADDRESS": self.stack.temporal_address,
            "WHISTLE_DATABASE_DSN": self.stack.database_dsn,
            "WHISTLE_DATA_DIR": str(self.stack.data_dir),
            "WHISTLE_LIMITS": self.settings.limits,
            "WHISTLE_GRACEFUL_SHUTDOWN_S": str(GRACE_S),
        }
        return os.environ | told

    @asynccontextmanager
    async def another_worker(self, *module: str, **told: str) -> AsyncIterator["AnotherWorker"]:
        """Run a worker beside the stack's own, told more if need be; it is killed at the end if it still runs."""
        log = self.stack.log_folder / f"worker-{uuid4().hex[:8]}.log"
        with log.open("wb") as written:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *(module or ("worker",)),
                stdout=written,
                stderr=written,
                cwd=ROOT,
                env=self.environment() | told,
            )
        try:
            yield AnotherWorker(process, log)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class AnotherWorker(NamedTuple):
    """A worker process of a test's own, and where it logs."""

    process: asyncio.subprocess.Process
    log: Path

    async def until_it_says(self, event: str, within_s: float = 30) -> None:
        """Wait for an event in its log."""

        async def said() -> bool:
            return f'"event": "{event}"' in self.log.read_text()

        await until(said, within_s)


class Crowd:
    """The people of one test, with every answer that they were given and every id under which they sent."""

    def __init__(self, town: Town) -> None:
        """Act in this town."""
        self.town = town
        self.whistle_ids: list[str] = []
        self.answers: dict[str, dict[str, Answer]] = defaultdict(dict)
        self.sent: dict[str, set[str]] = defaultdict(set)

    async def register(self, **changes: Any) -> str:
        """Register a fresh matter, for as long as it takes, and give its id."""
        same = matter(**changes)
        registered = await _persevere(lambda: self.town.client.register(same, actor(SOURCE)))
        self.whistle_ids.append(registered.whistle_id)
        return registered.whistle_id

    async def do(self, whistle_id: str, act: Act, key: str) -> Answer:
        """Do an act under one id, again and again until the town answers; raises its refusals."""
        answer = await _persevere(lambda: self.try_once(whistle_id, act, key))
        command_id = f"{act.who}:{key}"
        known = self.answers[whistle_id].setdefault(command_id, answer)
        assert known == answer, f"{command_id} of {whistle_id} was answered {known} and then {answer}"
        return answer

    async def try_once(self, whistle_id: str, act: Act, key: str) -> Answer:
        """Send an act once; raises TemporarilyUnavailableError where the outcome stays unknown."""
        command_id = f"{act.who}:{key}"
        self.sent[whistle_id].add(command_id)
        return await self.town.client.do(whistle_id, act.command, act.body, actor(act.who), command_id)

    async def play(self, acts: Sequence[Act]) -> str:
        """Register a matter and play it through all its steps."""
        whistle_id = await self.register()
        await self.play_on(whistle_id, acts)
        return whistle_id

    async def play_on(self, whistle_id: str, acts: Sequence[Act], first: int = 0) -> None:
        """Play acts in their order."""
        for i, act in enumerate(acts, first):
            if act.once_late:
                await self.until_late(whistle_id)
            await self.do(whistle_id, act, str(i))

    async def until_late(self, whistle_id: str, responder: str = LATE) -> None:
        """Wait until a responder is marked overdue."""

        async def late() -> bool:
            seen = await _persevere(lambda: self.town.client.view(whistle_id))
            return any(r.overdue for r in seen.report_ins if r.responder == responder)

        await until(late, PERSEVERANCE_S)

    async def until_registered(self, count: int) -> list[str]:
        """Wait until so many matters are registered and give their ids."""

        async def registered() -> list[str]:
            return self.whistle_ids if len(self.whistle_ids) >= count else []

        return await until(registered)

    async def until_version(self, whistle_id: str, version: int) -> None:
        """Wait until a whistle has come so far."""

        async def there() -> bool:
            return await self.version_of(whistle_id) >= version

        await until(there)

    async def version_of(self, whistle_id: str) -> int:
        """Read how far the store is."""
        return (await _persevere(lambda: self.town.client.view(whistle_id))).version

    async def assert_nothing_is_lost_or_twice(self, within_s: float = 60, *, worker_died: bool = False) -> None:
        """Wait until everything has come to rest, and check every invariant of every whistle."""
        await until_settled(self.town.client, self.whistle_ids, within_s)
        logs = list(self.town.stack.log_folder.glob("worker*.log*"))
        found = await find(self.town.client, self.whistle_ids, logs)
        claims = [Claims(self.answers[f.whistle_id], frozenset(self.sent[f.whistle_id])) for f in found]
        assert [breach for f, c in zip(found, claims, strict=True) for breach in breaches(f, c)] == []
        if not worker_died:
            await until(lambda: self._all_logged(found), within_s)

    async def _all_logged(self, found: list[Found]) -> bool:
        """Tell whether every delivery that stands in the store stands in a log too, which is written after it."""
        logged = notices_logged(self.town.stack.log_folder.glob("worker*.log*"))
        return not [told for f in found for told in unlogged(f._replace(logged=logged))]


async def _persevere(attempt: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(PERSEVERANCE_S):
        while True:
            try:
                return await attempt()
            except TemporarilyUnavailableError:
                await asyncio.sleep(0.1)

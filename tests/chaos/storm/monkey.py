"""The monkey carries the plan out, and writes down when things were in trouble."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

from tests.chaos.dying_worker import TRAP, set_trap
from tests.chaos.storm.deck import LINES, Blow, Kind
from tests.chaos.storm.grounds import BACK_WITHIN, Grounds
from tests.chaos.storm.weather import Weather
from tests.chaos.testimony import Trouble

AMBUSH_WAITS = timedelta(seconds=10)
WRITES_AGAIN_WITHIN_S = 60.0
_DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Monkey:
    """Does to a town what the plan says."""

    def __init__(self, grounds: Grounds, say: Callable[[str], None]) -> None:
        """Act here, and say what is done."""
        self.troubles: list[Trouble] = []
        self.done = Counter[str]()
        """How often each kind of blow hit each target."""
        self.missed = 0
        """Blows at a part that was down already."""
        self._grounds = grounds
        self._say = say

    async def rage(self, blows: Sequence[Blow]) -> None:
        """Deal every blow at its time, and come to an end when all of them have passed."""
        async with asyncio.TaskGroup() as dealing:
            for blow in blows:
                dealing.create_task(self._deal(blow))
        for line in LINES:
            self._grounds.station.turn(line, Weather.CALM)

    async def _deal(self, blow: Blow) -> None:
        await asyncio.sleep(blow.at)
        self._say(str(blow))
        began = datetime.now(UTC)
        try:
            await self._come(blow)
        except ProcessLookupError:
            self.missed += 1
        else:
            self.done[f"{blow.weather if blow.kind is Kind.WEATHER else blow.kind} {blow.target}"] += 1
        self.troubles.append(Trouble(began, datetime.now(UTC)))

    async def _come(self, blow: Blow) -> None:
        match blow.kind:
            case Kind.KILL:
                await self._kill(blow)
            case Kind.AMBUSH:
                await self._ambush(blow)
            case Kind.PAUSE:
                await self._pause(blow)
            case Kind.READ_ONLY:
                await self._take_no_writes(blow)
            case Kind.WEATHER:
                await self._bring_weather(blow)

    async def _kill(self, blow: Blow) -> None:
        outcomes = await asyncio.gather(
            *(self._grounds.crash(part) for part in blow.target.split("+")), return_exceptions=True
        )
        faults = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if other := [fault for fault in faults if not isinstance(fault, ProcessLookupError)]:
            raise other[0]
        if len(faults) == len(outcomes):
            raise faults[0]

    async def _ambush(self, blow: Blow) -> None:
        worker = self._grounds.parts["worker"]
        if (former := worker.pid) is None:
            raise ProcessLookupError
        trap = self._grounds.stack.data_dir / TRAP
        set_trap(trap.parent, [{"name": blow.target}])
        try:
            await worker.until_replaced(former, AMBUSH_WAITS)
        except TimeoutError:
            if not trap.exists():
                await worker.until_replaced(former, BACK_WITHIN)
            trap.unlink(missing_ok=True)

    async def _pause(self, blow: Blow) -> None:
        pid = self._grounds.pid(blow.target)
        if pid is None:
            raise ProcessLookupError
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(blow.lasts)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def _take_no_writes(self, blow: Blow) -> None:
        await self._until_set(read_only=True)
        await asyncio.sleep(blow.lasts)
        await self._until_set(read_only=False)

    async def _until_set(self, *, read_only: bool) -> None:
        async with asyncio.timeout(WRITES_AGAIN_WITHIN_S):
            while True:
                with suppress(OSError, TimeoutError, *_DATABASE_AWAY):
                    await self._grounds.set_read_only(on=read_only)
                    return
                await asyncio.sleep(0.1)

    async def _bring_weather(self, blow: Blow) -> None:
        self._grounds.station.turn(blow.target, blow.weather)
        await asyncio.sleep(blow.lasts)
        self._grounds.station.turn(blow.target, Weather.CALM)

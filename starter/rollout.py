"""Bringing a version to all whistles step by step, and back at the first whistle that stops on it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio.client import Client

from domain.errors import MoveNotAllowedError
from domain.values import Frozen
from starter.deployment import Deployments
from starter.readiness import until_ready

LOOK_EVERY_S = 2.0
STEPS = (5.0, 25.0, 50.0)
WATCHED_FOR = timedelta(seconds=90)
"""After five failures of a workflow's task, which takes a minute, the server reports it as a problem."""
FEW = 5


class RolledOut(Frozen):
    """The end of a roll-out: what is current now, and what it replaced (None: workers without a version)."""

    current: str
    replaced: str | None


class RollOut:
    """One roll-out; `tell` hears each step."""

    def __init__(self, deployments: Deployments, build_id: str, tell: Callable[[str], None]) -> None:
        """Bring this version into this deployment."""
        self._deployments = deployments
        self._build_id = build_id
        self._tell = tell

    async def run(
        self, *, steps: Sequence[float] = STEPS, watched_for: timedelta = WATCHED_FOR, ready_within: timedelta
    ) -> RolledOut:
        """Ramp by these percentages and make it current, each watched; what stops a whistle is taken back.

        Raises MoveNotAllowedError where its workers are not ready or a whistle stopped on it.
        """
        before = await self._deployments.describe()
        if before.current == self._build_id:
            return RolledOut(current=self._build_id, replaced=None)
        await check(self._deployments, self._build_id, ready_within)
        self._tell(f"version {self._build_id} is ready")
        known = await stopped(self._deployments.client, self._deployments.name)
        for percentage in steps:
            await self._deployments.ramp(self._build_id, percentage)
            self._tell(f"{percentage:g} % of the whistles go to {self._build_id}")
            await self._watch(known, watched_for, before.current)
        await self._deployments.make_current(self._build_id)
        self._tell(f"{self._build_id} is current")
        await self._watch(known, watched_for, before.current)
        return RolledOut(current=self._build_id, replaced=before.current)

    async def _watch(self, known: set[str], watched_for: timedelta, former: str | None) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + watched_for.total_seconds()
        while True:
            new = sorted(await stopped(self._deployments.client, self._deployments.name) - known)
            if new:
                await self._take_back(former)
                few = ", ".join(new[:FEW]) + (f" and {len(new) - FEW} more" if len(new) > FEW else "")
                raise MoveNotAllowedError(f"taken back: workflows stopped on {self._build_id}, {few}")
            if clock() >= until:
                return
            await asyncio.sleep(min(LOOK_EVERY_S, max(until - clock(), 0)))

    async def _take_back(self, former: str | None) -> None:
        found = await self._deployments.describe()
        if found.current == self._build_id:
            await self._deployments.make_current(former)
        else:
            await self._deployments.ramp(self._build_id, 0)


async def check(deployments: Deployments, build_id: str, within: timedelta) -> None:
    """See to it that a version has workers that can do its work; raises MoveNotAllowedError."""
    await deployments.until_polled(build_id, within)
    await until_ready(deployments.client, deployments.name, build_id, within)


async def stopped(client: Client, task_queue: str) -> set[str]:
    """Name the open workflows whose tasks fail again and again."""
    query = f"TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running' AND TaskQueue = '{task_queue}'"
    return {found.id async for found in client.list_workflows(query)}

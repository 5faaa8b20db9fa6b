"""What a sweep costs for real: 2,000 open whistles on the embedded stack, a hundred of them planted with faults.

Prints `key=value` lines. Every fault must be found and healed, and nothing else be touched.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.service import RPCError

from benchmarks.ground import ground, run, show
from domain.ledger import RecordInput
from domain.registration import Registration
from domain.values import Actor, compact
from domain.vocabulary import Role
from starter import scheduling
from starter.client import WhistleClient
from starter.opening import Opening
from starter.schedules import COMPLIANCE_SWEEP
from starter.start import workflow_id_of
from starter.waking import Waking
from storage import compliance, registrations
from storage.ledger import record
from storage.pool import Pool, open_pool
from storage.whistles import value_of

WHISTLES, BEHIND, GONE = 2_000, 80, 20
AT_ONCE = 25
SOURCE = Actor(subject="source@12345", role=Role.SOURCE_SYSTEM, organisation="12345")
CLERK = Actor(subject="clerk@jinhaihu", role=Role.TOWNSHIP_CLERK, organisation="jinhaihu")
_AGE = (
    "update whistle set updated_at = updated_at - interval '3 minutes', started_at = started_at - interval '3 minutes'"
)


async def main() -> None:
    """Start a stack, plant the faults, sweep, and print the figures."""
    async with (
        ground() as here,
        WhistleClient.open(here.settings, size=AT_ONCE) as client,
        await open_pool(here.stack.database_owner_dsn, size=1) as owner,
    ):
        await _measure(Sweeping(client, owner))


class Sweeping:
    """Many whistles of one stack, and the sweep over them."""

    def __init__(self, client: WhistleClient, owner: Pool) -> None:
        """Use this client, and the owner's connection to make whistles look older."""
        self._client = client
        self._owner = owner
        self._opening = Opening(client.pool, client.temporal)
        self._waking = Waking(self._opening, _nothing)

    async def open(self, count: int) -> list[str]:
        """Register whistles and start their workflows; gives their ids once visibility shows them all."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> str:
            async with gate:
                registered = await registrations.register(self._client.pool, _matter(), SOURCE, datetime.now(UTC))
                if whistle := await value_of(self._client.pool, registered.whistle_id):
                    await self._opening.open(whistle)
                return registered.whistle_id

        opened = list(await asyncio.gather(*(one() for _ in range(count))))
        await self.until(lambda: self._level(set(opened)))
        return opened

    async def plant(self, whistles: list[str]) -> set[str]:
        """Store commands that Temporal never hears of, and terminate workflows."""
        for one in whistles[:BEHIND]:
            argument = {"text": "又来电", "kind": "MORE", "actor": compact(CLERK), "command_id": f"x:{uuid.uuid4()}"}
            await record(
                self._client.pool,
                "default",
                RecordInput(whistle_id=one, known_sequence=1, name="append", argument=argument, at=datetime.now(UTC)),
            )
        for one in whistles[BEHIND : BEHIND + GONE]:
            await self._client.temporal.get_workflow_handle(workflow_id_of(one)).terminate("planted")
        return set(whistles[: BEHIND + GONE])

    async def sweep(self) -> tuple[str, float]:
        """Run the schedule now over whistles that have stood still; gives the run and how long it took."""
        await self._owner.execute(_AGE)
        before = datetime.now(UTC)
        await scheduling.trigger(self._client.temporal, COMPLIANCE_SWEEP)

        async def swept() -> bool:
            ran = await compliance.last_run(self._client.pool)
            return ran is not None and ran.started_at > before and ran.finished_at is not None

        await self.until(swept)
        ran = await compliance.last_run(self._client.pool)
        if ran is None or ran.finished_at is None:
            raise RuntimeError
        return ran.run_id, (ran.finished_at - ran.started_at).total_seconds()

    async def found(self) -> set[str]:
        """Name the whistles that sweeps found."""
        return {one.subject for one in await compliance.findings(self._client.pool, resolved=True, limit=10_000)}

    async def until(self, holds: Callable[[], Awaitable[bool]], within: timedelta = timedelta(minutes=4)) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(within.total_seconds()):
            while True:
                if await holds():
                    return
                await asyncio.sleep(0.5)

    async def healed(self, whistles: list[str]) -> bool:
        """Whether Temporal shows every whistle as the store has it."""
        return await self._level(set(whistles))

    async def _level(self, whistles: set[str]) -> bool:
        try:
            shown = {one: version async for page in self._waking.running() for one, version in page.items()}
        except RPCError:
            # A server that has just been given two thousand starts may be too busy to list them.
            return False
        rows = await self._client.pool.fetch("select whistle_id, sequence from whistle where sequence > 0")
        return all(shown.get(row["whistle_id"]) == row["sequence"] for row in rows if row["whistle_id"] in whistles)


async def _measure(sweeping: Sweeping) -> None:
    began = time.perf_counter()
    whistles = await sweeping.open(WHISTLES)
    opened = time.perf_counter()
    planted = await sweeping.plant(whistles)
    _, took = await sweeping.sweep()
    swept = time.perf_counter()
    await sweeping.until(lambda: sweeping.healed(whistles))
    found = await sweeping.found()
    figures: dict[str, object] = {
        "whistles": WHISTLES,
        "opened_s": round(opened - began, 1),
        "planted": len(planted),
        "found": len(found & planted),
        "found_wrongly": len(found - planted),
        "sweep_s": round(took, 2),
        "all_level_after_s": round(time.perf_counter() - swept, 2),
    }
    show(figures)


def _matter() -> Registration:
    return Registration.model_validate(
        {
            "source_system": "12345",
            "external_id": uuid.uuid4().hex,
            "channel": "HOTLINE_12345",
            "received_at": datetime.now(UTC).isoformat(),
            "title": "占道经营",
            "description": "x",
            "township": "jinhaihu",
            "place": {"address": "x"},
        }
    )


async def _nothing() -> None:
    return


if __name__ == "__main__":
    run(main())

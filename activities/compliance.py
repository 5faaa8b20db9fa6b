"""The compliance sweep: compare, look, heal, and close the books."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import asyncpg
import structlog
from temporalio import activity
from temporalio.service import RPCError

from activities.failures import as_outage
from domain.compliance import (
    UNDISTURBED,
    Fault,
    FaultKind,
    Remedy,
    SweepEnded,
    SweepReport,
    SweepRun,
    dormant_before,
)
from domain.vocabulary import State
from storage import compliance, faults
from storage.catalogues import rules
from storage.compliance import Found, Ran
from storage.pool import Pool
from storage.supervisions import number_documents

AT_ONCE = 20
"""How many remedies are applied side by side."""
BATCH = 500

log = structlog.get_logger("compliance")


class Temporal(Protocol):
    """What a sweep asks of Temporal, and can do there."""

    def running(self) -> AsyncIterator[dict[str, int]]:
        """Page through the whistles with a running workflow, each with the version that it shows."""

    async def wake(self, whistle_id: str) -> None:
        """Have a whistle's workflow catch up with the store; start it anew where there is none."""

    async def deliver(self) -> None:
        """See to it that the deliverers of notices run."""


class ComplianceActivities:
    """Sweeps over the whistles of this pool, and of this Temporal."""

    def __init__(self, pool: Pool, temporal: Temporal, limits: str, dormant_work_days: int) -> None:
        """Use these; a whistle is dormant after so many working days without an event."""
        self._pool = pool
        self._temporal = temporal
        self._limits = limits
        self._dormant_work_days = dormant_work_days

    @property
    def every(self) -> tuple[Callable[..., Any], ...]:
        """The steps of a sweep, for a worker."""
        return self.begin_sweep, self.find_faults, self.heal_faults, self.finish_sweep

    @activity.defn(name="begin_sweep")
    async def begin_sweep(self, run: SweepRun) -> None:
        """Record that a sweep began, and note runs before it that failed or never came."""
        with _outages():
            before = await compliance.begin_run(self._pool, run)
            await compliance.note(self._pool, run.run_id, list(_gaps(before, run, datetime.now(UTC))))

    @activity.defn(name="find_faults")
    async def find_faults(self, run: SweepRun) -> int:
        """Compare Temporal with the store and look for what stands still; gives how many whistles it compared."""
        with _outages():
            calendar = (await rules(self._pool, self._limits)).calendar
            now = datetime.now(UTC)
            look = Look(self._pool, run.run_id, now, dormant_before(calendar, now, self._dormant_work_days))
            return await look.everywhere(self._temporal)

    @activity.defn(name="heal_faults")
    async def heal_faults(self, run: SweepRun) -> int:
        """Apply the remedies to what this run found; gives how many were applied."""
        with _outages():
            healed, after = 0, 0
            while page := await compliance.findings_of(self._pool, run.run_id, after, BATCH):
                healed += await self._heal(page)
                after = page[-1].id
            await number_documents(self._pool)
            return healed

    @activity.defn(name="finish_sweep")
    async def finish_sweep(self, ended: SweepEnded) -> SweepReport:
        """Close the books of a sweep and raise the alerts that are due."""
        with _outages():
            found, alarming = await compliance.finish_run(
                self._pool, ended.run.run_id, checked=ended.checked, healed=ended.healed
            )
        for fault in alarming:
            log.error("compliance_alert", kind=fault.kind, subject=fault.subject, detail=fault.detail)
        report = SweepReport(checked=ended.checked, found=found, healed=ended.healed, alerts=len(alarming))
        log.info("sweep_finished", **report.model_dump(mode="json"))
        return report

    async def _heal(self, page: list[Found]) -> int:
        gate = asyncio.Semaphore(AT_ONCE)

        async def heal(found: Found) -> Found | None:
            async with gate:
                return found if await self._remedied(found) else None

        waiting = [found for found in page if found.kind.remedy is Remedy.DELIVER]
        others = [found for found in page if found.kind.remedy in {Remedy.WAKE, Remedy.START}]
        done = [found.id for found in await asyncio.gather(*map(heal, others)) if found]
        if waiting and await self._remedied(waiting[0]):
            done += [found.id for found in waiting]
        await compliance.mark_healed(self._pool, done)
        return len(done)

    async def _remedied(self, found: Found) -> bool:
        activity.heartbeat(found.id)
        try:
            if found.kind.remedy is Remedy.DELIVER:
                await self._temporal.deliver()
            else:
                await self._temporal.wake(found.subject)
        except (RPCError, LookupError) as error:
            log.warning("remedy_failed", kind=found.kind, subject=found.subject, reason=str(error))
            await compliance.mark_not_healed(self._pool, found.id, str(error))
            return False
        return True


class Look:
    """One look at everything; what moved in the last minute before it began is left alone."""

    def __init__(self, pool: Pool, run_id: str, now: datetime, dormant: datetime) -> None:
        """Look from this moment; whistles without an event since `dormant` are dormant."""
        self._pool = pool
        self._run_id = run_id
        self._before = now - UNDISTURBED
        self._now = now
        self._dormant = dormant
        self._amiss: set[str] = set()

    async def everywhere(self, temporal: Temporal) -> int:
        """Look at versions, clocks, starts and notices; gives how many whistles were compared."""
        running: dict[str, int] = {}
        async for page in temporal.running():
            running |= page
            activity.heartbeat(len(running))
        checked = await self._compare(running)
        async for late in faults.unstruck(self._pool, self._before):
            await self._note([fault for fault in late if fault.subject not in self._amiss])
        async for stuck in faults.never_started(self._pool, self._before):
            await self._note(stuck)
        await self._note(await faults.undelivered(self._pool, self._now - faults.UNDELIVERED_AFTER))
        return checked

    async def _compare(self, running: dict[str, int]) -> int:
        checked = 0
        async for page in faults.open_whistles(self._pool):
            checked += len(page)
            found = [fault for s in page for fault in self._judged(s, running.pop(s.whistle_id, None))]
            await self._note(found)
        left = sorted(running)
        for start in range(0, len(left), faults.PAGE):
            ids = left[start : start + faults.PAGE]
            known = await faults.standings(self._pool, ids)
            await self._note([fault for one in ids for fault in self._left(one, running[one], known.get(one))])
        return checked + len(left)

    def _judged(self, s: faults.Standing, version: int | None) -> Iterator[Fault]:
        if s.updated_at < self._before and (fault := self._behind(s, version)):
            yield fault
        if s.updated_at < self._dormant and s.state != State.SUSPENDED:
            yield Fault(kind=FaultKind.DORMANT, subject=s.whistle_id, detail=f"{s.state} {_instant(s.updated_at)}")

    def _left(self, whistle_id: str, version: int, standing: faults.Standing | None) -> Iterator[Fault]:
        """Judge what runs in Temporal and is not open in the store: closed of late, or not there at all."""
        if standing is None:
            yield Fault(kind=FaultKind.UNKNOWN, subject=whistle_id, detail=f"version {version}")
        elif standing.updated_at < self._before and (fault := self._behind(standing, version)):
            yield fault

    def _behind(self, s: faults.Standing, version: int | None) -> Fault | None:
        if version is None:
            if s.started_at is None or s.started_at >= self._before:
                return None
            return Fault(kind=FaultKind.GONE, subject=s.whistle_id, detail=f"store {s.version}, {s.state}")
        if version == s.version:
            return None
        kind = FaultKind.LAGGING if version < s.version else FaultKind.AHEAD
        return Fault(kind=kind, subject=s.whistle_id, detail=f"Temporal {version}, store {s.version}")

    async def _note(self, found: list[Fault]) -> None:
        activity.heartbeat()
        self._amiss |= {fault.subject for fault in found if fault.kind.remedy is Remedy.WAKE}
        await compliance.note(self._pool, self._run_id, found)


def _gaps(before: list[Ran], run: SweepRun, now: datetime) -> Iterator[Fault]:
    for ran in before:
        if ran.finished_at is None:
            yield Fault(kind=FaultKind.FAILED_RUN, subject=ran.run_id, detail=f"began {_instant(ran.started_at)}")
    for last in before[:1]:
        if now - last.started_at > 2 * run.interval + timedelta(seconds=30):
            detail = f"none from {_instant(last.started_at)} to {_instant(now)}"
            yield Fault(kind=FaultKind.MISSED_RUN, subject=last.run_id, detail=detail)


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise as_outage(error) from None

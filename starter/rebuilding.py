"""`whistle rebuild`: workflows made anew from the ledger, which is right whatever Temporal has lost, kept or got wrong.

A workflow that starts knows nothing but its whistle's id: it reads the ledger, shows what it finds, arms its timer and
strikes what is due. So a start is all that rebuilding takes, and starting twice changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import NotFoundError
from domain.values import Frozen
from domain.vocabulary.labelled import Labelled
from domain.whistle import Whistle
from starter.agreement import compare
from starter.availability import within_reach
from starter.opening import Opening
from starter.start import workflow_id_of
from starter.unrecorded import Unrecorded, last_history, unrecorded_commands
from starter.waking import running_versions
from storage.rebuilding import moving_whistles, whistles_stored
from storage.whistles import value_of

AT_ONCE = 20
PATIENCE = timedelta(minutes=2)
REASON = "whistle rebuild: made anew from the ledger"


class Outcome(Labelled):
    """What became of one whistle's workflow."""

    STARTED = "STARTED", "已重建"
    REPLACED = "REPLACED", "已替换"
    RUNS = "RUNS", "运行中"
    DIFFERS = "DIFFERS", "与台账不符,未动"
    ENDED = "ENDED", "已终结,无需流程"
    UNKNOWN = "UNKNOWN", "台账无此哨单,未动"
    TERMINATED = "TERMINATED", "台账无此哨单,已终止"
    WOULD_START = "WOULD_START", "将重建"
    WOULD_REPLACE = "WOULD_REPLACE", "将替换"


class Rebuilt(Frozen):
    """One whistle's workflow: what became of it, and where the history of the one before was kept.

    `unrecorded` are commands that the one before had taken and the ledger does not know: their senders send them again.
    """

    whistle_id: str
    outcome: Outcome
    detail: str | None = None
    kept: Path | None = None
    unrecorded: tuple[Unrecorded, ...] = ()


class How(Frozen):
    """How to rebuild; `replace` ends workflows that differ or were named, and keeps their histories in `keep`."""

    keep: Path
    replace: bool = False
    dry_run: bool = False


class Rebuilding:
    """Rebuilds workflows on one store and one Temporal."""

    def __init__(self, opening: Opening, how: How) -> None:
        """Rebuild in this way."""
        self._opening = opening
        self._pool = opening.pool
        self._temporal = opening.temporal
        self._how = how

    async def each(self, whistle_ids: Sequence[str]) -> AsyncIterator[Rebuilt]:
        """Rebuild these; with `replace` each of them, whatever it shows. Raises NotFoundError."""
        for whistle_id in whistle_ids:
            async with within_reach(PATIENCE):
                yield await self._rebuild(whistle_id, named=True)

    async def every(self, progress: Callable[[int], None]) -> AsyncIterator[Rebuilt]:
        """Rebuild every whistle that may still move; with `replace` those whose workflow differs from the ledger."""
        gate, done = asyncio.Semaphore(AT_ONCE), 0

        async def rebuild(whistle_id: str) -> Rebuilt:
            async with gate:
                return await self._rebuild(whistle_id, named=False)

        async for page in moving_whistles(self._pool):
            async with within_reach(PATIENCE):
                found = await asyncio.gather(*map(rebuild, page))
            done += len(page)
            progress(done)
            for one in found:
                yield one
        async for one in self._strays():
            yield one

    async def _strays(self) -> AsyncIterator[Rebuilt]:
        """Find workflows of whistles that the ledger does not have; with `replace` they are ended."""
        async for page in running_versions(self._temporal):
            async with within_reach(PATIENCE):
                stored = await whistles_stored(self._pool, list(page))
                found = [await self._stray(one) for one in page if one not in stored]
            for one in found:
                yield one

    async def _rebuild(self, whistle_id: str, *, named: bool) -> Rebuilt:
        whistle = await value_of(self._pool, whistle_id)
        if whistle is None:
            message = f"there is no whistle {whistle_id}"
            raise NotFoundError(message)
        if whistle.ended:
            return Rebuilt(whistle_id=whistle_id, outcome=Outcome.ENDED)
        compared = await compare(self._pool, self._temporal, whistle)
        if not compared.runs:
            return await self._start(whistle)
        if self._how.replace and (named or compared.difference):
            return await self._replace(whistle, compared.difference)
        outcome = Outcome.DIFFERS if compared.difference else Outcome.RUNS
        return Rebuilt(whistle_id=whistle_id, outcome=outcome, detail=compared.difference)

    async def _start(self, whistle: Whistle) -> Rebuilt:
        found = await self._before(whistle.whistle_id, Outcome.WOULD_START)
        if self._how.dry_run:
            return found
        await self._opening.open(whistle, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return found.model_copy(update={"outcome": Outcome.STARTED})

    async def _replace(self, whistle: Whistle, detail: str | None) -> Rebuilt:
        found = await self._before(whistle.whistle_id, Outcome.WOULD_REPLACE, detail)
        if self._how.dry_run:
            return found
        kept = await self._end(whistle.whistle_id)
        await self._opening.open(whistle, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return found.model_copy(update={"outcome": Outcome.REPLACED, "kept": kept})

    async def _stray(self, whistle_id: str) -> Rebuilt:
        found = await self._before(whistle_id, Outcome.UNKNOWN)
        if self._how.dry_run or not self._how.replace:
            return found
        kept = await self._end(whistle_id)
        return found.model_copy(update={"outcome": Outcome.TERMINATED, "kept": kept})

    async def _before(self, whistle_id: str, outcome: Outcome, detail: str | None = None) -> Rebuilt:
        history = await last_history(self._temporal, workflow_id_of(whistle_id))
        lost = await unrecorded_commands(self._pool, self._temporal, whistle_id, history) if history else []
        return Rebuilt(whistle_id=whistle_id, outcome=outcome, detail=detail, unrecorded=tuple(lost))

    async def _end(self, whistle_id: str) -> Path | None:
        workflow_id = workflow_id_of(whistle_id)
        try:
            await self._temporal.get_workflow_handle(workflow_id).terminate(reason=REASON)
        except RPCError as error:
            # It ended by itself meanwhile.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        history = await last_history(self._temporal, workflow_id)
        if history is None:
            return None
        kept = self._how.keep / f"{whistle_id.replace(':', '-')}-{history.run_id}.json"
        await asyncio.to_thread(_keep, kept, history.to_json())
        return kept


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")

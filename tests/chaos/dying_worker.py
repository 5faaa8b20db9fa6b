"""The worker, but for one planted fault: it dies right after the ledger's commit of certain commands, once.

The trap is a file in the data folder; whoever steps into it last takes it away first. Started by tests alone.
"""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import worker
from activities.ledger import LedgerActivities
from domain.brief import Brief
from domain.ledger import RecordInput
from settings import load_settings
from storage.pool import Pool

TRAP = "trap.json"


def set_trap(data_dir: Path, victims: Sequence[dict[str, Any]], also: Sequence[int] = ()) -> None:
    """Wait for requests of these names and fields; `also` are processes that die at the same moment."""
    new = data_dir / f"{TRAP}.new"
    new.write_text(json.dumps({"victims": victims, "also": also}))
    new.replace(data_dir / TRAP)


class DyingLedger(LedgerActivities):
    """Stores like the real one, and does not live to tell: who is stored first stays silent until all are."""

    def __init__(self, pool: Pool, profile: str) -> None:
        super().__init__(pool, profile)
        self._trap = load_settings().data_dir / TRAP
        self._caught: set[int] = set()

    async def record_command(self, request: RecordInput) -> Brief:
        """Store a command; if it is one of those, keep it from Temporal, and die with the last of them."""
        told = await super().record_command(request)
        if not self._trap.exists():
            return told
        trap = json.loads(self._trap.read_text())
        fields = ({"name": request.name, "whistle_id": request.whistle_id} | request.argument).items()
        caught = {i for i, victim in enumerate(trap["victims"]) if victim.items() <= fields}
        if not caught:
            return told
        self._caught |= caught
        if len(self._caught) == len(trap["victims"]):
            self._trap.unlink()
            for pid in (*trap["also"], os.getpid()):
                os.kill(pid, signal.SIGKILL)
        await asyncio.Event().wait()
        return told


if __name__ == "__main__":
    worker.LedgerActivities = DyingLedger
    worker.main()

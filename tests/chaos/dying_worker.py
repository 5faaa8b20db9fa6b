"""The worker, but for one planted fault: it dies right after the ledger's commit of one command, once.

The trap is a file in the data folder; whoever steps into it takes it away first. Started as a program by tests alone.
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

from temporalio import activity

import worker
from activities.ledger import LedgerActivities
from domain.brief import Brief
from domain.ledger import RecordInput
from settings import load_settings
from storage.pool import Pool

TRAP = "trap.json"


def set_trap(data_dir: Path, victim: dict[str, Any], *also: int) -> None:
    """Wait for a request that has this name and these fields; `also` are processes that die at the same moment."""
    new = data_dir / f"{TRAP}.new"
    new.write_text(json.dumps({"victim": victim, "also": also}))
    new.replace(data_dir / TRAP)


def is_set(data_dir: Path) -> bool:
    """Tell whether nobody has stepped into it yet."""
    return (data_dir / TRAP).exists()


class DyingLedger(LedgerActivities):
    """Stores like the real one, and does not always live to tell."""

    def __init__(self, pool: Pool, profile: str) -> None:
        super().__init__(pool, profile)
        self._trap = load_settings().data_dir / TRAP

    @activity.defn(name="record_command")
    async def record_command(self, request: RecordInput) -> Brief:
        """Store a command; die if it is the one."""
        told = await super().record_command(request)
        if told.commits and self._trap.exists():
            set_for = json.loads(self._trap.read_text())
            if set_for["victim"].items() <= ({"name": request.name} | request.argument).items():
                self._trap.unlink()
                for pid in (*set_for["also"], os.getpid()):
                    os.kill(pid, signal.SIGKILL)
        return told


if __name__ == "__main__":
    worker.LedgerActivities = DyingLedger
    worker.main()

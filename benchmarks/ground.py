"""A stack of a benchmark's own, in a folder that is removed, and how figures are printed."""

import asyncio
import os
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

from settings import Settings
from starter.embedded import EmbeddedStack, StackRecord, embedded_stack
from starter.preparation import GATEWAY, WORKER, Preparation

PROCESSES = ("worker", "gateway", "temporal", "postgres")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
Limits = Literal["default", "demo"]
Furnish = Callable[[Path, StackRecord], Awaitable[None]]


class Ground(NamedTuple):
    """A running stack, and the settings that lead to it."""

    stack: EmbeddedStack
    settings: Settings

    def cpu_s(self, name: str) -> float:
        """Give the seconds of processor that a part and its children have used."""
        return sum(_cpu_s(pid) for pid in _family(self.stack.pid(name)))

    def memory_mb(self, name: str) -> float:
        """Give the resident memory of a part and its children."""
        return sum(_resident_mb(pid) for pid in _family(self.stack.pid(name)))


@asynccontextmanager
async def ground(
    *, gateway: bool = False, furnish: Furnish | None = None, limits: Limits = "default", kept_in: Path | None = None
) -> AsyncIterator[Ground]:
    """Run a stack on these limits; `furnish` is called once the database is ready, before the worker starts.

    What is kept in a folder is found there again; without one, the stack is new and goes with the block.
    """
    with nullcontext(kept_in) if kept_in else tempfile.TemporaryDirectory(prefix="whistle-bench-") as folder:
        own = Settings.model_construct(data_dir=Path(folder) / "stack", limits=limits)
        preparation = Preparation(own)

        async def prepare(record: StackRecord) -> None:
            await preparation.prepare(record)
            if furnish:
                await furnish(own.data_dir, record)

        async with embedded_stack(
            own.data_dir,
            worker_command=WORKER,
            gateway_command=GATEWAY if gateway else None,
            migrate=preparation.migrate,
            prepare=prepare,
            settings=own,
            erase=kept_in is None,
        ) as stack:
            found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
            yield Ground(stack, own.model_copy(update=found))


def show(figures: dict[str, object]) -> None:
    """Print figures as lines of `key=value`."""
    print("\n".join(f"{key}={value}" for key, value in figures.items()), flush=True)


def run(work: Coroutine[Any, Any, None]) -> NoReturn:
    """Run a benchmark to its end and leave; the interpreter's own exit sometimes aborts (sdk-python#300)."""
    code = 1
    try:
        asyncio.run(work)
        code = 0
    except Exception:  # noqa: BLE001 - shown, and told by the code
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _family(pid: int | None) -> list[int]:
    found = [pid] if pid else []
    for one in found:
        tasks = Path(f"/proc/{one}/task")
        children = [task / "children" for task in tasks.iterdir()] if tasks.exists() else []
        found += [int(child) for listed in children for child in listed.read_text().split()]
    return found


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        # A connection that has just ended; what it used is lost to us.
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB

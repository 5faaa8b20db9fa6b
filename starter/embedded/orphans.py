"""Processes that a killed stack left behind: found by a mark in their environment or by the folder they stand in.

Linux ends children with their parent (see `parts`), so mostly there is only a moment to wait. What is told by /proc
is not told elsewhere: there nothing is found.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

MARK = "WHISTLE_PART_OF"
PATIENCE = timedelta(seconds=5)


def mark(data_dir: Path, part: str) -> str:
    """Give the value of the environment variable `MARK` that names a part of one stack."""
    return f"{part}@{data_dir}"


async def end_orphans(marks: set[str], folder: Path | None = None, patience: timedelta = PATIENCE) -> list[int]:
    """Wait for the processes that carry one of `marks` or stand in `folder`; SIGKILL those that outlast `patience`.

    Returns the ids of the killed ones. PostgreSQL's own children overwrite their environment, hence `folder`.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + patience.total_seconds()
    killed: list[int] = []
    while found := list(_orphans(marks, folder)):
        if clock() >= deadline:
            killed += [pid for pid in found if pid not in killed]
            for pid in found:
                _kill(pid)
        await asyncio.sleep(0.02)
    return killed


def _orphans(marks: set[str], folder: Path | None) -> Iterator[int]:
    wanted = {f"{MARK}={value}".encode() for value in marks}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if _is_running(entry) and (_stands_in(entry, folder) or wanted & _environment(entry)):
                yield int(entry.name)
        except OSError:
            continue


def _is_running(entry: Path) -> bool:
    state = (entry / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()[0]
    return state not in {"Z", "X"} and int(entry.name) != os.getpid()


def _stands_in(entry: Path, folder: Path | None) -> bool:
    if folder is None or not (entry / "exe").readlink().name.startswith("postgres"):
        return False
    return (entry / "cwd").readlink() == folder


def _environment(entry: Path) -> set[bytes]:
    return set((entry / "environ").read_bytes().split(b"\0"))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

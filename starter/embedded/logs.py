"""The log files of the parts: one previous is kept, and none grows without end."""

import asyncio
import shutil
from pathlib import Path

LARGEST_BYTES = 50_000_000
_LOOK_EVERY_S = 60


def rotate_logs(folder: Path) -> None:
    """Keep the logs of the last start as `*.log.1`, dropping those of the start before."""
    for log in folder.glob("*.log"):
        log.replace(log.with_name(f"{log.name}.1"))


async def keep_logs_small(folder: Path) -> None:
    """Look every minute, until cancelled, whether a log has grown too large, and rotate it under its writer."""
    while True:
        await asyncio.to_thread(rotate_large_logs, folder, LARGEST_BYTES)
        await asyncio.sleep(_LOOK_EVERY_S)


def rotate_large_logs(folder: Path, largest_bytes: int) -> None:
    """Keep what a log above `largest_bytes` holds as `*.log.1` and empty it.

    The writers hold the file open to append, so it is copied and emptied: lines written in between are lost.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > largest_bytes:
            shutil.copy2(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate(0)

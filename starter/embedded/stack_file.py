"""`stack.json` and the lock of a data folder.

The file stands while the stack runs and is removed when it stops. A killed stack leaves it behind, but not the lock:
readers (`settings.running_stack`) believe the file only while the lock is held.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from settings import LOCK_FILE, STACK_FILE
from starter.embedded.errors import StackAlreadyRunningError

_READERS_LET_GO_S = 0.3


class Pids(BaseModel):
    """The process of each part; None = it does not run, or is the user's own; and `codec`, where that runs."""

    model_config = ConfigDict(frozen=True, extra="allow")

    up: int
    postgres: int | None = None
    temporal: int | None = None
    worker: int | None = None
    gateway: int | None = None


class StackRecord(BaseModel):
    """What `stack.json` holds. The DSNs contain passwords, hence mode 0600."""

    model_config = ConfigDict(frozen=True)

    gateway_url: str | None = None
    temporal_address: str
    temporal_namespace: str
    task_queue: str
    temporal_ui_url: str | None = None
    temporal_http_url: str | None = None
    temporal_metrics_url: str | None = None
    worker_url: str | None = None
    """Where the worker tells how it is: `/healthz`, `/readyz`, `/metrics`."""
    codec_url: str | None = None
    """Where the codec server opens encrypted payloads for admins; None where payloads are not encrypted."""
    database_dsn: str = Field(repr=False)
    database_owner_dsn: str = Field(repr=False)
    postgres_folder: Path | None = None
    postgres_programs: Path | None = None
    socket_folder: Path | None = None
    log_folder: Path
    started_at: datetime
    pids: Pids


def write_record(data_dir: Path, record: StackRecord) -> None:
    """Replace `stack.json` at one stroke, readable by this user only."""
    new = data_dir / f"{STACK_FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=2) + "\n")
    new.replace(data_dir / STACK_FILE)


def remove_record(data_dir: Path) -> None:
    """Remove `stack.json`; idempotent."""
    (data_dir / STACK_FILE).unlink(missing_ok=True)


@contextmanager
def hold_lock(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process; raise `StackAlreadyRunningError` when another does.

    The kernel drops the lock however this process ends.
    """
    with os.fdopen(os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
        # A reader that asks whether we run holds it for a blink.
        deadline = time.monotonic() + _READERS_LET_GO_S
        while not _try_lock(file.fileno()):
            if time.monotonic() >= deadline:
                raise StackAlreadyRunningError(data_dir, file.read().strip() or "unknown")
            time.sleep(0.02)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

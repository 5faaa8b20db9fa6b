"""The doors to the embedded stack: `run_stack` is `whistle up`, `embedded_stack` the same for tests and demos."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from settings import STACK_FILE, Settings
from starter.embedded.errors import StackAlreadyRunningError
from starter.embedded.parts import Say, said_if_heard
from starter.embedded.postgres_home import outside_folder
from starter.embedded.stack import EmbeddedStack, Plan
from starter.embedded.stack_file import StackRecord, hold_lock

Migrate = Callable[[str], Awaitable[None]]
Prepare = Callable[[StackRecord], Awaitable[None]]


async def run_stack(
    settings: Settings,
    *,
    worker_command: Sequence[str] | None,
    gateway_command: Sequence[str] | None = None,
    codec_command: Sequence[str] | None = None,
    migrate: Migrate | None = None,
    prepare: Prepare | None = None,
    say: Say = print,
) -> None:
    """Run the stack in the foreground until Ctrl-C, SIGTERM or SIGHUP, then stop all of it within 15 s.

    `migrate` gets the owner's DSN, then `prepare` the whole record before the worker starts. Parts that the settings
    point elsewhere are not started. Raises the `EmbeddedStackError`s of a start.
    """
    say = said_if_heard(say)
    stack = EmbeddedStack(settings, Plan(worker_command, gateway_command, migrate, prepare, codec_command), say)
    with _stop_requested() as requested:
        waiting = asyncio.create_task(requested.wait())
        starting = asyncio.create_task(stack.start())
        try:
            await asyncio.wait({waiting, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                say(f"up; the addresses are in {stack.data_dir / STACK_FILE}; Ctrl-C stops it")
                await waiting
            say("stopping")
        finally:
            await _cancelled(waiting, starting)
            await stack.stop()
    say("stopped")


@asynccontextmanager
async def embedded_stack(
    data_dir: Path,
    *,
    worker_command: Sequence[str] | None = None,
    gateway_command: Sequence[str] | None = None,
    codec_command: Sequence[str] | None = None,
    migrate: Migrate | None = None,
    prepare: Prepare | None = None,
    settings: Settings | None = None,
    say: Say = lambda _line: None,
    erase: bool = False,
) -> AsyncIterator[EmbeddedStack]:
    """Run the stack on `data_dir` for the length of the block; `erase` removes all it stored afterwards.

    Without `settings` the environment is not read: a caller's own DSN or port cannot leak into a test.
    Raises the `EmbeddedStackError`s of a start.
    """
    base = Settings.model_construct() if settings is None else settings
    here = base.model_copy(update={"data_dir": data_dir})
    stack = EmbeddedStack(here, Plan(worker_command, gateway_command, migrate, prepare, codec_command), say)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()
        if erase:
            with suppress(StackAlreadyRunningError):
                erase_stack(data_dir)


def erase_stack(data_dir: Path) -> None:
    """Remove a stopped stack's data folder and what lies outside of it; raise `StackAlreadyRunningError` if it runs."""
    if data_dir.exists():
        with hold_lock(data_dir):
            shutil.rmtree(data_dir)
    outside = outside_folder(data_dir.resolve())
    if outside.exists():
        shutil.rmtree(outside)
        with suppress(OSError):
            outside.parent.rmdir()


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _stop_requested() -> Iterator[asyncio.Event]:
    loop = asyncio.get_running_loop()
    requested = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, requested.set)
    try:
        yield requested
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

"""One part of the stack: a child process that is started, kept running and stopped.

A child must not outlive its parent, however the parent ends. Linux sends it a signal then (PR_SET_PDEATHSIG), strictly
when the thread that forked ends, so parts are started on the event loop of the main thread.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from starter.embedded.accounts import Account
from starter.embedded.errors import PartNotStartedError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_PAUSES = (0.1, 0.5, 1.0, 2.0, 3.0)
_STEADY_S = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Launch:
    """How a part is run: `before` clears the way, `is_ready` tells by the process id when it serves.

    An `account` or `folder` of None and a `umask` of -1 leave those of this process.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    folder: str | None = None
    umask: int = -1
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    before: Callable[[], Awaitable[None]] | None = None
    is_ready: Callable[[int], Awaitable[bool]] | None = None
    ready_within: timedelta = timedelta(seconds=30)


class Part:
    """A running part; `changed` is called whenever its process id does."""

    def __init__(self, launch: Launch, say: Say, changed: Callable[[], None]) -> None:
        """Prepare the part; nothing runs yet."""
        self.launch = launch
        self._say = say
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process that is ready to serve, None while there is none."""
        process = self._process
        return process.pid if process is not None and process is self._ready and process.returncode is None else None

    async def start(self) -> None:
        """Start the part, wait until it is ready, and keep it running from then on; raise `PartNotStartedError`."""
        await self._start_once()
        self._keeper = asyncio.create_task(self._keep_running(), name=f"keep {self.launch.name}")

    async def stop(self, grace: timedelta) -> None:
        """Ask the part to end and leave it ended; SIGKILL for its whole process group after `grace`."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await self._end(grace)
        self._changed()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the process and give its id; raise `ProcessLookupError` when none runs."""
        pid = self.pid
        if pid is None:
            raise ProcessLookupError(self.launch.name)
        os.kill(pid, number)
        return pid

    async def until_replaced(self, former: int, within: timedelta) -> int:
        """Wait until another process than `former` is ready and give its id; raise `TimeoutError`."""
        async with asyncio.timeout(within.total_seconds()):
            while self.pid in {None, former}:  # noqa: ASYNC110 - the end of a process sets no event
                await asyncio.sleep(0.02)
        return self.pid or 0

    async def _start_once(self) -> None:
        if self.launch.before is not None:
            await self.launch.before()
        try:
            self._process = await _spawn(self.launch)
        except OSError as error:
            raise PartNotStartedError(self.launch.name, str(error), self.launch.log) from error
        try:
            await self._until_ready(self._process)
        except BaseException:
            await self._end(timedelta(0))
            raise
        self._ready = self._process
        self._changed()

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.launch.ready_within.total_seconds()
        while self.launch.is_ready is not None and not await self.launch.is_ready(process.pid):
            if process.returncode is not None:
                reason = f"it ended with {process.returncode}: {last_lines(self.launch.log)}"
                raise PartNotStartedError(self.launch.name, reason, self.launch.log)
            if clock() >= deadline:
                reason = f"not ready within {self.launch.ready_within.total_seconds():.0f} s"
                raise PartNotStartedError(self.launch.name, reason, self.launch.log)
            await asyncio.sleep(0.02)

    async def _keep_running(self) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            started = clock()
            code = await self._process.wait() if self._process is not None else 0
            self._changed()
            failures = 0 if clock() - started >= _STEADY_S else failures
            self._say(f"{self.launch.name} ended with {code}; starting it again")
            failures = await self._start_again(failures)

    async def _start_again(self, failures: int) -> int:
        while True:
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1
            try:
                await self._start_once()
            except PartNotStartedError as error:
                self._say(str(error))
            else:
                self._say(f"{self.launch.name} runs again (process {self.pid})")
                return failures

    async def _end(self, grace: timedelta) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None and grace > timedelta(0):
            _signal_group(process.pid, self.launch.stop_signal, whole=False)
            # A part that a test has paused with SIGSTOP could not hear the request.
            _signal_group(process.pid, signal.SIGCONT, whole=False)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), grace.total_seconds())
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGKILL, whole=True)
            await process.wait()


def last_lines(log: Path, count: int = 3) -> str:
    """Give the last lines of a log on one line, for an error message."""
    try:
        lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "no log"
    return " / ".join(lines[-count:]) or "nothing logged"


def said_if_heard(say: Say) -> Say:
    """Give a `say` that a closed terminal or pipe cannot break: the parts must be kept running all the same."""

    def said(line: str) -> None:
        with contextlib.suppress(OSError):
            say(line)

    return said


async def run_to_end(launch: Launch) -> None:
    """Run a program that ends by itself; raise `PartNotStartedError` when it fails. It dies with its parent too."""
    process = await _spawn(launch)
    try:
        await asyncio.wait_for(process.wait(), launch.ready_within.total_seconds())
    except BaseException:
        _signal_group(process.pid, signal.SIGKILL, whole=True)
        await process.wait()
        raise
    if process.returncode != 0:
        raise PartNotStartedError(launch.name, last_lines(launch.log), launch.log)


async def _spawn(launch: Launch) -> asyncio.subprocess.Process:
    account = launch.account
    descriptor = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *launch.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=launch.folder,
            env=dict(launch.environment),
            umask=launch.umask,
            start_new_session=True,
            preexec_fn=_end_with_parent(launch.death_signal),
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    finally:
        os.close(descriptor)


def _end_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def ask_the_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        # The parent may have gone between fork and prctl: no signal would come any more.
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


def _signal_group(pid: int, number: signal.Signals, *, whole: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if whole:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)

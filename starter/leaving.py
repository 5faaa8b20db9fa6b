"""How a process of ours ends: in good order, by force where that takes too long, and never as a zombie.

What forces an end is a thread: an event loop that hangs could not.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from datetime import timedelta
from typing import NoReturn

import structlog

STUCK = 70
"""The exit code of a process that ended itself because it made no progress (EX_SOFTWARE): start it again."""
_BEAT_S = 1.0

log = structlog.get_logger("leaving")


def leave(code: int) -> NoReturn:
    """End this process at once: the interpreter's own exit sometimes aborts after all work is done (sdk-python#300)."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def leave_by_force(after: timedelta, code: int) -> None:
    """End this process after that time, whatever still runs in it then."""

    def end() -> NoReturn:
        log.error("left_by_force", after_s=after.total_seconds())
        leave(code)

    timer = threading.Timer(after.total_seconds(), end)
    timer.daemon = True
    timer.start()


def leave_if_loop_hangs(for_as_long_as: timedelta) -> None:
    """End this process with STUCK and a traceback of every thread once its running event loop has hung for so long.

    Time in which nothing of the process ran, as under SIGSTOP, does not count.
    """
    heart = _Heart(asyncio.get_running_loop())
    threading.Thread(target=_watch, args=(heart, for_as_long_as.total_seconds()), daemon=True).start()


class _Heart:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.beats = 0
        self._beat()

    def _beat(self) -> None:
        self.beats += 1
        self._loop.call_later(_BEAT_S, self._beat)


def _watch(heart: _Heart, longest_s: float) -> None:
    seen, hung_s = 0, 0.0
    while hung_s < longest_s:
        time.sleep(_BEAT_S)
        hung_s = hung_s + _BEAT_S if heart.beats == seen else 0.0
        seen = heart.beats
    faulthandler.dump_traceback(all_threads=True)
    log.critical("event_loop_hangs", for_s=hung_s)
    leave(STUCK)

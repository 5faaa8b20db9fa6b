"""`whistle worker`, `whistle gateway`, `whistle codec-server`: this process becomes one of them."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from starter.commands import CODEC_SERVER, GATEWAY, WORKER


def worker() -> NoReturn:
    """Run a worker on the task queue whistle until SIGTERM."""
    _become(WORKER)


def gateway() -> NoReturn:
    """Run a gateway on WHISTLE_HTTP_HOST and WHISTLE_HTTP_PORT (127.0.0.1, 8080) until SIGTERM."""
    _become(GATEWAY)


def codec_server() -> NoReturn:
    """Run a codec server on WHISTLE_HTTP_HOST and WHISTLE_CODEC_PORT (127.0.0.1, 8081) until SIGTERM."""
    _become(CODEC_SERVER)


def _become(command: Sequence[str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], list(command))  # noqa: S606 - it takes this process's place, and its signals

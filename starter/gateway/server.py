"""The gateway as a process: it listens, ends its streams and finishes what is in hand on SIGTERM, and leaves with 0."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn, Protocol

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from domain.errors import TemporarilyUnavailableError
from observability import configure_logging
from observability.tracing import tracing_of
from settings import WRONG_USAGE, Settings, SettingsInvalidError, settings_of_process
from starter.encryption.conversion import data_converter
from starter.gateway.app import create_app
from starter.gateway.problems import MEDIA_TYPE, UnreadableError, encoded, problem
from starter.leaving import leave, leave_by_force, leave_if_loop_hangs

DEFAULT_PORT = 8080
KEEP_ALIVE_S = 30
LARGEST_HEAD = 32_768
LEEWAY = timedelta(seconds=1)
_NOT_ASCII = "the address holds more than ASCII: percent-encode it, as curl -G --data-urlencode q=河道 does"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger("gateway")


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on a client whose request does not come, and says even then what was wrong."""

    read_within = timedelta(seconds=10)
    _timer: asyncio.TimerHandle | None = None
    _address_is_ascii = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait on while the request's head is not whole."""
        self._address_is_ascii = data.partition(b"\r\n")[0].isascii()
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._wait_no_more()
            self.scope["whistle.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def send_400_response(self, msg: str) -> None:
        """Say in the form of every other error that this is no HTTP."""
        body = encoded(problem(UnreadableError(msg if self._address_is_ascii else _NOT_ASCII)))
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.read_within.total_seconds(), self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Leaving(Protocol):
    """What an application is told when its process is asked to leave."""

    def leave(self) -> None:
        """Be ready for nothing more."""


class Server(uvicorn.Server):
    """A server that tells its application as soon as it is asked to leave, so that streams end."""

    def __init__(self, name: str, config: uvicorn.Config, context: Leaving, graceful: timedelta) -> None:
        """Serve this configuration's application; the log knows it by its name."""
        super().__init__(config)
        self._stopping = f"{name}_stopping"
        self._context = context
        self._graceful = graceful

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take the signals for the length of the block; unlike uvicorn's own, do not die of them afterwards."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._ask_to_leave)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _ask_to_leave(self) -> None:
        log.info(self._stopping)
        self.should_exit = True
        self._context.leave()
        leave_by_force(self._graceful, 1)


async def listening(name: str, app: FastAPI, context: Leaving, settings: Settings, port: int) -> None:
    """Serve an application until the process is asked to leave."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=port,
        http=type("Protocol", (ImpatientProtocol,), {"read_within": settings.read_within}),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, int((settings.graceful_shutdown - 2 * LEEWAY).total_seconds())),
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    leave_if_loop_hangs(2 * settings.stalled_after)
    started = f"{name}_started"
    log.info(started, host=settings.http_host, port=port)
    await Server(name, config, context, settings.graceful_shutdown).serve()


def run_as_process(name: str, run: Callable[[Settings], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run a server by the settings of this process, and leave with 0, with 2 for wrong settings, else with 1."""
    settings, failed, stopped = settings_of_process(), f"{name}_failed", f"{name}_stopped"
    configure_logging(settings.log_level)
    for library in ("uvicorn.error", "httpx"):
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        asyncio.run(run(settings))
    except SettingsInvalidError as error:
        log.error(failed, reason=str(error))  # noqa: TRY400 - its sentence says all
        leave(WRONG_USAGE)
    except TemporarilyUnavailableError as error:
        log.error(failed, reason=error.detail)  # noqa: TRY400 - its sentence says all
        leave(1)
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else 1)
    except Exception:
        log.exception(failed)
        leave(1)
    log.info(stopped)
    leave(0)


def main() -> NoReturn:
    """Run the gateway as a process of its own until SIGTERM."""
    run_as_process("gateway", _run)


async def _run(settings: Settings) -> None:
    if settings.database_dsn is None or settings.temporal_address is None:
        message = f"no stack runs on {settings.data_dir}: set WHISTLE_DATABASE_DSN and TEMPORAL_ADDRESS, or start one"
        raise TemporarilyUnavailableError(message)
    # Else it would be said in the midst of a start-up, where uvicorn keeps it to itself.
    data_converter(settings)
    tracing = tracing_of("whistle-gateway", settings.traced_by)
    app = create_app(settings, tracing)
    gc.freeze()
    gc.enable()
    try:
        await listening("gateway", app, app.state.context, settings, settings.http_port or DEFAULT_PORT)
    finally:
        await asyncio.to_thread(tracing.close)

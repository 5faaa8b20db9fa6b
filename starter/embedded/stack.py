"""The embedded stack as one object: its parts in their order, its addresses, and ways to break a part on purpose."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from settings import Settings
from starter.embedded.accounts import make_folder
from starter.embedded.errors import StackNotRunningError
from starter.embedded.launches import Surroundings, codec_launch, gateway_launch, worker_launch
from starter.embedded.logs import keep_logs_small, rotate_logs
from starter.embedded.orphans import end_orphans, mark
from starter.embedded.parts import Launch, Part, Say, said_if_heard
from starter.embedded.ports import choose_ports
from starter.embedded.postgres import APPLICATION, OWNER, PostgresServer, ensure_roles_and_database, prepare_postgres
from starter.embedded.postgres_home import find_home, tidy_socket_folder
from starter.embedded.stack_file import Pids, StackRecord, hold_lock, remove_record, write_record
from starter.embedded.temporal import temporal_launch
from starter.encryption.ring_file import ensured_ring

PARTS = ("postgres", "temporal", "worker", "gateway", "codec")
WORKER_SHUTDOWN = timedelta(seconds=10)
# The worker's own shutdown plus its exit; then what is left of the time for the servers.
WORKER_GRACE = WORKER_SHUTDOWN + timedelta(seconds=1)
STOP_WITHIN = timedelta(seconds=14)


@dataclass(frozen=True)
class Plan:
    """What runs beside the servers: commands (None = that part is left out) and what is done before they start."""

    worker_command: Sequence[str] | None = None
    gateway_command: Sequence[str] | None = None
    migrate: Callable[[str], Awaitable[None]] | None = None
    prepare: Callable[[StackRecord], Awaitable[None]] | None = None
    codec_command: Sequence[str] | None = None
    """Runs only where payloads are encrypted."""


class EmbeddedStack:
    """PostgreSQL, Temporal, worker and gateway on one data folder."""

    def __init__(self, settings: Settings, plan: Plan, say: Say) -> None:
        """Describe the stack of `settings.data_dir`; nothing is touched yet."""
        self.data_dir = settings.data_dir.resolve()
        self.log_folder = self.data_dir / "logs"
        self._settings = settings
        self._plan = plan
        self._say = said_if_heard(say)
        self._held = ExitStack()
        self._holds_folder = False
        self._parts: dict[str, Part] = {}
        self._ports: dict[str, int] = {}
        self._postgres: PostgresServer | None = None
        self._started_at: datetime | None = None
        self._log_keeper: asyncio.Task[None] | None = None
        self._codec_command: Sequence[str] | None = None

    @property
    def database_dsn(self) -> str:
        """Where the application's role finds the database."""
        return self._settings.database_dsn or self._own_postgres().dsn(APPLICATION)

    @property
    def database_owner_dsn(self) -> str:
        """Where the role that migrates finds the database."""
        given = self._settings.database_owner_dsn or self._settings.database_dsn
        return given or self._own_postgres().dsn(OWNER)

    @property
    def postgres_port(self) -> int:
        """The port of our own PostgreSQL, by TCP and in the name of its socket."""
        return self._own_postgres().port

    @property
    def temporal_address(self) -> str:
        """Host and port of the Temporal frontend."""
        return self._settings.temporal_address or f"127.0.0.1:{self._ports['temporal']}"

    @property
    def gateway_url(self) -> str | None:
        """Where the gateway listens, None without one."""
        return self._url("http") if self._plan.gateway_command else None

    @property
    def record(self) -> StackRecord:
        """Everything that `stack.json` tells, as of now."""
        home = self._postgres.home if self._postgres else None
        pids = Pids(up=os.getpid(), **{name: part.pid for name, part in self._parts.items()})
        return StackRecord(
            gateway_url=self.gateway_url,
            worker_url=self._url("worker"),
            codec_url=self._url("codec"),
            temporal_address=self.temporal_address,
            temporal_namespace=self._settings.temporal_namespace,
            task_queue=self._settings.task_queue,
            temporal_ui_url=self._url("ui"),
            temporal_http_url=self._url("temporal_http"),
            temporal_metrics_url=self._url("temporal_metrics", "/metrics"),
            database_dsn=self.database_dsn,
            database_owner_dsn=self.database_owner_dsn,
            postgres_folder=home.cluster if home else None,
            postgres_programs=home.programs if home else None,
            socket_folder=home.socket_folder if home else None,
            log_folder=self.log_folder,
            started_at=self._started_at or datetime.now(UTC),
            pids=pids,
        )

    async def start(self) -> None:
        """Start every part in order and write `stack.json`; a failure stops what had started and raises.

        Raises `StackAlreadyRunningError`, `PortTakenError`, `PartNotStartedError` and the other `EmbeddedStackError`s.
        """
        make_folder(self.data_dir, None, 0o711 if os.geteuid() == 0 else 0o700)
        self._held.enter_context(hold_lock(self.data_dir))
        self._holds_folder = True
        # One that a killed stack left behind would pass for ours, now that the folder is locked.
        remove_record(self.data_dir)
        try:
            await self._start_parts()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every part within 15 s, worker and gateway before the servers, and remove `stack.json`; idempotent."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + STOP_WITHIN.total_seconds()
        self._started_at = None
        if self._log_keeper is not None:
            self._log_keeper.cancel()
        await self._stop_parts(("worker", "gateway", "codec"), WORKER_GRACE)
        await self._stop_parts(("temporal", "postgres"), timedelta(seconds=max(deadline - clock(), 1)))
        if self._postgres is not None:
            tidy_socket_folder(self._postgres.home)
            self._postgres = None
        if self._holds_folder:
            remove_record(self.data_dir)
            self._holds_folder = False
        self._ports = {}
        self._held.close()

    def pid(self, name: str) -> int | None:
        """Give the process id of a part that is ready, else None."""
        return self._parts[name].pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a part and give the id of its process; after a kill the stack starts it again by itself."""
        return self._parts[name].signal(number)

    async def crash(self, name: str, within: timedelta = timedelta(seconds=20)) -> int:
        """SIGKILL a part and wait until it is ready again; give its new process id, or raise `TimeoutError`."""
        former = self.kill(name)
        return await self._parts[name].until_replaced(former, within)

    async def take_down(self, name: str, grace: timedelta = timedelta(seconds=5)) -> None:
        """Stop a part and leave it down; a grace of zero is SIGKILL."""
        await self._parts[name].stop(grace)

    async def bring_up(self, name: str) -> None:
        """Start a part that was taken down, and wait until it is ready."""
        await self._parts[name].start()

    async def restart(self, name: str) -> None:
        """Stop a part gracefully, start it again and wait until it is ready."""
        await self.take_down(name, WORKER_GRACE)
        await self.bring_up(name)

    async def _start_parts(self) -> None:
        await end_orphans({mark(self.data_dir, name) for name in PARTS})
        make_folder(self.log_folder, None, 0o700)
        rotate_logs(self.log_folder)
        self._prepare_keys()
        self._ports = choose_ports(self.data_dir, self._wanted_ports())
        self._log_keeper = asyncio.create_task(keep_logs_small(self.log_folder))
        await _all_or_first_error(self._start_database(), self._start_temporal())
        if self._plan.prepare is not None:
            await self._plan.prepare(self.record)
        if self._plan.worker_command:
            launch = worker_launch(self._surroundings(), self._plan.worker_command, self._ports["worker"])
            await self._start_part(launch)
        if self._plan.gateway_command:
            launch = gateway_launch(self._surroundings(), self._plan.gateway_command, self._ports["http"])
            await self._start_part(launch)
        if self._codec_command:
            around, port = self._surroundings(), self._ports["codec"]
            await self._start_part(codec_launch(around, self._codec_command, port, self._url("ui")))
        self._started_at = datetime.now(UTC)
        self._rewrite_record()

    def _prepare_keys(self) -> None:
        ring = ensured_ring(self._settings)
        if ring is not None:
            self._codec_command = self._plan.codec_command
            used = f"encrypted with the key {ring.current}" if ring.current else "no longer encrypted"
            self._say(
                f"payloads are {used}; the key ring is {self._settings.payload_ring_file or 'in the environment'}"
            )

    async def _start_database(self) -> None:
        if self._settings.database_dsn is None:
            home = await asyncio.to_thread(find_home, self.data_dir)
            self._postgres = await prepare_postgres(self.data_dir, home, self._ports["postgres"], self._say)
            await self._start_part(self._postgres.launch)
            await ensure_roles_and_database(self._postgres)
            self._say(f"PostgreSQL on 127.0.0.1:{self._ports['postgres']}, its data in {home.cluster}")
        if self._plan.migrate is not None:
            await self._plan.migrate(self.database_owner_dsn)
            self._say("migrations applied")

    async def _start_temporal(self) -> None:
        if self._settings.temporal_address is None:
            namespace = self._settings.temporal_namespace
            launch = temporal_launch(self.data_dir, self._ports, namespace, self._url("codec"))
            await self._start_part(launch)
            self._say(f"Temporal on {self.temporal_address}, its UI on {self._url('ui')}")

    async def _start_part(self, launch: Launch) -> None:
        part = Part(launch, self._say, self._rewrite_record)
        self._parts[launch.name] = part
        await part.start()

    async def _stop_parts(self, names: Sequence[str], grace: timedelta) -> None:
        present = [self._parts.pop(name) for name in names if name in self._parts]
        await asyncio.gather(*(part.stop(grace) for part in present))

    def _surroundings(self) -> Surroundings:
        return Surroundings(self._settings, self.data_dir, self.database_dsn, self.temporal_address, WORKER_SHUTDOWN)

    def _wanted_ports(self) -> dict[str, int | None]:
        wanted: dict[str, int | None] = {}
        if self._settings.database_dsn is None:
            wanted["postgres"] = self._settings.postgres_port
        if self._settings.temporal_address is None:
            wanted |= {"temporal": self._settings.temporal_port, "ui": self._settings.ui_port}
            wanted |= {"temporal_http": None, "temporal_metrics": None}
        if self._plan.worker_command:
            wanted["worker"] = self._settings.worker_http_port
        if self._codec_command:
            wanted["codec"] = self._settings.codec_port
        if self._plan.gateway_command:
            wanted["http"] = self._settings.http_port
        return wanted

    def _rewrite_record(self) -> None:
        # Only of a whole stack: a reader must not take the first half of a start for a stack that runs.
        if self._started_at is not None:
            write_record(self.data_dir, self.record)

    def _url(self, port: str, path: str = "") -> str | None:
        return f"http://127.0.0.1:{self._ports[port]}{path}" if port in self._ports else None

    def _own_postgres(self) -> PostgresServer:
        if self._postgres is None:
            raise StackNotRunningError(self.data_dir)
        return self._postgres


async def _all_or_first_error(*steps: Awaitable[None]) -> None:
    # Not a TaskGroup: callers catch the named error, not a group around it.
    for outcome in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome

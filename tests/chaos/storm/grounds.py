"""A stack whose worker and gateway reach their servers only by lines with weather, as clients reach the gateway."""

import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg

from settings import Settings
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack, embedded_stack
from starter.embedded.launches import Surroundings, gateway_launch, worker_launch
from starter.embedded.parts import Part
from starter.embedded.ports import choose_ports
from starter.embedded.postgres import DATABASE
from starter.embedded.stack_file import StackRecord
from starter.preparation import GATEWAY, Preparation
from storage.catalogues import import_catalogue
from storage.pool import open_pool
from tests.chaos.conftest import enterable_folder, patient_limits
from tests.chaos.storm.deck import LINES
from tests.chaos.storm.letterbox import Letterbox
from tests.chaos.storm.weather_station import Station, station
from tests.chaos.town import ROOT

WORKER = (sys.executable, "-m", "tests.chaos.dying_worker")
"""The real worker, which the monkey can have die right after a commit."""
SERVERS = ("postgres", "temporal")
GRACE = timedelta(seconds=2)
BACK_WITHIN = timedelta(seconds=90)
"""How long a killed part may take to be there again while others are away too."""
_READ_ONLY = f"alter database {DATABASE} set default_transaction_read_only = {{}}"
_END_SESSIONS = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"


class Grounds(NamedTuple):
    """Where a storm rages: the servers, our two processes, the lines between them, and a way in without weather."""

    stack: EmbeddedStack
    parts: dict[str, Part]
    station: Station
    client: WhistleClient
    letterbox: Letterbox
    http_port: int
    """Where the gateway itself listens."""

    @property
    def gateway_url(self) -> str:
        """Where clients find the gateway: behind a line."""
        return f"http://127.0.0.1:{self.station.ports['client-gateway']}"

    @property
    def worker_logs(self) -> list[Path]:
        """List what the workers wrote."""
        return list(self.stack.log_folder.glob("worker*.log*"))

    def pid(self, name: str) -> int | None:
        """Give the process id of a part that is ready, else None."""
        return self.stack.pid(name) if name in SERVERS else self.parts[name].pid

    async def crash(self, name: str) -> None:
        """SIGKILL a part and wait until it is ready again; raises ProcessLookupError where none is ready now."""
        if name in SERVERS:
            await self.stack.crash(name, BACK_WITHIN)
        else:
            part = self.parts[name]
            await part.until_replaced(part.signal(signal.SIGKILL), BACK_WITHIN)

    async def set_read_only(self, *, on: bool) -> None:
        """Let the database take no write, or take them again, in every session from now on."""
        owner = urlsplit(self.stack.database_owner_dsn)._replace(path="/postgres").geturl()
        connection = await asyncpg.connect(owner, timeout=5)
        try:
            await connection.execute(_READ_ONLY.format("on" if on else "off"))
            await connection.fetch(_END_SESSIONS, DATABASE)
        finally:
            await connection.close()


@asynccontextmanager
async def grounds(seed: int, *, keep: bool = False) -> AsyncIterator[Grounds]:
    """Run everything for the length of the block, on a folder that is removed afterwards unless its logs are kept."""
    folder = enterable_folder()
    settings = Settings.model_construct(data_dir=folder / ".whistle", limits="demo")
    try:
        async with AsyncExitStack() as opened:
            letterbox = await opened.enter_async_context(Letterbox(seed).open())
            stack = await opened.enter_async_context(_servers(settings, letterbox, keep=keep))
            found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
            client = await opened.enter_async_context(WhistleClient.open(settings.model_copy(update=found), size=20))
            http = choose_ports(stack.data_dir, {"storm_worker": None, "storm_http": None})
            lines = await opened.enter_async_context(station(seed, _upstream(stack, http["storm_http"])))
            parts = await _parts(opened, settings, stack, lines, http)
            yield Grounds(stack, parts, lines, client, letterbox, http["storm_http"])
    finally:
        if not keep:
            shutil.rmtree(folder)


@asynccontextmanager
async def _servers(settings: Settings, letterbox: Letterbox, *, keep: bool) -> AsyncIterator[EmbeddedStack]:
    preparation = Preparation(settings)

    async def prepare(record: StackRecord) -> None:
        await preparation.prepare(record)
        async with await open_pool(record.database_owner_dsn, size=1) as pool:
            await import_catalogue(pool, "limits", patient_limits())
            await import_catalogue(pool, "contacts", letterbox.furnish(settings.data_dir))

    async with embedded_stack(
        settings.data_dir, migrate=preparation.migrate, prepare=prepare, settings=settings, erase=not keep
    ) as stack:
        yield stack


def _upstream(stack: EmbeddedStack, http: int) -> dict[str, int]:
    temporal = int(stack.temporal_address.rpartition(":")[2])
    ports = {"gateway": http, "postgres": stack.postgres_port, "temporal": temporal}
    return {name: ports[name.rpartition("-")[2]] for name in LINES}


async def _parts(
    opened: AsyncExitStack, settings: Settings, stack: EmbeddedStack, lines: Station, http: dict[str, int]
) -> dict[str, Part]:
    launches = (
        worker_launch(_seen_by("worker", settings, stack, lines), WORKER, http["storm_worker"]),
        gateway_launch(_seen_by("gateway", settings, stack, lines), GATEWAY, http["storm_http"]),
    )
    parts: dict[str, Part] = {}
    for launch in launches:
        part = Part(replace(launch, folder=str(ROOT)), _say_nothing, _change_nothing)
        parts[launch.name] = part
        await part.start()
        opened.push_async_callback(part.stop, GRACE)
    return parts


def _seen_by(name: str, settings: Settings, stack: EmbeddedStack, lines: Station) -> Surroundings:
    dsn = urlsplit(stack.database_dsn)
    through = dsn.netloc.replace(f":{stack.postgres_port}", f":{lines.ports[f'{name}-postgres']}")
    address = f"127.0.0.1:{lines.ports[f'{name}-temporal']}"
    return Surroundings(settings, stack.data_dir, dsn._replace(netloc=through).geturl(), address, GRACE)


def _say_nothing(_line: str) -> None:
    return


def _change_nothing() -> None:
    return

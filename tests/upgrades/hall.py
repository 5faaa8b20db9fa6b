"""A hall with several gateways, and people who go to the next one when one does not answer, as behind a balancer."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from starter.embedded.ports import choose_ports
from starter.identity import read_keys
from tests.chaos.findings import until
from tests.chaos.story import SOURCE, Act, matter
from tests.chaos.town import PERSEVERANCE_S, ROOT, Crowd, Town

GIVES_UP_AFTER_S = 20
_COMMANDS = "select whistle_id, command_id from command where whistle_id = any($1)"


class Gateway(NamedTuple):
    """A gateway of a process of its own."""

    http: httpx.AsyncClient
    process: asyncio.subprocess.Process


class Hall:
    """The gateways in service."""

    def __init__(self, town: Town) -> None:
        """Open on the stack of this town, without a gateway yet."""
        self._town = town
        self.gateways: list[Gateway] = []
        self.turned_away = 0
        """How often somebody had to go to the next one."""

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        """Run a gateway in service until it leaves, or until the end."""
        port = choose_ports(Path(self._town.stack.data_dir), {"http": None})["http"]
        told = self._town.environment() | {"WHISTLE_HTTP_PORT": str(port), "WHISTLE_GRACEFUL_SHUTDOWN_S": "10"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "starter.gateway", stderr=asyncio.subprocess.DEVNULL, cwd=ROOT, env=told
        )
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=GIVES_UP_AFTER_S) as http:
                await until(lambda: _is_ready(http), 120)
                opened = Gateway(http, process)
                self.gateways.append(opened)
                yield opened
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def post(self, name: str, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        """Send the same to one gateway after another until one tells the outcome."""
        headers = {"Authorization": f"Bearer {read_keys(self._town.stack.data_dir)[name]}", "Idempotency-Key": key}
        async with asyncio.timeout(PERSEVERANCE_S):
            turn = hash(key)
            while True:
                turn += 1
                try:
                    answer = await self._at(turn).post(path, json=body, headers=headers)
                except httpx.TransportError:
                    self.turned_away += 1
                else:
                    if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR and answer.status_code != _TOO_MANY:
                        return answer
                    self.turned_away += 1
                await asyncio.sleep(0.05)

    def _at(self, turn: int) -> httpx.AsyncClient:
        return self.gateways[turn % len(self.gateways)].http


class Callers(Crowd):
    """The people of a crowd who come by HTTP; what was acknowledged to them must be stored once."""

    def __init__(self, town: Town, hall: Hall) -> None:
        """Go to this hall."""
        super().__init__(town)
        self._hall = hall
        self.acknowledged: dict[str, set[str]] = defaultdict(set)

    async def register(self, **changes: Any) -> str:
        """Register a fresh matter and give its id."""
        same = matter(**changes)
        answer = await self._hall.post(SOURCE, "/v1/whistles", same, same["external_id"])
        assert answer.is_success, answer.text
        self.whistle_ids.append(answer.json()["whistle_id"])
        return self.whistle_ids[-1]

    async def do(self, whistle_id: str, act: Act, key: str) -> Any:
        """Do an act under one key, at one gateway after another until one tells the outcome."""
        # A key is one command of one caller, whatever the whistle.
        sent = f"{whistle_id}-{key}"
        self.sent[whistle_id].add(f"{act.who}:{sent}")
        path = f"/v1/whistles/{whistle_id}/{act.command.replace('_', '-')}"
        answer = await self._hall.post(act.who, path, act.body, sent)
        assert answer.is_success, f"{act} of {whistle_id}: {answer.text}"
        self.acknowledged[whistle_id].add(f"{act.who}:{sent}")

    async def assert_nothing_is_lost_or_twice(self, within_s: float = 60, *, worker_died: bool = False) -> None:
        """Check every invariant, and that each acknowledged command is stored."""
        await super().assert_nothing_is_lost_or_twice(within_s, worker_died=worker_died)
        stored = defaultdict[str, set[str]](set)
        for row in await self.town.client.pool.fetch(_COMMANDS, self.whistle_ids):
            stored[row["whistle_id"]].add(row["command_id"])
        lost = {one: ids - stored[one] for one, ids in self.acknowledged.items() if ids - stored[one]}
        assert lost == {}


_TOO_MANY = httpx.codes.TOO_MANY_REQUESTS


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).is_success
    except httpx.TransportError:
        return False

"""Where the runbook is played: a whole stack, its blocks run by bash, and `systemctl` answered by the stack itself."""

import asyncio
import os
import re
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from domain.errors import TemporarilyUnavailableError
from domain.ledger import Answer
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack
from starter.identity import read_keys
from storage.pool import Pool
from tests.chaos.story import SOURCE, Act, emergency, matter, review
from tests.life import actor
from tests.patience import until

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
UNITS = {
    "postgresql": "postgres",
    "temporal": "temporal",
    "whistle-worker.target": "worker",
    "whistle-gateway": "gateway",
}
"""The units that the runbook names, by the parts of the embedded stack that play them."""
WITHIN_S = 60.0
# What stands in for the program: it asks the test to do it.
SYSTEMCTL = f"""\
#!{sys.executable} -IS
import socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({{address!r}})
    line.sendall((" ".join(sys.argv[1:]) + "\\n").encode())
    answer = line.makefile().readline().strip()
print(answer or "done", file=sys.stderr)
sys.exit(bool(answer))
"""


def blocks(section: str) -> list[str]:
    """Give the bash blocks of one section of the runbook."""
    text = RUNBOOK.read_text("utf-8")
    _, heading, rest = text.partition(f"\n## {section}\n")
    assert heading, f"the runbook has no section {section}"
    body = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^```bash\n(.*?)^```", body, re.DOTALL | re.MULTILINE)
    assert found, f"{section} has no block"
    return found


class Ran(NamedTuple):
    """How a block ended, and what it said."""

    code: int
    out: str


class Stage(NamedTuple):
    """A running stack, the way in, and a folder for backups."""

    stack: EmbeddedStack
    client: WhistleClient
    owner: Pool
    settings: Settings
    backup: Path

    async def run(self, script: str, **variables: str) -> Ran:
        """Run a block as an administrator would, and wait for its end."""
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            f"set -euo pipefail\n{script}",
            env=self._environment() | variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return Ran(process.returncode or 0, out.decode())

    async def follow(self, section: str, *which: int, **variables: str) -> str:
        """Run a section's blocks, or these of them, each of which must succeed; give what they said."""
        said = []
        for i, block in enumerate(blocks(section)):
            if not which or i in which:
                ran = await self.run(block, **variables)
                assert ran.code == 0, f"{section}, block {i}:\n{block}\n{ran.out}"
                said.append(ran.out)
        return "\n".join(said)

    async def follow_until(self, section: str, which: int, word: str, **variables: str) -> str:
        """Run a block again and again until it says a word."""
        block, said = blocks(section)[which], [""]

        async def says() -> bool:
            said[0] = (await self.run(block, **variables)).out
            return word in said[0]

        await until(says)
        return said[0]

    async def register(self, **changes: str) -> str:
        """Register a matter and give its id."""
        registered = await self.client.register(matter(**changes), actor(SOURCE))
        return registered.whistle_id

    async def do(self, whistle_id: str, act: Act, key: str) -> Answer:
        """Send a command again and again until it is answered."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    return await self.try_once(whistle_id, act, key)
                except TemporarilyUnavailableError:
                    await asyncio.sleep(0.2)

    async def try_once(self, whistle_id: str, act: Act, key: str) -> Answer:
        """Send a command once; raises TemporarilyUnavailableError where the outcome stays unknown."""
        return await self.client.do(whistle_id, act.command, act.body, actor(act.who), f"{act.who}:{key}")

    async def blown(self) -> str:
        """Register a matter and bring it to BLOWN."""
        whistle_id = await self.register()
        for i, act in enumerate((review(), Act("leader@jinhaihu", "blow", {}))):
            await self.do(whistle_id, act, str(i))
        return whistle_id

    async def emergency(self) -> str:
        """Register a matter and call the departments at once; they are late after five seconds."""
        whistle_id = await self.register()
        await self.do(whistle_id, next(act for act in emergency() if act.command == "review"), "0")
        return whistle_id

    @asynccontextmanager
    async def subscription(self, url: str) -> AsyncIterator[dict[str, str]]:
        """Have an address told of everything for the length of the block; gives id and secret."""
        headers = {"Authorization": f"Bearer {read_keys(self.settings.data_dir)['admin']}"}
        gateway = self.stack.gateway_url or ""
        async with httpx.AsyncClient(base_url=gateway, headers=headers, trust_env=False) as http:
            made = await http.post("/v1/webhooks", json={"url": url, "events": ["*"]})
            assert made.status_code == httpx.codes.CREATED, made.text
            try:
                yield made.json()
            finally:
                await http.delete(f"/v1/webhooks/{made.json()['id']}")

    async def version(self, whistle_id: str) -> int:
        """Read how far the ledger is."""
        return (await self.client.view(whistle_id)).version

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WHISTLE_", "TEMPORAL_"))}
        home = self.stack.record.postgres_programs
        programs = [self.backup.parent / "bin", Path(sys.executable).parent, home, inherited["PATH"]]
        return inherited | {
            "PATH": ":".join(str(folder) for folder in programs if folder),
            "WHISTLE_DATA_DIR": str(self.stack.data_dir),
            "WHISTLE_DATABASE_DSN": self.stack.database_dsn,
            "WHISTLE_DATABASE_OWNER_DSN": self.stack.database_owner_dsn,
            "WHISTLE_LIMITS": self.settings.limits,
            "TEMPORAL_ADDRESS": self.stack.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
            "BACKUP": str(self.backup),
        }


@asynccontextmanager
async def systemctl(stack: EmbeddedStack, folder: Path) -> AsyncIterator[None]:
    """Put a `systemctl` into a folder that starts and stops the parts of this stack."""
    address = folder / "systemctl.socket"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, *units = (await reader.readline()).decode().split()
        try:
            for unit in units:
                await _obey(stack, verb, UNITS[unit])
            problem = ""
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            problem = f"{type(error).__name__}: {error}"
        writer.write(f"{problem}\n".encode())
        writer.close()

    program = folder / "bin" / "systemctl"
    _write_program(program, textwrap.dedent(SYSTEMCTL).format(address=str(address)))
    server = await asyncio.start_unix_server(answer, address)
    try:
        yield
    finally:
        server.close()
        address.unlink(missing_ok=True)


async def _obey(stack: EmbeddedStack, verb: str, part: str) -> None:
    runs = stack.pid(part) is not None
    if verb in {"stop", "restart"} and runs:
        await stack.take_down(part)
    if verb == "restart" or (verb == "start" and not runs):
        await stack.bring_up(part)


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)

"""The way into a stack that encrypts: its gateway, its command lines and its key ring."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from temporalio.client import Client

from settings import Settings
from starter.connecting import connect
from starter.encryption.key_ring import KeyRing
from starter.encryption.ring_file import read_ring
from starter.identity import read_keys
from tests.integration.gateway.gate import Gate


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: str
    err: str


class Shop(NamedTuple):
    """A running stack, and how a test comes to it."""

    gate: Gate
    settings: Settings

    @property
    def ring(self) -> KeyRing:
        """Read the key ring as it is now."""
        return read_ring(self.ring_file)

    @property
    def ring_file(self) -> Path:
        """Where it lies."""
        return self.settings.data_dir / "payload-keys.json"

    @property
    def codec_url(self) -> str:
        """Where the codec server is."""
        return str(self.gate.stack.record.codec_url)

    @property
    def ui_url(self) -> str:
        """Where Temporal's UI is."""
        return str(self.gate.stack.record.temporal_ui_url)

    @property
    def admin_key(self) -> str:
        """The key of the admin."""
        return read_keys(self.settings.data_dir)["admin"]

    async def temporal(self) -> Client:
        """Become a client with the keys of now."""
        return await connect(self.settings)

    async def whistle(self, *words: str) -> Ended:
        """Run `whistle …` as in a second terminal."""
        return await self._run("whistle", *words)

    async def whistle_json(self, *words: str) -> Any:
        """Run `whistle … --json`, which must succeed."""
        ended = await self.whistle(*words, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    async def temporal_cli(self, *words: str) -> Ended:
        """Run `temporal …` on this stack."""
        return await self._run("temporal", *words, "--address", self.gate.stack.temporal_address)

    async def _run(self, program: str, *words: str) -> Ended:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("WHISTLE_", "TEMPORAL_"))}
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name(program),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean | {"WHISTLE_DATA_DIR": str(self.settings.data_dir)},
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

"""Ports for the parts: the user's choice, else the ones of last time, else free ones.

They are taken from below the range that Linux gives to outgoing connections. From within it, a client that retries
while its server is down can be given the very port it dials and so connect to itself, and the server never comes back.
"""

import asyncio
import errno
import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from starter.embedded.errors import PortTakenError

PORTS_FILE = "ports.json"
FREE_RANGE = range(15000, 32000)
_ASKED_WITHIN_S = 5.0
VARIABLES = {
    "http": "WHISTLE_HTTP_PORT",
    "worker": "WHISTLE_WORKER_HTTP_PORT",
    "codec": "WHISTLE_CODEC_PORT",
    "temporal": "WHISTLE_TEMPORAL_PORT",
    "ui": "WHISTLE_UI_PORT",
    "postgres": "WHISTLE_POSTGRES_PORT",
}


def choose_ports(data_dir: Path, chosen: Mapping[str, int | None]) -> dict[str, int]:
    """Give a port for each name of `chosen` (None = any) and keep them for the next start.

    Raises `PortTakenError` when a port that the user chose is in use or chosen twice.
    """
    remembered = _remembered(data_dir)
    ports: dict[str, int] = {}
    for name, port in chosen.items():
        if port is None:
            continue
        if port in ports.values() or not is_free(port):
            raise PortTakenError(VARIABLES.get(name, name), port)
        ports[name] = port
    for name in chosen:
        if name not in ports:
            ports[name] = _stable_port(remembered.get(name), set(ports.values()))
    (data_dir / PORTS_FILE).write_text(json.dumps(remembered | ports, indent=2) + "\n", "utf-8")
    return ports


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


async def says_ready(port: int, _pid: int = 0) -> bool:
    """Tell whether GET /readyz on this port of 127.0.0.1 is answered with 200 now."""
    try:
        async with asyncio.timeout(_ASKED_WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
    except (OSError, TimeoutError):
        return False
    writer.close()
    return b" 200 " in status


def _stable_port(remembered: int | None, used: set[int]) -> int:
    if remembered is not None and remembered not in used and is_free(remembered):
        return remembered
    candidates = random.sample(FREE_RANGE, len(FREE_RANGE))  # nosec B311
    return next(port for port in candidates if port not in used and is_free(port))


def _remembered(data_dir: Path) -> dict[str, int]:
    try:
        found = json.loads((data_dir / PORTS_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int)}

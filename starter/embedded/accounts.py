"""Whom PostgreSQL runs as: it refuses root, so root drops to an account that is already there."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from starter.embedded.errors import NoUnprivilegedAccountError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user and group to drop to."""

    uid: int
    gid: int


def account_for(cluster: Path) -> Account | None:
    """Give the account that PostgreSQL must run as; None when this process is not root.

    An existing cluster keeps its owner, since PostgreSQL accepts no other. Raises `NoUnprivilegedAccountError`.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        status = cluster.stat()
        return Account(status.st_uid, status.st_gid)
    return unprivileged_account()


def unprivileged_account() -> Account:
    """Give `postgres` if there is such a user, else `nobody`; raise `NoUnprivilegedAccountError`."""
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoUnprivilegedAccountError(CANDIDATES)


def can_enter(account: Account | None, folder: Path) -> bool:
    """Tell whether the account may enter `folder`, by letting it try: mode bits alone do not tell."""
    if account is None:
        return True
    answer = subprocess.run(  # noqa: S603 - a fixed command; the folder is an argument, not text of it
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return answer.returncode == 0


def make_folder(folder: Path, account: Account | None, mode: int) -> Path:
    """Make `folder` for the account with exactly this mode, whatever the umask says; one that is there stays as is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(mode)
        if account is not None:
            os.chown(folder, account.uid, account.gid)
    return folder

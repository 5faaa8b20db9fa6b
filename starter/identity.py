"""Who may act: one key for every organisation of the catalogue, kept in keys.json, known to the store by its hash."""

import json
import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from domain.errors import UnauthenticatedError
from domain.organisations import Organisations
from domain.values import Actor
from domain.vocabulary import OrganisationType, Role
from starter.signing import fresh_secret
from storage.hooks import put_secret
from storage.keys import Principal, principal_of, put_key
from storage.pool import Pool

KEYS_FILE = "keys.json"
HOTLINE = "12345"
HOOK_PREFIX = "hook@"
_HOOKS = (HOTLINE, "grid")
"""The sources whose own JSON is taken in by the shipped mappings."""
HOOK_OVERLAP = timedelta(days=1)
_DISTRICT = {
    "platform": (Role.DISTRICT_PLATFORM, "platform"),
    "arbiter": (Role.ARBITER, "arbiter"),
    "supervisor": (Role.SUPERVISOR, "supervisor"),
    "admin": (Role.ADMIN, "admin"),
}


def principals(organisations: Organisations) -> Iterator[Principal]:
    """List everyone who gets a key: source, townships, departments, utilities, villages and the district's own."""
    yield Principal(name=f"source@{HOTLINE}", role=Role.SOURCE_SYSTEM, organisation=HOTLINE)
    for township in organisations.of_type(OrganisationType.TOWNSHIP):
        for name, role in (
            ("grid", Role.GRID_WORKER),
            ("clerk", Role.TOWNSHIP_CLERK),
            ("leader", Role.TOWNSHIP_LEADER),
        ):
            yield Principal(name=f"{name}@{township.code}", role=role, organisation=township.code)
    for department in organisations.departments():
        yield Principal(name=f"department@{department.code}", role=Role.DEPARTMENT, organisation=department.code)
    for village in organisations.of_type(OrganisationType.VILLAGE):
        yield Principal(name=f"village@{village.code}", role=Role.DEPARTMENT, organisation=village.code)
    for name, (role, organisation) in _DISTRICT.items():
        yield Principal(name=name, role=role, organisation=organisation)


async def ensure_keys(pool: Pool, data_dir: Path, organisations: Organisations) -> Path:
    """Give a key to everyone who has none, keep all others, and let the store know each one. Idempotent."""
    path = data_dir / KEYS_FILE
    known = read_keys(data_dir)
    bearers = list(principals(organisations))
    keys = known | {p.name: f"wk_{secrets.token_urlsafe(32)}" for p in bearers if p.name not in known}
    keys |= {hook: fresh_secret() for source in _HOOKS if (hook := f"{HOOK_PREFIX}{source}") not in keys}
    if keys != known:
        _write(path, keys)
    for bearer in bearers:
        if await principal_of(pool, keys[bearer.name]) != bearer:
            await put_key(pool, bearer.name, bearer.role, bearer.organisation, keys[bearer.name])
    for hook in (name for name in keys if name.startswith(HOOK_PREFIX)):
        await put_secret(pool, hook.removeprefix(HOOK_PREFIX), keys[hook], HOOK_OVERLAP)
    return path


async def rotate_hook(pool: Pool, data_dir: Path, source_system: str) -> str:
    """Give a source a new secret to sign with; the one before stays good for a day."""
    secret = fresh_secret()
    _write(data_dir / KEYS_FILE, read_keys(data_dir) | {f"{HOOK_PREFIX}{source_system}": secret})
    await put_secret(pool, source_system, secret, HOOK_OVERLAP)
    return secret


def read_keys(data_dir: Path) -> dict[str, str]:
    """Read keys.json; empty where there is none. Raises UnauthenticatedError when it cannot be read."""
    path = data_dir / KEYS_FILE
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}"
        raise UnauthenticatedError(message) from None


async def actor_named(pool: Pool, data_dir: Path, name: str | None) -> Actor:
    """Find who acts by a name of keys.json; raises UnauthenticatedError."""
    if not name:
        message = "nobody acts: give --as NAME or set WHISTLE_AS, a name of keys.json such as clerk@jinhaihu"
        raise UnauthenticatedError(message)
    key = read_keys(data_dir).get(name)
    if key is None:
        message = f"{data_dir / KEYS_FILE} holds no key named {name}"
        raise UnauthenticatedError(message)
    bearer = await principal_of(pool, key)
    if bearer is None:
        message = f"the key of {name} is not one that may act"
        raise UnauthenticatedError(message)
    return bearer.actor


def _write(path: Path, keys: dict[str, str]) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(keys, file, ensure_ascii=False, indent=2)
        file.write("\n")
    new.replace(path)

"""Who may act: one key for every organisation of the catalogue, kept in keys.json, known to the store by its hash."""

import json
import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from domain.errors import InvalidError, UnauthenticatedError
from domain.organisations import Organisations
from domain.values import Actor
from domain.vocabulary import OrganisationType, Role
from starter.signing import fresh_secret
from storage.hooks import put_secret, secrets_of
from storage.keys import Principal, create_key, list_keys, principal_of, put_key, revoke_key, rotate_key
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
    """Give a key to everyone who has none, keep all others, and let the store know each new one. Idempotent.

    Whoever's key was revoked gets none, and a key that was rotated elsewhere is not brought back by an old keys.json.
    """
    path = data_dir / KEYS_FILE
    known, stored = read_keys(data_dir), {entry.name: entry for entry in await list_keys(pool)}
    bearers = [b for b in principals(organisations) if b.name not in stored or not stored[b.name].revoked_at]
    keys = known | {bearer.name: fresh_key() for bearer in bearers if bearer.name not in known}
    keys |= {hook: fresh_secret() for source in _HOOKS if (hook := f"{HOOK_PREFIX}{source}") not in keys}
    if keys != known:
        _write(path, keys)
    for bearer in bearers:
        found = await principal_of(pool, keys[bearer.name])
        is_new = bearer.name not in stored or bearer.name not in known
        if found != bearer and (is_new or (found and found.name == bearer.name and not found.other_roles)):
            await put_key(pool, bearer.name, bearer.role, bearer.organisation, keys[bearer.name])
    for hook in (name for name in keys if name.startswith(HOOK_PREFIX)):
        source = hook.removeprefix(HOOK_PREFIX)
        if hook not in known or not await secrets_of(pool, source):
            await put_secret(pool, source, keys[hook], HOOK_OVERLAP)
    return path


async def create_principal(pool: Pool, bearer: Principal) -> str:
    """Give a key to a new bearer; raises InvalidError where the name is taken."""
    key = fresh_key()
    if not await create_key(pool, bearer, key):
        raise InvalidError.of("name", f"{bearer.name} has a key: rotate it, or revoke it first")
    return key


async def rotate_principal(pool: Pool, data_dir: Path, name: str, grace: timedelta) -> str:
    """Give a bearer a new key, in keys.json too if it stands there; the one before stays good for `grace`.

    Raises InvalidError for a name without a good key.
    """
    key = fresh_key()
    if not await rotate_key(pool, name, key, grace):
        raise InvalidError.of("name", f"{name} has no key that is good")
    known = read_keys(data_dir)
    if name in known:
        _write(data_dir / KEYS_FILE, known | {name: key})
    return key


async def revoke_principal(pool: Pool, data_dir: Path, name: str) -> None:
    """Revoke a bearer's key, and take it out of keys.json; raises InvalidError for a name without a good key."""
    if not await revoke_key(pool, name):
        raise InvalidError.of("name", f"{name} has no key that is good")
    known = read_keys(data_dir)
    if known.pop(name, None):
        _write(data_dir / KEYS_FILE, known)


def save_key(data_dir: Path, name: str, key: str) -> None:
    """Put a key into keys.json."""
    _write(data_dir / KEYS_FILE, read_keys(data_dir) | {name: key})


def fresh_key() -> str:
    """Make an API key."""
    return f"wk_{secrets.token_urlsafe(32)}"


async def rotate_hook(pool: Pool, data_dir: Path, source_system: str, grace: timedelta = HOOK_OVERLAP) -> str:
    """Give a source a first or a new secret to sign with, in keys.json too; the one before stays good for `grace`."""
    secret = fresh_secret()
    await put_secret(pool, source_system, secret, grace)
    save_key(data_dir, f"{HOOK_PREFIX}{source_system}", secret)
    return secret


def read_keys(data_dir: Path) -> dict[str, str]:
    """Read keys.json; empty where there is none. Raises UnauthenticatedError when it cannot be read."""
    path = data_dir / KEYS_FILE
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        message = f"{path} cannot be read: {error}"
        raise UnauthenticatedError(message) from None


async def bearer_named(pool: Pool, data_dir: Path, name: str) -> Principal:
    """Find the bearer of the key that keys.json holds under a name; raises UnauthenticatedError."""
    key = read_keys(data_dir).get(name)
    if key is None:
        message = f"{data_dir / KEYS_FILE} holds no key named {name}"
        raise UnauthenticatedError(message)
    bearer = await principal_of(pool, key)
    if bearer is None:
        message = f"the key of {name} is not one that may act"
        raise UnauthenticatedError(message)
    return bearer


async def actor_named(pool: Pool, data_dir: Path, name: str) -> Actor:
    """Find who acts, in its first role, by a name of keys.json; raises UnauthenticatedError."""
    return (await bearer_named(pool, data_dir, name)).actor


def _write(path: Path, keys: dict[str, str]) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(keys, file, ensure_ascii=False, indent=2)
        file.write("\n")
    new.replace(path)

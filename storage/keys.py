"""API keys: who a bearer is. Only hashes are stored."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from domain.values import ID_PART_PATTERN, Actor, Frozen
from domain.vocabulary import Role
from storage.pool import Pool

# A command id is a name and an Idempotency-Key (255) with a colon between, of 400 characters at most.
Name = Annotated[str, StringConstraints(min_length=1, max_length=140, pattern=r"^[\x20-\x7e]+$")]
OrganisationCode = Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)]

_FIND = """
select name, role, organisation, other_roles from api_key
where (key_hash = $1 or (former_hash = $1 and former_until > now())) and revoked_at is null
"""
_PUT = """
insert into api_key as k (name, key_hash, role, organisation, other_roles) values ($1, $2, $3, $4, $5)
on conflict (name) do update set key_hash = excluded.key_hash, role = excluded.role,
    organisation = excluded.organisation, other_roles = excluded.other_roles, created_at = now(), revoked_at = null,
    former_hash = null, former_until = null
where (k.key_hash, k.role, k.organisation, k.other_roles, k.revoked_at)
    is distinct from (excluded.key_hash, excluded.role, excluded.organisation, excluded.other_roles, null)
"""
_CREATE = """
insert into api_key as k (name, key_hash, role, organisation, other_roles) values ($1, $2, $3, $4, $5)
on conflict (name) do update set key_hash = excluded.key_hash, role = excluded.role,
    organisation = excluded.organisation, other_roles = excluded.other_roles, created_at = now(), revoked_at = null,
    former_hash = null, former_until = null
where k.revoked_at is not null
"""
_ROTATE = """
update api_key set former_hash = key_hash, former_until = now() + $3::interval, key_hash = $2, created_at = now()
where name = $1 and revoked_at is null
"""
_REVOKE = "update api_key set revoked_at = now() where name = $1 and revoked_at is null"
_LIST = """
select name, role, organisation, other_roles, created_at, revoked_at,
    case when former_until > now() then former_until end as former_until
from api_key order by name
"""
_DONE = " 1"


class Principal(Frozen):
    """The bearer of a key: its first role, for its organisation, and what else it may act as."""

    name: Name
    role: Role
    organisation: OrganisationCode | None = None
    other_roles: tuple[Role, ...] = ()

    @property
    def roles(self) -> tuple[Role, ...]:
        """All of its roles, the first one first."""
        return (self.role, *self.other_roles)

    @property
    def actor(self) -> Actor:
        """The bearer as one who acts, under the key's name and in its first role."""
        return self.acting(self.role)

    def acting(self, role: Role) -> Actor:
        """The bearer in one of its roles."""
        return Actor(subject=self.name, role=role, organisation=self.organisation)


class KeyEntry(Principal):
    """A key as it is listed; `former_until` says how long the one before its rotation is good."""

    created_at: datetime
    revoked_at: datetime | None = None
    former_until: datetime | None = None


async def principal_of(pool: Pool, key: str) -> Principal | None:
    """Find the bearer of a key that was not revoked."""
    row = await pool.fetchrow(_FIND, _hash(key))
    return Principal(**row) if row else None


async def put_key(pool: Pool, name: str, role: Role, organisation: str | None, key: str) -> None:
    """Store a key under its name in place of the one there was; only its hash is kept. Idempotent."""
    await pool.execute(_PUT, name, _hash(key), role, organisation, [])


async def create_key(pool: Pool, principal: Principal, key: str) -> bool:
    """Store a key under a name that is free, or whose key was revoked; tells whether it was."""
    arguments = (principal.name, _hash(key), principal.role, principal.organisation, list(principal.other_roles))
    return (await pool.execute(_CREATE, *arguments)).endswith(_DONE)


async def rotate_key(pool: Pool, name: str, key: str, grace: timedelta) -> bool:
    """Put a new key in the place of one that stays good for `grace`; tells whether there was one of that name."""
    return (await pool.execute(_ROTATE, name, _hash(key), grace)).endswith(_DONE)


async def revoke_key(pool: Pool, name: str) -> bool:
    """Revoke a key, and the one before its rotation, at once and for good; tells whether it was good until now."""
    return (await pool.execute(_REVOKE, name)).endswith(_DONE)


async def list_keys(pool: Pool) -> list[KeyEntry]:
    """List every key there is or was, by name."""
    return [KeyEntry(**row) for row in await pool.fetch(_LIST)]


def _hash(key: str) -> str:
    # A key is 32 random bytes, not a password: nothing to be gained by a slow hash.
    return hashlib.sha256(key.encode()).hexdigest()

"""API keys: who a bearer is. Only hashes are stored."""

import hashlib

from domain.values import Actor, Frozen
from domain.vocabulary import Role
from storage.pool import Pool

_FIND = "select name, role, organisation from api_key where key_hash = $1 and revoked_at is null"
_PUT = """
insert into api_key as k (name, key_hash, role, organisation) values ($1, $2, $3, $4)
on conflict (name) do update set key_hash = excluded.key_hash, role = excluded.role,
    organisation = excluded.organisation, created_at = now(), revoked_at = null
where (k.key_hash, k.role, k.organisation, k.revoked_at)
    is distinct from (excluded.key_hash, excluded.role, excluded.organisation, null)
"""
_REVOKE = "update api_key set revoked_at = now() where name = $1 and revoked_at is null"


class Principal(Frozen):
    """The bearer of a key."""

    name: str
    role: Role
    organisation: str | None = None

    @property
    def actor(self) -> Actor:
        """The bearer as one who acts, under the key's name."""
        return Actor(subject=self.name, role=self.role, organisation=self.organisation)


async def principal_of(pool: Pool, key: str) -> Principal | None:
    """Find the bearer of a key that was not revoked."""
    row = await pool.fetchrow(_FIND, _hash(key))
    return Principal(**row) if row else None


async def put_key(pool: Pool, name: str, role: Role, organisation: str | None, key: str) -> None:
    """Store a key under its name in place of the one there was; only its hash is kept. Idempotent."""
    await pool.execute(_PUT, name, _hash(key), role, organisation)


async def revoke_key(pool: Pool, name: str) -> None:
    """Revoke a key; idempotent."""
    await pool.execute(_REVOKE, name)


def _hash(key: str) -> str:
    # A key is 32 random bytes, not a password: nothing to be gained by a slow hash.
    return hashlib.sha256(key.encode()).hexdigest()

"""Sessions of the codec server: a browser that showed an admin's key once, known by a token of its own."""

import hashlib
from datetime import timedelta

from storage.keys import Principal
from storage.pool import Pool

_OPEN = """
insert into codec_session (token_hash, reader, key_hash, expires_at)
select $1, name, $3, now() + $4::interval from api_key where name = $2 and revoked_at is null
"""
_FIND = """
select k.name, k.role, k.organisation, k.other_roles
from codec_session s join api_key k on k.name = s.reader
where s.token_hash = $1 and s.expires_at > now() and k.revoked_at is null
    and (k.key_hash = s.key_hash or (k.former_hash = s.key_hash and k.former_until > now()))
"""
_END = "delete from codec_session where token_hash = $1 or expires_at <= now()"


async def open_session(pool: Pool, token: str, reader: str, key: str, lasts: timedelta) -> None:
    """Let the bearer of a token be a reader for so long, while the key that was shown stays good."""
    await pool.execute(_OPEN, _hash(token), reader, _hash(key), lasts)


async def reader_of(pool: Pool, token: str) -> Principal | None:
    """Find whose session a token is; None where it ended, or its key was revoked or replaced."""
    row = await pool.fetchrow(_FIND, _hash(token))
    return Principal(**row) if row else None


async def end_session(pool: Pool, token: str) -> None:
    """End a session, and forget those that ended by themselves."""
    await pool.execute(_END, _hash(token))


def _hash(secret: str) -> str:
    # As of an API key: 32 random bytes need no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()

"""Signed intake: the secrets that sources sign with, and the messages that were taken in."""

from datetime import timedelta
from typing import Any

from domain.errors import IdempotencyConflictError
from domain.values import Frozen
from storage.pool import Pool

KEPT = timedelta(days=30)
"""How long a message's answer is remembered; its registration is known for ever."""

_SECRETS = """
select secret, case when previous_until > now() then previous_secret end as previous
from hook_secret where source_system = $1
"""
_PUT = """
insert into hook_secret as h (source_system, secret) values ($1, $2)
on conflict (source_system) do update
set secret = excluded.secret, previous_secret = h.secret, previous_until = now() + $3::interval, changed_at = now()
where h.secret <> excluded.secret
"""
_REMOVE = "delete from hook_secret where source_system = $1"
_ANSWER = "select body_sha256, whistle_id, answer from hook_message where source_system = $1 and message_id = $2"
_REMEMBER = """
insert into hook_message (source_system, message_id, body_sha256, whistle_id, answer) values ($1, $2, $3, $4, $5)
on conflict do nothing
"""
_PRUNE = """
delete from hook_message where (source_system, message_id) in (
    select source_system, message_id from hook_message where received_at < now() - $1::interval limit 500
)
"""


class Received(Frozen):
    """One message of a source, by its webhook-id and the hash of its body."""

    source_system: str
    message_id: str
    body_sha256: str


async def secrets_of(pool: Pool, source_system: str) -> list[str]:
    """Give the secrets that are good now: the current one, and the one before while it is being replaced."""
    row = await pool.fetchrow(_SECRETS, source_system)
    return [secret for secret in row.values() if secret] if row else []


async def put_secret(pool: Pool, source_system: str, secret: str, overlap: timedelta = timedelta()) -> None:
    """Store a source's secret; the one it replaces stays good for `overlap`. Idempotent."""
    await pool.execute(_PUT, source_system, secret, overlap)


async def remove_secret(pool: Pool, source_system: str) -> None:
    """Take nothing in from a source any more; idempotent."""
    await pool.execute(_REMOVE, source_system)


async def answer_to(pool: Pool, received: Received) -> dict[str, Any] | None:
    """Find what a message was answered before; raises IdempotencyConflictError for another body under its id."""
    row = await pool.fetchrow(_ANSWER, received.source_system, received.message_id)
    if row is None:
        return None
    if row["body_sha256"] != received.body_sha256:
        message = "this webhook-id was taken in with another body"
        raise IdempotencyConflictError(message)
    return dict(row["answer"])


async def remember(pool: Pool, received: Received, whistle_id: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Keep a message's answer and return the one that counts: that of whoever came first."""
    await pool.execute(_REMEMBER, *received.model_dump().values(), whistle_id, answer)
    return await answer_to(pool, received) or answer


async def prune(pool: Pool) -> None:
    """Forget some of the messages that came in long ago."""
    await pool.execute(_PRUNE, KEPT)

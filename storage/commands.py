"""Commands as they are remembered, for ever, and the private fields that wait for theirs."""

from typing import Any

import asyncpg

from domain.errors import IdempotencyConflictError, NotFoundError
from domain.ledger import Answer
from domain.vocabulary import State
from storage.pool import Pool

_KNOWN = "select content_hash, last_sequence, state from command where whistle_id = $1 and command_id = $2"
_KEEP = """
insert into command_private (whistle_id, command_id, private_ref, body) values ($1, $2, $3, $4)
on conflict (whistle_id, command_id, private_ref) do nothing
"""


async def known_answer(pool: Pool, whistle_id: str, command_id: str, content_hash: str) -> Answer | None:
    """Find the first answer to a command; None if it was never stored.

    Raises IdempotencyConflictError when it was stored with other content.
    """
    row = await pool.fetchrow(_KNOWN, whistle_id, command_id)
    return first_answer(row, command_id, content_hash) if row else None


def first_answer(row: asyncpg.Record, command_id: str, content_hash: str) -> Answer:
    """Give the answer in a row of the table, or raise IdempotencyConflictError."""
    if row["content_hash"] != content_hash:
        message = f"{command_id} is known with other content"
        raise IdempotencyConflictError(message)
    return Answer(sequence=row["last_sequence"], state=State(row["state"]), version=row["last_sequence"])


async def keep_private(pool: Pool, whistle_id: str, command_id: str, private_ref: str, body: dict[str, Any]) -> None:
    """Store a command's private fields before it is sent; idempotent. Raises NotFoundError without such a whistle."""
    try:
        await pool.execute(_KEEP, whistle_id, command_id, private_ref, body)
    except asyncpg.ForeignKeyViolationError:
        message = f"there is no whistle {whistle_id}"
        raise NotFoundError(message) from None

"""Commands as they are remembered, for ever, and the private fields that wait for theirs."""

from typing import Any, NamedTuple

import asyncpg

from domain.errors import IdempotencyConflictError, NotFoundError
from domain.ledger import Answer
from domain.rules import MergeTarget, Rules
from domain.vocabulary import State
from domain.whistle import Whistle
from storage.catalogues import EDITION, rules_of
from storage.pool import Pool


class KnownAs(NamedTuple):
    """By what a command is known again: its id, and the hash of its content."""

    command_id: str
    content_hash: str


_KNOWN = "select content_hash, last_sequence, state from command where whistle_id = $1 and command_id = $2"
_STANDING = f"""
select w.value::text as value, c.content_hash, c.last_sequence, c.state, ({EDITION}) as edition,
    (select t.state from whistle t where t.whistle_id = $3) as target_state
from whistle w left join command c on c.whistle_id = w.whistle_id and c.command_id = $2
where w.whistle_id = $1
"""  # noqa: S608 - EDITION is a constant
_KEEP = """
insert into command_private (whistle_id, command_id, private_ref, body) values ($1, $2, $3, $4)
on conflict (whistle_id, command_id, private_ref) do nothing
"""


class Standing(NamedTuple):
    """A whistle as a command about to be sent finds it: its first answer if it is known, the value and the rules."""

    answer: Answer | None
    whistle: Whistle
    rules: Rules


async def standing(pool: Pool, profile: str, whistle_id: str, known_as: KnownAs, target: str | None) -> Standing:
    """Look up a command, its whistle and the rules in one round trip; `target` is the whistle it would merge into.

    Raises NotFoundError, and IdempotencyConflictError when the id is known with other content.
    """
    row = await pool.fetchrow(_STANDING, whistle_id, known_as.command_id, target)
    if row is None:
        message = f"there is no whistle {whistle_id}"
        raise NotFoundError(message)
    answer = first_answer(row, known_as.command_id, known_as.content_hash) if row["content_hash"] else None
    rules = await rules_of(pool, profile, row["edition"])
    if target and row["target_state"]:
        rules = rules._replace(merge_target=MergeTarget(target, State(row["target_state"])))
    return Standing(answer, Whistle.model_validate_json(row["value"]), rules)


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

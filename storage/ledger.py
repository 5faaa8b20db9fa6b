"""The ledger: one command, one transaction (design.md 2).

Whatever crashed before, the row lock and the two keys of the tables decide: a command stored once is never
decided again, and events that the workflow has not seen are handed to it before anything new is written.
"""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from pydantic import ValidationError

from domain.authority import Request
from domain.clocks import next_strike
from domain.commands import COMMANDS, Command, command_fields
from domain.decisions import decide
from domain.errors import InvalidError, NotFoundError, RefusedError
from domain.ledger import ADOPT, Answer, RecordInput, RecordOutput
from domain.records import Commit
from domain.rules import MergeTarget, Rules
from domain.seal import commitment
from domain.submission import STRIKE, StrikeClock, command_hash, parse, split
from domain.values import ENGINE, Actor
from domain.vocabulary import State
from domain.whistle import Whistle
from storage.catalogues import EDITION, rules_of
from storage.commands import first_answer
from storage.commits import Entry, Follower, commits_after, write
from storage.pool import Connection, Pool, brief_transaction

# Two rows when whistles merge; their fixed order is what keeps two merges from waiting for each other.
_LOCK = "select from whistle where whistle_id in ({}) order by whistle_id for update"
_LOCKABLE = re.compile(r"[A-Za-z0-9._:-]+")

# A statement of its own: one that waited for the lock itself would see the other tables as they were before.
_HELD = f"""
select w.sequence, w.updated_at, w.head, w.value::text as value, t.state as target_state,
    c.content_hash, c.last_sequence, c.state, p.body as private, p.salt, ({EDITION}) as edition, (
    with recursive follower as (
        select whistle_id, source_system from whistle where merged_into = $1
        union select w.whistle_id, w.source_system from whistle w join follower f on w.merged_into = f.whistle_id
    )
    select jsonb_agg(jsonb_build_array(whistle_id, source_system) order by whistle_id) from follower
) as followers
from whistle w
left join whistle t on t.whistle_id = $4
left join command c on c.whistle_id = $1 and c.command_id = $2
left join command_private p on p.whistle_id = $1 and p.command_id = $2 and p.private_ref = $3
where w.whistle_id = $1
"""  # noqa: S608 - EDITION is a constant


STRIKES_AT_ONCE = 16
"""More than one in a transaction, and no more than a local activity has time for."""
ROWS_AT_ONCE = 1000
"""About so many rows are handed to a workflow at once: Temporal refuses a payload of more than 2 MB."""


class LedgerBehindError(Exception):
    """The store knows less than the workflow: it was restored from an older copy."""

    outcome = "ledger-behind"


class _Asked(NamedTuple):
    command: Command | StrikeClock
    actor: Actor
    command_id: str
    content_hash: str
    by_reference: bool = False


class _Kept(NamedTuple):
    """Private fields, and the salt of their commitment; `is_new` says that they are still to be stored."""

    fields: dict[str, Any]
    salt: UUID | None
    is_new: bool = False

    @property
    def commitments(self) -> dict[str, str]:
        return {"fields": commitment(str(self.salt), self.fields)} if self.salt else {}


class _Held(NamedTuple):
    row: asyncpg.Record
    whistle: Whistle
    last_at: datetime
    target: MergeTarget | None

    @property
    def sequence(self) -> int:
        return self.whistle.sequence


async def record(pool: Pool, rules_profile: str, request: RecordInput) -> RecordOutput:
    """Decide and store a command, or return what the workflow does not know yet.

    Four round trips, begin and commit included. Raises the refusals of the domain, having written nothing; after any
    other error the same request may be sent again.
    """
    asked = _read(request)
    target = asked and getattr(asked.command, "merge_into", None)
    async with pool.acquire() as connection, brief_transaction(connection, _locking(request.whistle_id, target)):
        held = await _held(connection, request, asked, target)
        if asked is None:
            return await _unknown(connection, request, held)
        return await _record(connection, rules_profile, request, asked, held)


async def _record(
    connection: Connection, profile: str, request: RecordInput, asked: _Asked, held: _Held
) -> RecordOutput:
    kept = _kept(asked, held.row["private"], held.row["salt"])
    asked = asked._replace(command=_whole(request, asked, kept))
    if held.row["content_hash"] is not None:
        answer = first_answer(held.row, asked.command_id, asked.content_hash)
        return await _unknown(connection, request, held, answer)
    if held.sequence != request.known_sequence:
        return await _unknown(connection, request, held)
    rules = await rules_of(connection, profile, held.row["edition"])
    before = _before(request, asked, held)
    entry = _with_private(_decided(before, asked, rules._replace(merge_target=held.target)), kept)
    output = _output(entry, held.whistle)
    # A strike that found its clock gone or moved is no command yet: the same one may become due later.
    if request.name != STRIKE:
        await write(connection, entry, rules.organisations.name_of)
    elif entry.records:
        further = await _struck(connection, entry, request.at, rules)
        return output.model_copy(update={"commits": output.commits + further})
    return output


def _before(request: RecordInput, asked: _Asked, held: _Held) -> Entry:
    return Entry(
        name=request.name,
        command_id=asked.command_id,
        content_hash=asked.content_hash,
        actor=asked.actor,
        at=max(request.at, held.last_at).astimezone(UTC),
        whistle=held.whistle,
        steps=(),
        head=held.row["head"].hex(),
        followers=tuple(Follower(*row) for row in held.row["followers"] or ()),
    )


async def _struck(connection: Connection, entry: Entry, by: datetime, rules: Rules) -> tuple[Commit, ...]:
    """Write a strike, and with it what else is due by then: those who were called together are late together.

    Gives the commits beyond its own.
    """
    further: list[Commit] = []
    while True:
        head = await write(connection, entry, rules.organisations.name_of)
        due = next_strike(entry.whistle)
        if due is None or due.at > by or len(further) + 1 == STRIKES_AT_ONCE:
            break
        strike = StrikeClock.of(due, entry.whistle.round)
        asked = _Asked(strike, ENGINE, strike.command_id, strike.command_id)
        before = entry._replace(command_id=strike.command_id, content_hash=strike.command_id, steps=(), head=head)
        try:
            entry = _decided(before, asked, rules)
        except RefusedError:
            # Asked for alone, it says why; those before it have struck.
            break
        if not entry.records:
            break
        further.append(Commit.of(entry.records))
    return tuple(further)


def _locking(*whistle_ids: str | None) -> str:
    """Say which rows to lock; an id that no whistle can have locks none, and is not found afterwards."""
    lockable = [f"'{given}'" for given in whistle_ids if given and _LOCKABLE.fullmatch(given)]
    return _LOCK.format(", ".join(lockable) or "null")


async def _held(connection: Connection, request: RecordInput, asked: _Asked | None, target: str | None) -> _Held:
    command_id, content_hash = (asked.command_id, asked.content_hash) if asked else (None, None)
    row = await connection.fetchrow(_HELD, request.whistle_id, command_id, content_hash, target)
    stored = row["sequence"] if row else 0
    if stored < request.known_sequence:
        message = f"{request.whistle_id} is stored up to {stored}, known up to {request.known_sequence}"
        raise LedgerBehindError(message)
    if row is None:
        message = f"there is no whistle {request.whistle_id}"
        raise NotFoundError(message)
    return _Held(
        row=row,
        whistle=Whistle.model_validate_json(row["value"]),
        last_at=row["updated_at"],
        target=MergeTarget(target, State(row["target_state"])) if target and row["target_state"] else None,
    )


async def _unknown(
    connection: Connection, request: RecordInput, held: _Held, answer: Answer | None = None
) -> RecordOutput:
    """Hand out what the workflow does not know, a page at a time, and the answer only with the last page."""
    if held.sequence == request.known_sequence:
        return RecordOutput(answer=answer)
    commits = await commits_after(connection, request.whistle_id, request.known_sequence, ROWS_AT_ONCE)
    more = commits[-1].sequence + len(commits[-1].events) <= held.sequence
    return RecordOutput(commits=commits, answer=None if more else answer, more=more)


def _read(request: RecordInput) -> _Asked | None:
    if request.name == ADOPT:
        return None
    if request.name == STRIKE:
        strike = _strike(request.argument)
        return _Asked(strike, ENGINE, strike.command_id, strike.command_id)
    submission = parse(request.name, request.argument)
    command, reference = submission.command, submission.private_ref
    content_hash = reference or command_hash(request.name, command)
    return _Asked(command, submission.actor, submission.command_id, content_hash, by_reference=reference is not None)


def _strike(argument: dict[str, Any]) -> StrikeClock:
    try:
        return StrikeClock.model_validate(argument)
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None


def _kept(asked: _Asked, stored: dict[str, Any] | None, salt: UUID | None) -> _Kept | None:
    """Find the private fields of a command: stored before it, or sent with it."""
    if stored is not None:
        return _Kept(stored, salt)
    if asked.by_reference:
        raise InvalidError.of("private_ref", "no private fields are stored under it")
    own = {} if isinstance(asked.command, StrikeClock) else split(asked.command)[1]
    return _Kept(own, uuid4(), is_new=True) if own else None


def _whole(request: RecordInput, asked: _Asked, kept: _Kept | None) -> Command | StrikeClock:
    """Put a command and its private fields together again."""
    if not asked.by_reference or kept is None:
        return asked.command
    try:
        command = COMMANDS[request.name].model_validate(command_fields(request.argument) | kept.fields)
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None
    if command_hash(request.name, command) != asked.content_hash:
        raise InvalidError.of("private_ref", "it is not the hash of this command")
    return command


def _decided(before: Entry, asked: _Asked, rules: Rules) -> Entry:
    events = decide(before.whistle, Request(asked.command, asked.actor, before.at), rules)
    return before.following(events, before.whistle)


def _with_private(entry: Entry, kept: _Kept | None) -> Entry:
    if kept is None:
        return entry
    private, salt = (kept.fields, kept.salt) if kept.is_new else (None, None)
    return entry._replace(commitments=kept.commitments, private=private, salt=salt)


def _output(entry: Entry, before: Whistle) -> RecordOutput:
    whistle = entry.whistle if entry.records else before
    answer = Answer(sequence=whistle.sequence, state=whistle.state, version=whistle.sequence)
    return RecordOutput(commits=(Commit.of(entry.records),) if entry.records else (), answer=answer)

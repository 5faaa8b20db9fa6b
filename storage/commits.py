"""Writing what one command changed: events, value, read model, clocks and notices, in one statement."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple, Self
from uuid import UUID

import asyncpg

from domain.events import Event
from domain.evolve import evolve
from domain.notices import SOURCE_PREFIX, Notice, notices
from domain.records import Commit, Record, event_of
from domain.seal import NOTHING_BEFORE, moment, seal
from domain.summaries import Names, summarise
from domain.values import Actor, compact
from domain.whistle import Whistle
from storage.pool import Connection
from storage.read_model import COLUMNS, NAMES, clock_rows, read_model, request_rows, supervision_rows

# COLUMNS and NAMES are constants of read_model.py; every value is a parameter.
_WRITE = f"""
with model as (
    select * from jsonb_to_record($12::jsonb) as m ({COLUMNS})
), stored as (
    insert into event (whistle_id, sequence, type, at, actor_subject, actor_role, actor_organisation, command_id,
        summary, data, hash, commitments)
    select $1, e.sequence, e.type, $2, $3, $4, $5, $6, e.summary, e.data, decode(e.hash, 'hex'), e.commitments
    from jsonb_to_recordset($7::jsonb)
        as e (sequence integer, type text, summary text, data jsonb, hash text, commitments jsonb)
), remembered as (
    insert into command (whistle_id, command_id, name, content_hash, actor_subject, actor_role, actor_organisation,
        at, first_sequence, last_sequence, state)
    select $1, $6, $8, $9, $3, $4, $5, $2, $10, model.sequence, model.state from model
), kept as (
    insert into command_private (whistle_id, command_id, private_ref, body, salt)
    select $1, $6, $9, $11::jsonb, $18 where $11::jsonb is not null
), changed as (
    update whistle set value = $13::text::jsonb, updated_at = $2, head = decode($19, 'hex'),
        ({NAMES}) = (select {NAMES} from model)
    where whistle_id = $1
), retitled as (
    update whistle_title t set title = model.title from model where t.whistle_id = $1 and t.title <> model.title
), clocks as (
    select * from jsonb_to_recordset($14::jsonb) as c (phase text, responder text, organisation text,
        started_at timestamptz, due_at timestamptz, struck integer, next_strike_at timestamptz)
), stopped as (
    delete from clock c where c.whistle_id = $1
        and not exists (select from clocks r where (r.phase, r.responder) = (c.phase, c.responder))
), running as (
    insert into clock as c (whistle_id, phase, responder, organisation, started_at, due_at, struck, next_strike_at)
    select $1, phase, responder, organisation, started_at, due_at, struck, next_strike_at from clocks
    on conflict (whistle_id, phase, responder) do update
    set (organisation, started_at, due_at, struck, next_strike_at)
        = (excluded.organisation, excluded.started_at, excluded.due_at, excluded.struck, excluded.next_strike_at)
    where (c.organisation, c.started_at, c.due_at, c.struck, c.next_strike_at) is distinct from
        (excluded.organisation, excluded.started_at, excluded.due_at, excluded.struck, excluded.next_strike_at)
), open as (
    select * from jsonb_to_recordset($15::jsonb) as s (number integer, level text, organisation text, phase text,
        responder text, raised_at timestamptz, answered_at timestamptz)
), ended as (
    delete from supervision s where s.whistle_id = $1 and not exists (select from open where open.number = s.number)
), held as (
    insert into supervision as s (whistle_id, number, level, organisation, phase, responder, raised_at, answered_at)
    select $1, number, level, organisation, phase, responder, raised_at, answered_at from open
    on conflict (whistle_id, number) do update
    set (level, raised_at, answered_at) = (excluded.level, excluded.raised_at, excluded.answered_at)
    where (s.level, s.raised_at, s.answered_at)
        is distinct from (excluded.level, excluded.raised_at, excluded.answered_at)
), asked as (
    select * from jsonb_to_recordset($20::jsonb) as r (kind text, responder text, round integer, organisation text,
        due_at timestamptz)
), decided as (
    delete from pending_request p where p.whistle_id = $1 and not exists (
        select from asked a where (a.kind, a.responder, a.round) = (p.kind, p.responder, p.round))
), awaiting as (
    insert into pending_request as p (whistle_id, kind, responder, round, organisation, asked_at, due_at)
    select $1, kind, responder, round, organisation, $2, due_at from asked
    on conflict (whistle_id, kind, responder, round) do update
    set (organisation, due_at) = (excluded.organisation, excluded.due_at)
    where (p.organisation, p.due_at) is distinct from (excluded.organisation, excluded.due_at)
), queued as (
    insert into webhook_commit (whistle_id, first_sequence, last_sequence, followers)
    select $1, $10::integer, model.sequence, $17::jsonb from model
    where $10::integer is not null
        and exists (select from webhook where disabled_at is null and deleted_at is null)
)
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, template, levels, climbs, cause, fields)
select o.whistle_id, o.sequence, o.kind, o.audience, o.urgent, o.text, o.template, o.levels, o.climbs, o.cause, o.fields
from jsonb_to_recordset($16::jsonb)
    as o (whistle_id text, sequence integer, kind text, audience text, urgent boolean, text text, template text,
        levels text[], climbs boolean, cause jsonb, fields jsonb)
"""  # noqa: S608

_AFTER = """
select sequence, type, at, actor_subject, actor_role, actor_organisation, command_id, data
from event where whistle_id = $1 and sequence > $2 order by sequence limit $3
"""


class Follower(NamedTuple):
    """A whistle that was merged into another, directly or through a third, and its source."""

    whistle_id: str
    source_system: str


class Entry(NamedTuple):
    """One command's mark: who, what, and its events, each with the whistle after it."""

    name: str
    command_id: str
    content_hash: str
    actor: Actor
    at: datetime
    whistle: Whistle
    steps: tuple[tuple[Record, Whistle], ...]
    head: str = NOTHING_BEFORE
    commitments: dict[str, str] = {}
    private: dict[str, Any] | None = None
    salt: UUID | None = None
    followers: tuple[Follower, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """The events as they are stored."""
        return tuple(record for record, _ in self.steps)

    def following(self, events: tuple[Event, ...], before: Whistle | None) -> Self:
        """Add events to this entry, each applied to the whistle that the one before it left."""
        steps, whistle = [], before
        for event in events:
            sequence = whistle.sequence + 1 if whistle else 1
            record = Record(sequence=sequence, at=self.at, actor=self.actor, command_id=self.command_id, event=event)
            whistle = evolve(whistle, record)
            steps.append((record, whistle))
        return self._replace(steps=tuple(steps), whistle=whistle or self.whistle)


async def write(connection: Connection, entry: Entry, name_of: Names) -> str:
    """Write an entry, and give the hash of its last row, on which the next entry builds.

    The whistle's row is locked or new. Raises asyncpg's unique violation if another was first.
    """
    whistle, actor = entry.whistle, entry.actor
    rows = list(_event_rows(entry, name_of))
    head = str(rows[-1]["hash"]) if rows else entry.head
    await connection.execute(
        _WRITE,
        whistle.whistle_id,
        entry.at,
        actor.subject,
        actor.role,
        actor.organisation,
        entry.command_id,
        rows,
        entry.name,
        entry.content_hash,
        entry.records[0].sequence if entry.records else None,
        entry.private,
        read_model(whistle),
        whistle.model_dump_json(exclude_defaults=True),
        clock_rows(whistle),
        supervision_rows(whistle),
        list(_outbox_rows(entry, name_of)),
        entry.followers or None,
        entry.salt,
        head,
        request_rows(whistle),
    )
    return head


async def commits_after(
    connection: Connection, whistle_id: str, sequence: int, at_once: int | None = None
) -> tuple[Commit, ...]:
    """Read what is stored after a sequence, one whole commit for each command, in about `at_once` rows at most."""
    rows = [_record(row) for row in await connection.fetch(_AFTER, whistle_id, sequence, at_once)]
    commits = [Commit.of(tuple(group)) for _, group in groupby(rows, key=lambda record: record.command_id)]
    # The last one may have been cut short.
    return tuple(commits[:-1] if len(rows) == at_once and len(commits) > 1 else commits)


def _record(row: asyncpg.Record) -> Record:
    return Record(
        sequence=row["sequence"],
        at=row["at"],
        actor=actor_of(row),
        command_id=row["command_id"],
        event=event_of(row["type"], row["data"]),
    )


def actor_of(row: asyncpg.Record) -> Actor:
    """Read the actor out of a row's three columns."""
    return Actor(subject=row["actor_subject"], role=row["actor_role"], organisation=row["actor_organisation"])


def _event_rows(entry: Entry, name_of: Names) -> Iterator[dict[str, Any]]:
    own = {
        "whistle_id": entry.whistle.whistle_id,
        "at": moment(entry.at),
        "actor": entry.actor.model_dump(mode="json"),
        "command_id": entry.command_id,
    }
    head, commitments = entry.head, entry.commitments
    for record in entry.records:
        row = {
            "sequence": record.sequence,
            "type": record.type,
            "summary": summarise(record.event, name_of),
            "data": compact(record.event),
            "commitments": commitments,
        }
        head = seal(own | row, head)
        yield row | {"hash": head}
        commitments = {}


def _outbox_rows(entry: Entry, name_of: Names) -> Iterator[dict[str, Any]]:
    for record, whistle in entry.steps:
        for notice in notices(record, whistle, name_of):
            row = {"whistle_id": whistle.whistle_id, "sequence": record.sequence, **_dumped(notice)}
            yield row
            if notice.audience.startswith(SOURCE_PREFIX):
                for follower in entry.followers:
                    audience = f"{SOURCE_PREFIX}{follower.source_system}"
                    yield row | {"whistle_id": follower.whistle_id, "audience": audience}


def _dumped(notice: Notice) -> dict[str, Any]:
    cause = notice.cause and compact(notice.cause)
    return notice.model_dump(mode="json", exclude={"cause"}) | ({"cause": cause} if cause else {})

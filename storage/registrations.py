"""Storing registrations: one matter of one source becomes one whistle, for ever."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from domain.errors import IdempotencyConflictError
from domain.events import WhistleRegistered
from domain.evolve import evolve
from domain.records import Record
from domain.registration import Registration, authorise_registration
from domain.registration import register as first_event
from domain.rules import Rules, serial_year
from domain.seal import commitment
from domain.values import Actor, Frozen
from domain.whistle import Whistle
from storage.catalogues import rules
from storage.commits import Entry, write
from storage.pool import Connection, Pool

REGISTER = "register"
"""The name, and for each whistle the id, of the command that a registration is."""

_FIND = "select whistle_id, content_hash, serial, title, started_at from whistle where whistle_id = $1"
# Nothing stands there yet that could be locked.
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
_NEXT_NUMBER = """
insert into serial_counter as c (initials, year, last) values ($1, $2, 1)
on conflict (initials, year) do update set last = c.last + 1 returning last
"""
_INSERT = """
with inserted as (
    insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state,
        step, chain, township, source_channel, supervision_level, registered_at, updated_at)
    values ($1, $2, $3, $4, $5, 1, '{}', $6, $7, 1, $8, $9, $10, 'NONE', $11, $11)
), titled as (
    insert into whistle_title (whistle_id, title, serial, registered_at) values ($1, $6, $5, $11)
), told as (
    insert into matter (whistle_id, description, address, lng, lat, crs, evidence, salt)
    values ($1, $12, $13, $14, $15, $16, $17, $21)
)
insert into reporter (whistle_id, name, phone, confidential, salt)
select $1, $18, $19, $20, $22 where $18::text is not null
"""
_MARK_STARTED = "update whistle set started_at = now() where whistle_id = $1 and started_at is null"
_UNSTARTED = """
select whistle_id, title, registered_at from whistle
where started_at is null and registered_at < now() - $1::interval order by registered_at limit $2
"""


class Registered(Frozen):
    """What became of a registration: `created` says whether it was new, `started` whether its workflow was."""

    whistle_id: str
    serial: str
    title: str
    created: bool
    started: bool


class _Salts:
    """The salts of a registration's two private parts."""

    def __init__(self) -> None:
        self.matter, self.reporter = uuid4(), uuid4()


class Unstarted(Frozen):
    """A stored whistle whose workflow start was never acknowledged."""

    whistle_id: str
    title: str
    registered_at: datetime


async def register(
    pool: Pool, registration: Registration, actor: Actor, now: datetime, *, profile: str = "default"
) -> Registered:
    """Store a registration with its first event; idempotent by source and external id, for ever.

    Raises IdempotencyConflictError for other content under the same id, and the refusals of the domain.
    """
    authorise_registration(registration, actor)
    async with pool.acquire() as connection:
        known = await _known(connection, registration)
        if known:
            return known
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(_ONE_AT_A_TIME, registration.whistle_id)
            known = await _known(connection, registration)
            return known or await _register(connection, registration, actor, now.astimezone(UTC), profile)


async def mark_started(pool: Pool, whistle_id: str) -> None:
    """Note that Temporal acknowledged the start of a whistle's workflow; idempotent."""
    await pool.execute(_MARK_STARTED, whistle_id)


async def unstarted(pool: Pool, older_than: timedelta, limit: int = 100) -> list[Unstarted]:
    """List whistles registered longer ago than that whose workflow start is not acknowledged, oldest first."""
    return [Unstarted(**row) for row in await pool.fetch(_UNSTARTED, older_than, limit)]


async def _known(connection: Connection, registration: Registration) -> Registered | None:
    row = await connection.fetchrow(_FIND, registration.whistle_id)
    if row is None:
        return None
    if row["content_hash"] != registration.hash:
        message = f"{registration.whistle_id} is registered with other content"
        raise IdempotencyConflictError(message)
    return _registered(row, created=False)


def _registered(row: asyncpg.Record, *, created: bool) -> Registered:
    started = row["started_at"] is not None
    return Registered(
        whistle_id=row["whistle_id"], serial=row["serial"], title=row["title"], created=created, started=started
    )


async def _register(
    connection: Connection, registration: Registration, actor: Actor, now: datetime, profile: str
) -> Registered:
    in_force = await rules(connection, profile)
    # Before the number is taken: a refusal leaves no gap in the serial numbers.
    event = first_event(registration, now=now, rules=in_force, serial="")
    serial = await _next_serial(connection, registration.township, now, in_force)
    entry, salts = _entry(registration, event.model_copy(update={"serial": serial}), actor, now), _Salts()
    await _insert(connection, registration, entry.whistle, salts)
    sealed = entry._replace(commitments=_commitments(registration, salts))
    await write(connection, sealed, in_force.organisations.name_of)
    return Registered(
        whistle_id=registration.whistle_id, serial=serial, title=registration.title, created=True, started=False
    )


async def _next_serial(connection: Connection, township: str, now: datetime, rules: Rules) -> str:
    organisation = rules.organisations.find(township)
    initials = organisation.initials if organisation and organisation.initials else township.upper()
    year = serial_year(now)
    number = await connection.fetchval(_NEXT_NUMBER, initials, year)
    return f"{initials}-{year}-{number:06d}"


def _entry(registration: Registration, event: WhistleRegistered, actor: Actor, now: datetime) -> Entry:
    record = Record(sequence=1, at=now, actor=actor, command_id=REGISTER, event=event)
    whistle = evolve(None, record)
    return Entry(
        name=REGISTER,
        command_id=REGISTER,
        content_hash=registration.hash,
        actor=actor,
        at=now,
        whistle=whistle,
        steps=((record, whistle),),
    )


def _commitments(registration: Registration, salts: "_Salts") -> dict[str, str]:
    made = {"matter": commitment(str(salts.matter), registration.private())}
    if registration.reporter:
        made["reporter"] = commitment(str(salts.reporter), registration.reporter.model_dump(mode="json"))
    return made


async def _insert(connection: Connection, registration: Registration, whistle: Whistle, salts: "_Salts") -> None:
    place, reporter = registration.place, registration.reporter
    await connection.execute(
        _INSERT,
        whistle.whistle_id,
        whistle.source_system,
        whistle.external_id,
        registration.hash,
        whistle.serial,
        whistle.title,
        whistle.state,
        whistle.chain,
        whistle.township,
        whistle.channel,
        whistle.registered_at,
        registration.description,
        place.address,
        place.lng,
        place.lat,
        place.crs,
        [e.model_dump(mode="json", exclude_none=True) for e in registration.evidence],
        reporter and reporter.name,
        reporter and reporter.phone,
        reporter and reporter.confidential,
        salts.matter,
        salts.reporter,
    )

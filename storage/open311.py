"""Requests that came in through Open311: noted before their registration, and read back as the standard shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from domain.lifecycle import ENDS
from domain.values import Actor, Evidence, Frozen, Place
from domain.vocabulary import Outcome, Rejection, State
from storage.pool import Pool

_NOTE = """
insert into open311_request (whistle_id, content_hash, service_code, confidential, token, received_at)
values ($1, $2, $3, $4, $5, $6) on conflict (whistle_id) do nothing
"""
_NOTED = """
select whistle_id, content_hash, service_code, confidential, token, received_at from open311_request
where whistle_id = $1
"""
_BY_TICKET = """
select whistle_id from open311_request o join whistle w using (whistle_id, content_hash) where o.token = $1
"""
_OWN = "open311_request o using (whistle_id, content_hash)"
_STATE = "($4::boolean is null or (w.state <> all($5::text[])) = $4)"
_TOWNSHIP = "($3::text is null or w.township = $3)"
_PUBLIC = f"""
select o.whistle_id, o.received_at as requested_at from open311_request o
join whistle w using (whistle_id, content_hash)
where o.received_at >= $1 and o.received_at < $2 and {_TOWNSHIP} and {_STATE}
    and ($6::text[] is null or o.service_code = any($6))
order by o.received_at desc, o.whistle_id desc limit $7
"""  # noqa: S608 - as below
_OTHERS = f"""
select w.whistle_id, w.registered_at as requested_at from {{source}}
where {{made}} >= $1 and {{made}} < $2 and {{seen}} and {_TOWNSHIP} and {_STATE}
    and not exists (select from open311_request o where (o.whistle_id, o.content_hash) = (w.whistle_id, w.content_hash))
order by {{made}} desc, {{key}} desc limit $7
"""  # noqa: S608 - as below
_OTHERS_OF_ALL = _OTHERS.format(source="whistle w", made="w.registered_at", key="w.whistle_id", seen="$8::text is null")
_OTHERS_OF_PARTY = _OTHERS.format(
    source="whistle_party p join whistle w using (whistle_id)",
    made="p.whistle_registered_at",
    key="p.whistle_id",
    seen="p.organisation = $8",
)
_NAMED = f"""
select w.whistle_id, coalesce(o.received_at, w.registered_at) as requested_at
from whistle w left join {_OWN}
where w.whistle_id = any($1::text[]) and (o.whistle_id is not null or $2::boolean
    or exists (select from whistle_party p where p.whistle_id = w.whistle_id and p.organisation = $3))
"""  # noqa: S608 - as below
_SHOW = f"""
with chosen as ({{}})
select w.whistle_id, w.state, w.source_system, w.township, w.caller, w.responders, w.lead, w.updated_at, w.closed_at,
    w.next_deadline, c.requested_at, o.service_code, coalesce(o.confidential, false) as confidential,
    o.whistle_id is not null as public, w.value ->> 'outcome' as outcome,
    coalesce((w.value ->> 'feedback_given')::boolean, false) as answered,
    (select max(due_at) from clock k where k.whistle_id = w.whistle_id and k.phase = 'HANDLE') as handle_due_at,
    case when w.state = '{State.REJECTED}' then (
        select jsonb_build_array(e.data -> 'rejection', e.data -> 'reason') from event e
        where e.whistle_id = w.whistle_id and e.type = 'WhistleRejected' order by e.sequence desc limit 1
    ) end as rejected,
    case when w.merged_into is not null then (
        select p.whistle_id from whistle p join open311_request using (whistle_id, content_hash)
        where p.whistle_id = w.merged_into
    ) end as merged_into, m.description, m.address, m.lng, m.lat, m.crs, m.evidence
from chosen c join whistle w using (whistle_id) join matter m using (whistle_id) left join {_OWN}
order by c.requested_at desc, c.whistle_id desc offset {{}} limit {{}}
"""  # noqa: S608 - every part is a constant of this module
_NOTE_VIEWS = """
insert into private_view (whistle_id, subject, role, organisation, what)
select whistle_id, $2, $3, $4, 'matter' from unnest($1::text[]) as whistle_id
"""


class Noted(Frozen):
    """A request as it was noted before its registration."""

    whistle_id: str
    content_hash: str
    service_code: str
    confidential: bool
    token: str | None = None
    received_at: datetime


class Sight(NamedTuple):
    """Which whistles a reader sees beside those that came in through Open311: all, an organisation's, or none."""

    everything: bool = False
    organisation: str | None = None


class RequestFilter(NamedTuple):
    """Which requests a list shows: from `start` until before `end`; None does not filter.

    `others_match` says whether whistles that came in by another way have one of the service codes.
    """

    start: datetime
    end: datetime
    township: str | None = None
    open: bool | None = None
    service_codes: Sequence[str] | None = None
    others_match: bool = True
    limit: int = 1000
    offset: int = 0


class Request(Frozen):
    """A request as the store knows it; who may read the place and what was told is the caller's to decide.

    `merged_into` is named only where that is open to everyone too.
    """

    whistle_id: str
    state: State
    source_system: str
    township: str
    caller: str | None
    responders: tuple[str, ...]
    lead: str | None
    updated_at: datetime
    closed_at: datetime | None
    next_deadline: datetime | None
    handle_due_at: datetime | None
    requested_at: datetime
    service_code: str | None
    confidential: bool
    public: bool
    outcome: Outcome | None
    answered: bool
    rejected: tuple[Rejection, str] | None
    merged_into: str | None
    description: str
    place: Place
    evidence: tuple[Evidence, ...]


async def note(pool: Pool, request: Noted) -> Noted:
    """Note a request before it is registered; gives what was noted first under its id."""
    await pool.execute(_NOTE, *dict(request).values())
    row = await pool.fetchrow(_NOTED, request.whistle_id)
    return Noted(**row) if row else request


async def id_of_token(pool: Pool, token: str) -> str | None:
    """Find the id of the request that was answered with a token."""
    found = await pool.fetchval(_BY_TICKET, token)
    return str(found) if found else None


async def note_views(pool: Pool, ids: Sequence[str], viewer: Actor) -> None:
    """Note for the audit who was shown what and where of whistles that are not open to everyone."""
    if ids:
        await pool.execute(_NOTE_VIEWS, ids, viewer.subject, viewer.role, viewer.organisation)


async def named_requests(pool: Pool, ids: Sequence[str], sight: Sight) -> list[Request]:
    """Read those of the named requests that the reader sees, the newest first."""
    asked = _SHOW.format(_NAMED, 0, "$4")
    rows = await pool.fetch(asked, ids, sight.everything, sight.organisation, len(ids))
    return [_request(row) for row in rows]


async def list_requests(pool: Pool, which: RequestFilter, sight: Sight) -> list[Request]:
    """List the requests that the reader sees, the newest first."""
    return [_request(row) for row in await pool.fetch(*list_query(which, sight))]


def list_query(which: RequestFilter, sight: Sight) -> tuple[str, *tuple[Any, ...]]:
    """Give the statement of a list and its parameters; each half stops after what a page may need of it."""
    ends = sorted(ENDS)
    arguments: list[Any] = [which.start, which.end, which.township, which.open, ends, which.service_codes]
    arguments.append(which.limit + which.offset)
    chosen = f"({_PUBLIC})"
    if which.others_match and (sight.everything or sight.organisation):
        chosen += f" union all ({_OTHERS_OF_ALL if sight.everything else _OTHERS_OF_PARTY})"
        arguments.append(None if sight.everything else sight.organisation)
    places = (f"${len(arguments) + 1}", f"${len(arguments) + 2}")
    return _SHOW.format(chosen, *places), *arguments, which.offset, which.limit


def _request(row: asyncpg.Record) -> Request:
    fields = dict(row)
    place = {name: fields.pop(name) for name in ("address", "lng", "lat", "crs")}
    return Request(**fields, place=Place(**place))

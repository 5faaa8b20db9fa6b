"""Lists of whistles, the newest first, by what the columns of their rows say and by words of their titles."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from domain.values import Frozen, Printable
from domain.vocabulary import Chain, SourceChannel, State, SupervisionLevel, Tier, Urgency, WhistleKind
from storage.cursors import read_cursor, write_cursor
from storage.pool import Pool

_COLUMNS = """
select whistle.whistle_id, serial, title, state, step, kind, urgency, tier, chain, township, grid, caller, lead,
    source_channel, responders, overdue_responders, supervision_level, next_deadline, merged_into,
    whistle.registered_at, blown_at, updated_at, closed_at, sequence as version
"""
_NEWEST_FIRST = "order by {0}registered_at desc, {0}whistle_id desc limit {1}"
_CONDITIONS = {
    "state": "state = {}",
    "township": "township = {}",
    "kind": "kind = {}",
    "responder": "{} = any(responders)",
}
# As a constant, so that the partial index on it serves every plan.
_OVERDUE = {True: "overdue", False: "not overdue"}
# From the side of one party, the order is that of its own index; and every responder is a party.
_OF_PARTY = "join whistle_party party on party.whistle_id = whistle.whistle_id and party.organisation = {}"
_NEWEST_OF_PARTY_FIRST = "order by party.whistle_registered_at desc, party.whistle_id desc limit {}"
_SEEN_BY = """exists (
    select from whistle_party sight where sight.whistle_id = whistle.whistle_id and sight.organisation = {} offset 0)"""
"""Asked row by row: offset 0 keeps the planner from reading all parties to join them."""
_BEFORE = "({0}registered_at, {0}whistle_id) < ({1}, {2})"
_BEFORE_OF_PARTY = "(party.whistle_registered_at, party.whistle_id) < ({}, {})"

# Searching ------------------------------------------------------------------------------------------------------------
# A word that many titles hold is met on the way through the newest; of a rarer one the index gives few rows to sort.
# No one statement does both: the planner guesses how many titles hold a word, and is wrong by far.
_TITLE_HOLDS = "position(lower({q}) in lower(title)) > 0"
_NUMBER_HOLDS = "position(lower({q}) in lower(whistle_id || E'\\x1f' || serial)) > 0"
_INDEXED = "select whistle_id, registered_at from whistle_title where "
_TITLE_FOUND = f"(grams @> sought_grams({{q}}) and {_TITLE_HOLDS})"
_NUMBER_FOUND = "(number_grams @> sought_number_grams({q}) and position(lower({q}) in lower(numbers)) > 0)"
_SHORTEST_NUMBER = 4
_NEWEST = "select whistle_id, title, serial, registered_at from whistle_title {before} {first}"
_NEWEST_OF_PARTY = """
select whistle_id, title, serial, whistle_registered_at as registered_at from (
    select whistle_id, whistle_registered_at from whistle_party party where organisation = {party} {before} {first}
) own join whistle_title using (whistle_id)
"""
_HOLDING = "select whistle_id, registered_at from ({titles}) title where {held} {first}"
_FOUND = """
with indexed as materialized ({indexed})
select whistle_id, registered_at from indexed whistle where {conditions} {first}
"""
_ROWS_HOLDING = "select * from ({rows}) whistle where {held} {first}"
_TITLES_WALKED, _OWN_TITLES_WALKED, _ROWS_WALKED = 12_000, 6_000, 3_000
"""How much of a list is looked through before the index is asked; titles have an index of their own to walk."""
_MOST = 500

Word = Annotated[str, StringConstraints(max_length=200), Printable]
Query = tuple[str, *tuple[Any, ...]]


class WhistleFilter(Frozen):
    """Which whistles a list shows; None does not filter.

    `q` is looked for in titles, and from four characters on in ids and serial numbers too.
    `party` leaves those that an organisation has or had a part in.
    """

    state: State | None = None
    township: Word | None = None
    responder: Word | None = None
    kind: WhistleKind | None = None
    overdue: bool | None = None
    q: Word | None = None
    party: Word | None = None


class WhistleRow(Frozen):
    """A whistle as lists show it."""

    whistle_id: str
    serial: str
    title: str
    state: State
    step: int
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    tier: Tier | None = None
    chain: Chain
    township: str
    grid: str | None = None
    caller: str | None = None
    lead: str | None = None
    source_channel: SourceChannel
    responders: tuple[str, ...] = ()
    overdue_responders: tuple[str, ...] = ()
    supervision_level: SupervisionLevel
    next_deadline: datetime | None = None
    merged_into: str | None = None
    registered_at: datetime
    blown_at: datetime | None = None
    updated_at: datetime
    closed_at: datetime | None = None
    version: int


class Page(Frozen):
    """A page of whistles, the newest first; `next_cursor` is None on the last one."""

    items: tuple[WhistleRow, ...]
    next_cursor: str | None = None


class Arguments(list[Any]):
    """The parameters of a statement, in the order in which they are named."""

    def add(self, value: object) -> str:
        """Take one in and give its name."""
        self.append(value)
        return f"${len(self)}"


async def list_whistles(pool: Pool, whistle_filter: WhistleFilter, cursor: str | None = None, limit: int = 50) -> Page:
    """List at most 500 whistles, the newest registered first. Raises InvalidError for a cursor that is none."""
    limit = max(1, min(limit, _MOST))
    for statement, *arguments in list_queries(whistle_filter, cursor, limit):
        rows = await pool.fetch(statement, *arguments)
        if len(rows) > limit:
            break
    items = tuple(WhistleRow(**row) for row in rows[:limit])
    last = items[-1] if len(rows) > limit else None
    return Page(items=items, next_cursor=write_cursor((last.registered_at, last.whistle_id)) if last else None)


def list_queries(whistle_filter: WhistleFilter, cursor: str | None, limit: int) -> Iterator[Query]:
    """Give the statements of a list with their parameters; each asks for one row more than the limit.

    The first that gives so many has the page, otherwise the last.
    """
    if not whistle_filter.q:
        arguments = Arguments()
        yield _listed(whistle_filter, cursor, arguments, limit + 1), *arguments
        return
    whole = whistle_filter == WhistleFilter(q=whistle_filter.q, party=whistle_filter.party)
    for search in (_titles_walked, _titles_indexed) if whole else (_rows_walked, _rows_indexed):
        arguments = Arguments()
        yield search(whistle_filter, cursor, arguments, limit + 1), *arguments


def _listed(which: WhistleFilter, cursor: str | None, arguments: Arguments, most: int, source: str = "whistle") -> str:
    side, conditions = _side(which, arguments), list(_conditions(which, arguments))
    if cursor:
        before = _BEFORE_OF_PARTY if side else _BEFORE.format("whistle.", "{}", "{}")
        conditions.append(before.format(*map(arguments.add, read_cursor(cursor, 2))))
    where = f"where {' and '.join(conditions)} " if conditions else ""
    limit = arguments.add(most)
    order = _NEWEST_OF_PARTY_FIRST.format(limit) if side else _NEWEST_FIRST.format("whistle.", limit)
    return f"{_COLUMNS}from {source} {side} {where}{order}"


def _side(which: WhistleFilter, arguments: Arguments) -> str:
    of = which.party if which.responder is None else which.responder
    return "" if of is None else _OF_PARTY.format(arguments.add(of))


def _conditions(which: WhistleFilter, arguments: Arguments) -> Iterator[str]:
    for name, form in _CONDITIONS.items():
        if value := getattr(which, name):
            yield form.format(arguments.add(value))
    if which.overdue is not None:
        yield _OVERDUE[which.overdue]
    if which.party is not None and which.responder is not None:
        yield _SEEN_BY.format(arguments.add(which.party))


def _held(q: str, arguments: Arguments, title: str, number: str) -> str:
    # Numbers are of ASCII, and three characters of one stand in every other.
    holds = title if len(q) < _SHORTEST_NUMBER or not q.isascii() else f"({title} or {number})"
    return holds.format(q=arguments.add(q))


def _titles_walked(which: WhistleFilter, cursor: str | None, arguments: Arguments, most: int) -> str:
    if which.party is None:
        before = "where " + _before(cursor, arguments) if cursor else ""
        titles = _NEWEST.format(before=before, first=_newest_first(arguments, _TITLES_WALKED))
    else:
        party = arguments.add(which.party)
        before = "and " + _BEFORE_OF_PARTY.format(*map(arguments.add, read_cursor(cursor, 2))) if cursor else ""
        first = _NEWEST_OF_PARTY_FIRST.format(arguments.add(_OWN_TITLES_WALKED))
        titles = _NEWEST_OF_PARTY.format(party=party, before=before, first=first)
    held = _held(which.q or "", arguments, _TITLE_HOLDS, _NUMBER_HOLDS)
    return _of_titles(_HOLDING.format(titles=titles, held=held, first=_newest_first(arguments, most)))


def _titles_indexed(which: WhistleFilter, cursor: str | None, arguments: Arguments, most: int) -> str:
    indexed = _INDEXED + _held(which.q or "", arguments, _TITLE_FOUND, _NUMBER_FOUND)
    conditions = [_before(cursor, arguments)] if cursor else []
    if which.party is not None:
        conditions.append(_SEEN_BY.format(arguments.add(which.party)))
    wanted = " and ".join(conditions) or "true"
    return _of_titles(_FOUND.format(indexed=indexed, conditions=wanted, first=_newest_first(arguments, most)))


def _rows_walked(which: WhistleFilter, cursor: str | None, arguments: Arguments, most: int) -> str:
    rows = _listed(which, cursor, arguments, _ROWS_WALKED)
    held = _held(which.q or "", arguments, _TITLE_HOLDS, _NUMBER_HOLDS)
    return _ROWS_HOLDING.format(rows=rows, held=held, first=_newest_first(arguments, most))


def _rows_indexed(which: WhistleFilter, cursor: str | None, arguments: Arguments, most: int) -> str:
    indexed = _INDEXED + _held(which.q or "", arguments, _TITLE_FOUND, _NUMBER_FOUND)
    source = "indexed join whistle on whistle.whistle_id = indexed.whistle_id"
    return f"with indexed as materialized ({indexed}) {_listed(which, cursor, arguments, most, source)}"


def _before(cursor: str, arguments: Arguments) -> str:
    return _BEFORE.format("", *map(arguments.add, read_cursor(cursor, 2)))


def _newest_first(arguments: Arguments, most: int) -> str:
    return _NEWEST_FIRST.format("", arguments.add(most))


def _of_titles(found: str) -> str:
    order = "order by found.registered_at desc, found.whistle_id desc"
    return f"{_COLUMNS}from ({found}) found join whistle on whistle.whistle_id = found.whistle_id {order}"

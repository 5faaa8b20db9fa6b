"""What must hold of any whistle whatever was killed: nothing lost, nothing twice, nothing early, all three sides equal.

The rules are pure: each takes what was found about one whistle and yields a sentence for every breach.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from domain.clocks import next_strike
from domain.events import ClockStruck
from domain.evolve import evolve
from domain.ledger import Answer
from domain.notices import notices
from domain.records import Record
from domain.submission import STRIKE
from domain.view import view
from domain.whistle import Whistle
from storage.read_model import clock_rows

STRIKES_WITHIN = timedelta(seconds=2)
"""How late a strike may be on an idle stack (contract.md 3)."""
OF_THE_ENGINE = (f"{STRIKE}/", "temporal-cancel/")
REGISTER = "register"
DELIVERED, ENDED = "DELIVERED", {"DELIVERED", "DROPPED"}


class Stored(NamedTuple):
    """A row of table `command`; `first` is None when it left no event."""

    command_id: str
    first: int | None
    last: int
    state: str


class Told(NamedTuple):
    """One way by which a notice goes to one recipient: a row of `notice_delivery`."""

    id: int
    outbox_id: int
    recipient: str
    state: str


class Noticed(NamedTuple):
    """A row of the outbox."""

    id: int
    sequence: int
    kind: str
    audience: str
    template: str
    addressed: bool


class Found(NamedTuple):
    """Everything that is known of one whistle: the store's side, the workflow's, the log's."""

    whistle_id: str
    records: tuple[Record, ...]
    value: Whistle
    commands: tuple[Stored, ...]
    clocks: tuple[tuple[str, str, int, datetime | None], ...]
    outbox: tuple[Noticed, ...]
    deliveries: tuple[Told, ...]
    logged: Mapping[tuple[int, str], int]
    """How often each notice, by its outbox id and recipient, stands in the logs of the workers."""
    told: Mapping[str, Any]
    """The workflow's own `view`."""
    visible_version: int | None
    """`WhistleVersion` in Temporal's visibility."""
    looked_at: datetime


class Claims(NamedTuple):
    """What the clients know: every answer they got, and every id they ever sent under."""

    answers: Mapping[str, Answer]
    sent: frozenset[str]


Rule = Callable[[Found, Claims], Iterator[str]]


def breaches(found: Found, claims: Claims) -> list[str]:
    """Give a sentence for each invariant that a whistle breaks."""
    return [f"{found.whistle_id}: {breach}" for rule in RULES for breach in rule(found, claims)]


def trail_is_gap_free(found: Found, _claims: Claims) -> Iterator[str]:
    """The audit trail counts from 1 without a gap, and time never runs back in it."""
    sequences = [r.sequence for r in found.records]
    if sequences != list(range(1, len(sequences) + 1)):
        yield f"the trail counts {sequences}"
    if any(after.at < before.at for before, after in pairwise(found.records)):
        yield "the trail's times run back"


def value_is_the_fold_of_the_trail(found: Found, _claims: Claims) -> Iterator[str]:
    """The value in PostgreSQL is what its events make of it, and its running clocks stand beside it."""
    folded = [whistle for _, whistle in _lives(found)][-1]
    if folded != found.value:
        yield f"the value differs from the fold in {_different(dict(folded), dict(found.value))}"
    expected = {(c["phase"], c["responder"], c["struck"], c["next_strike_at"]) for c in clock_rows(folded)}
    stored = {(phase, responder, struck, at and at.isoformat()) for phase, responder, struck, at in found.clocks}
    if expected != stored:
        yield f"the clocks stored are {stored}, those of the value {expected}"


def workflow_equals_the_store(found: Found, _claims: Claims) -> Iterator[str]:
    """The workflow's view, the stored value's and Temporal's search attribute agree."""
    ours = view(found.value).model_dump(mode="json")
    if ours != found.told:
        yield f"the workflow's view differs in {_different(ours, found.told)}"
    if found.visible_version != found.value.sequence:
        yield f"visibility shows version {found.visible_version}, the store holds {found.value.sequence}"


def answers_stand(found: Found, claims: Claims) -> Iterator[str]:
    """Every command that was acknowledged is stored once, with the very answer that was given."""
    stored = Counter(c.command_id for c in found.commands)
    rows = {c.command_id: c for c in found.commands}
    for command_id, answer in claims.answers.items():
        if stored[command_id] != 1:
            yield f"{command_id} was acknowledged and is stored {stored[command_id]} times"
        elif (answer.sequence, answer.version, answer.state) != (
            rows[command_id].last,
            rows[command_id].last,
            rows[command_id].state,
        ):
            yield f"{command_id} was answered {answer} and is stored as {rows[command_id]}"


def every_event_belongs_to_one_command(found: Found, claims: Claims) -> Iterator[str]:
    """The commands part the trail among them without overlap, and somebody sent each of them."""
    spans = sorted((c.first, c.last, c.command_id) for c in found.commands if c.first is not None)
    owners = [command_id for first, last, command_id in spans for _ in range(first, last + 1)]
    if owners != [r.command_id for r in found.records]:
        yield f"the commands claim {spans} of {[(r.sequence, r.command_id) for r in found.records]}"
    for command in found.commands:
        own = command.command_id == REGISTER or command.command_id.startswith(OF_THE_ENGINE)
        if not own and command.command_id not in claims.sent:
            yield f"nobody sent {command.command_id}"


def clocks_strike_once_and_never_early(found: Found, _claims: Claims) -> Iterator[str]:
    """No point of a clock strikes twice or before it is due."""
    struck = Counter[tuple[Any, ...]]()
    for before, (record, _) in zip([None, *(w for _, w in _lives(found))], _lives(found), strict=False):
        event = record.event
        if isinstance(event, ClockStruck):
            struck[event.phase, event.responder, event.point, event.due_at, before and before.round] += 1
            if record.at < event.due_at:
                yield f"{event} struck early, at {record.at}"
    yield from (f"{point} struck {times} times" for point, times in struck.items() if times > 1)


def what_is_due_has_struck(found: Found, _claims: Claims) -> Iterator[str]:
    """No clock of an open whistle lies in the past."""
    strike = None if found.value.ended else next_strike(found.value)
    if strike and strike.at + STRIKES_WITHIN < found.looked_at:
        yield f"{strike} has not struck by {found.looked_at}"


def notices_are_written_once_and_addressed(found: Found, _claims: Claims) -> Iterator[str]:
    """Each notice of each event stands in the outbox once, and somebody was found to tell."""
    expected = Counter(
        (record.sequence, notice.kind, notice.audience, notice.template)
        for record, whistle in _lives(found)
        for notice in notices(record, whistle, lambda code: code)
    )
    written = Counter((n.sequence, n.kind, n.audience, n.template) for n in found.outbox)
    if expected != written:
        yield f"notices missing: {expected - written}, too many: {written - expected}"
    told = {t.outbox_id for t in found.deliveries}
    yield from (f"{n} is not addressed" for n in found.outbox if not (n.addressed and n.id in told))


def notices_are_delivered_once(found: Found, _claims: Claims) -> Iterator[str]:
    """Each delivery has ended, and none stands in the log twice."""
    for told in found.deliveries:
        if told.state not in ENDED:
            yield f"{told} is not delivered"
        if (times := found.logged.get((told.outbox_id, told.recipient), 0)) > 1:
            yield f"{told} stands in the log {times} times"


def unlogged(found: Found) -> list[Told]:
    """List what is delivered and stands in no log: it is noted first, so a kill in between loses the line."""
    return [t for t in found.deliveries if t.state == DELIVERED and (t.outbox_id, t.recipient) not in found.logged]


RULES: tuple[Rule, ...] = (
    trail_is_gap_free,
    value_is_the_fold_of_the_trail,
    workflow_equals_the_store,
    answers_stand,
    every_event_belongs_to_one_command,
    clocks_strike_once_and_never_early,
    what_is_due_has_struck,
    notices_are_written_once_and_addressed,
    notices_are_delivered_once,
)


def _lives(found: Found) -> list[tuple[Record, Whistle]]:
    lives, whistle = [], None
    for record in found.records:
        whistle = evolve(whistle, record)
        lives.append((record, whistle))
    return lives


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted(one.keys() | other.keys())
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}

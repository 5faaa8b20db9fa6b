"""The fold: a trail becomes what the figures see of it, as of a moment."""

from collections.abc import Sequence
from datetime import datetime

from domain import events as e
from domain.figures import endings, report_ins
from domain.figures.history import History, correct
from domain.figures.registry import HANDLERS, on
from domain.records import Record

ROOMS = (endings, report_ins)


def history_of(records: Sequence[Record], as_of: datetime, known_at: datetime | None = None) -> History | None:
    """Fold a trail up to `as_of` (inclusive), corrected by what was found by `known_at` about rows that stood by then.

    Corrections: an appeal or objection upheld, marks annulled, an emergency found false, an arrival found false, or
    recorded late (补录), a limit to evaluate that passed by then and was struck later. None when there was nothing yet.
    Raises ValueError for a trail without its first event.
    """
    history = fold(records, as_of)
    if history is None or known_at is None or records[-1].at <= as_of:
        return history
    later = fold(records, known_at)
    if later is not None:
        correct(history, later)
    return history


def fold(records: Sequence[Record], until: datetime) -> History | None:
    """Fold what happened up to a moment."""
    first = records[0]
    if not isinstance(first.event, e.WhistleRegistered):
        message = f"a trail begins with its registration, not with {first.type}"
        raise ValueError(message)  # noqa: TRY004 - the trail is wrong, not the type
    if first.at > until:
        return None
    history = _registered(first.event, first.at, until)
    for record in records[1:]:
        if record.at > until:
            break
        handler = HANDLERS.get(type(record.event))
        if handler:
            handler(history, record.event, record)
    return history


def read_types() -> tuple[str, ...]:
    """Name the types of events that the figures read."""
    return (e.WhistleRegistered.__name__, *(kind.__name__ for kind in HANDLERS))


def _registered(event: e.WhistleRegistered, at: datetime, until: datetime) -> History:
    return History(
        whistle_id=event.whistle_id,
        serial=event.serial,
        township=event.township,
        chain=event.chain,
        as_of=until,
        registered_at=at,
        source_due_at=event.source_due_at,
        grid=event.grid,
        item_code=event.item_code,
        kind=event.kind,
    )


@on(e.WhistleProposed)
def _(h: History, event: e.WhistleProposed, _r: Record) -> None:
    h.kind, h.returned_now = event.kind, False
    h.round.self_handling_due = None


@on(e.SelfHandlingChosen)
def _(h: History, event: e.SelfHandlingChosen, _r: Record) -> None:
    h.round.self_handling_due = event.self_handling.due_at


@on(e.WhistleTransferred)
def _(h: History, event: e.WhistleTransferred, _r: Record) -> None:
    h.township = event.township


@on(e.WhistleResubmitted)
def _(h: History, event: e.WhistleResubmitted, _r: Record) -> None:
    h.kind, h.returned_now = event.proposal.kind, False
    h.item_code = event.item_code or h.item_code


@on(e.WhistleBlown)
def _(h: History, _e: e.WhistleBlown, record: Record) -> None:
    h.blown_at = h.blown_at or record.at


@on(e.RatificationRefused)
def _(h: History, _e: e.RatificationRefused, _r: Record) -> None:
    h.false_alarm = True


@on(e.WhistleReturned)
def _(h: History, event: e.WhistleReturned, _r: Record) -> None:
    h.returns.append(event.reason)
    h.returned_now = True


@on(e.WhistleRejected)
def _(h: History, _e: e.WhistleRejected, record: Record) -> None:
    h.rejected, h.ended_at = True, record.at


@on(e.WhistleMerged)
def _(h: History, _e: e.WhistleMerged, record: Record) -> None:
    h.merged, h.ended_at = True, record.at


@on(e.WhistleCancelled)
def _(h: History, _e: e.WhistleCancelled, record: Record) -> None:
    h.cancelled, h.ended_at = True, record.at

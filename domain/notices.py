"""Who must hear of an event: what the table of notices makes of it on one whistle."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from domain import events as e
from domain.chains import ARBITER, PLATFORM, SUPERVISOR, acts_for, checker, holder_of, judges_itself, reviewer
from domain.clocks import Clock, running
from domain.duty import DutyLevel
from domain.notice_causes import Cause, Ends
from domain.notice_table import TABLE, Row, To
from domain.records import Record
from domain.summaries import Names, summarise
from domain.values import Frozen
from domain.vocabulary import Phase, ReportInState, Urgency, WhistleKind
from domain.whistle import Whistle

SOURCE_PREFIX = "source:"
PUBLIC = (
    e.WhistleRegistered,
    e.SelfHandlingChosen,
    e.WhistleMerged,
    e.WhistleTransferred,
    e.WhistleRejected,
    e.WhistleBlown,
    e.ActionStarted,
    e.CheckPassed,
    e.FeedbackGiven,
    e.WhistleClosed,
    e.WhistleCancelled,
    e.WhistleReopened,
)
"""Events that the source, and the sources of whistles merged into this one, hear of."""


class Notice(Frozen):
    """One line for one audience: an organisation's code, or `source:` and a source system's name.

    `kind` is the event's type, or the signal for one of the five whistles; what else its template names is `fields`.
    """

    audience: str
    kind: str
    text: str
    template: str
    urgent: bool = False
    levels: tuple[DutyLevel, ...] = (DutyLevel.OFFICER,)
    climbs: bool = False
    cause: Cause | None = None
    fields: dict[str, str] = {}


class _Heard(NamedTuple):
    organisation: str
    responder: str | None = None


def notices(record: Record, whistle: Whistle, name: Names) -> list[Notice]:
    """List the notices of one event, given the whistle after it; none twice."""
    text = f"【{whistle.kind.label if whistle.kind else '哨源'}】{whistle.title}:{summarise(record.event, name)}"
    kind = record.event.signal.value if isinstance(record.event, e.SignalSounded) else record.type
    found = [Notice(kind=kind, text=text, **own) for own in _of_source(record.event, whistle)]
    for row in _ROWS.get(type(record.event), ()):
        if _applies(row, record, whistle):
            told = [_notice(row, record, whistle, heard, name) for heard in _heard(row, record.event, whistle)]
            found += [Notice(kind=kind, text=text, **own) for own in told if own]
    return list(_each_once(found))


def is_public(event: e.Event) -> bool:
    """Whether the source hears of it."""
    return isinstance(event, PUBLIC)


def presses(whistle: Whistle) -> bool:
    """Whether it runs by day and by night: an emergency, or an offence under way (现行违法, domain.md (c))."""
    offence = whistle.kind is WhistleKind.ENFORCEMENT and whistle.urgency is Urgency.CRITICAL
    return offence or whistle.kind is WhistleKind.EMERGENCY


def _each_once(found: list[Notice]) -> Iterator[Notice]:
    # Who reviews may respond too: then it is told as a responder, whose notice says more.
    as_responders = {(n.audience, n.template) for n in found if "responder" in n.fields}
    told = set()
    for notice in found:
        responder = notice.fields.get("responder")
        key = (notice.audience, notice.template, responder)
        if key not in told and (responder or key[:2] not in as_responders):
            told.add(key)
            yield notice


def _of_source(event: e.Event, whistle: Whistle) -> Iterator[dict[str, Any]]:
    if is_public(event):
        yield {"audience": f"{SOURCE_PREFIX}{whistle.source_system}", "template": "public"}


def _applies(row: Row, record: Record, whistle: Whistle) -> bool:
    event = record.event
    if isinstance(event, e.SignalSounded) and row.signal is not event.signal:
        return False
    if isinstance(event, e.SupervisionRaised) and row.supervision is not event.level:
        return False
    return row.when is None or row.when(record, whistle)


def _notice(row: Row, record: Record, whistle: Whistle, heard: _Heard, name: Names) -> dict[str, Any] | None:
    event = record.event
    phase = row.phase or getattr(event, "phase", None)
    clock = _clock(event, whistle, phase, heard.responder)
    due_at = clock.deadline.due_at if clock else getattr(event, "appeal_until", None)
    if row.ends is Ends.CLOCK_STOPS and due_at is None:
        return None
    raised = event if isinstance(event, e.SupervisionRaised) else None
    fields = {
        "deadline": due_at and due_at.isoformat(),
        "responder": name(heard.responder) if heard.responder else None,
        "phase": getattr(phase, "label", None),
        "level": raised and raised.level.label,
        "point": clock.points[clock.struck - 1][1].label if raised and clock and clock.struck else None,
    }
    return {
        "audience": acts_for(whistle, heard.organisation),
        "template": row.template,
        "urgent": row.presses and presses(whistle),
        "levels": row.levels,
        "climbs": row.climbs,
        "cause": _cause(row, event, whistle, heard, due_at),
        "fields": {key: value for key, value in fields.items() if value},
    }


def _cause(row: Row, event: e.Event, whistle: Whistle, heard: _Heard, due_at: datetime | None) -> Cause | None:
    match row.ends:
        case Ends.NEVER:
            return None
        case Ends.CLOCK_STOPS:
            return Cause(ends=row.ends, phase=row.phase, responder=heard.responder, due_at=due_at)
        case Ends.SUPERVISION_ENDS if isinstance(event, e.SupervisionRaised):
            raised = next(s for s in whistle.supervisions if s.number == event.number)
            return Cause(ends=row.ends, number=event.number, level=event.level, since=raised.raised_at)
        case Ends.STATE_LEFT:
            return Cause(ends=row.ends, state=whistle.state)
        case Ends.REPORT_IN_MOVES:
            part = whistle.report_in(heard.responder or "")
            return Cause(ends=row.ends, responder=heard.responder, since=part.notified_at if part else None)
        case _:
            return Cause(ends=row.ends, responder=heard.responder)


def _clock(event: e.Event, whistle: Whistle, phase: Phase | None, responder: str | None) -> Clock | None:
    whose = {responder, getattr(event, "responder", None)}
    return next((r.clock for r in running(whistle) if r.phase is phase and r.responder in whose), None)


def _heard(row: Row, event: e.Event, whistle: Whistle) -> Iterable[_Heard]:
    return dict.fromkeys(_audience(row, event, whistle))


def _audience(row: Row, event: Any, whistle: Whistle) -> Iterator[_Heard]:  # noqa: ANN401 - any event, read by its row
    responder = getattr(event, "responder", None)
    match row.to:
        case To.REVIEWER:
            yield _Heard(reviewer(whistle), responder)
        case To.CHECKER:
            yield _Heard(checker(whistle), responder)
        case To.HOLDER if row.phase:
            yield _Heard(holder_of(whistle, row.phase), responder)
        case To.PLATFORM | To.ARBITER | To.SUPERVISOR:
            yield _Heard(_DISTRICT[row.to], responder)
        case To.EXTENDER:
            decides = reviewer(whistle)
            yield _Heard(PLATFORM if judges_itself(whistle, decides, (event.responder,)) else decides, responder)
        case To.RESPONDER:
            yield _Heard(event.responder, event.responder)
        case To.RESPONDERS:
            yield from (_Heard(code, code) for code in whistle.responders)
        case To.NAMED:
            yield from _named(event, whistle)
        case To.SUPERVISED:
            yield _Heard(event.organisation, event.responder)
        case To.FORMER_LEAD if event.former:
            yield _Heard(event.former, event.former)


def _named(event: e.Event, whistle: Whistle) -> Iterator[_Heard]:
    match event:
        case e.SignalSounded():
            called = {*whistle.proposed, *(r.responder for r in whistle.report_ins)}
            yield from (_Heard(code, code if code in called else None) for code in event.audience)
        case e.RespondersWithdrawn():
            withdrawn = {r.responder for r in whistle.report_ins if r.state is ReportInState.WITHDRAWN}
            yield from (_Heard(code, code) for code in event.responders if code in withdrawn)
        case e.CheckFailed() | e.RespondersEvaluated():
            yield from (_Heard(code, code) for code in event.responders)


_DISTRICT = {To.PLATFORM: PLATFORM, To.ARBITER: ARBITER, To.SUPERVISOR: SUPERVISOR}
_ROWS = {event: tuple(row for row in TABLE if row.event is event) for event in {row.event for row in TABLE}}

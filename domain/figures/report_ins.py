"""Dispatch, report-in and handling, folded for the figures."""

from datetime import datetime

from domain import events as e
from domain.figures.history import History, Part
from domain.figures.registry import due, on
from domain.records import Record
from domain.vocabulary import ExtensionPhase, ResponderRole


@on(e.RespondersNotified)
def _(h: History, event: e.RespondersNotified, record: Record) -> None:
    for named in event.responders:
        part = Part(
            responder=named.responder,
            role=named.role,
            number=record.sequence,
            notified_at=record.at,
            sign_due=due(event.sign),
            arrive_due=due(event.arrive),
            second_due=due(event.arrive_second),
            handle_due=due(event.handle),
        )
        h.round.parts.append(part)
        h.round.current[named.responder] = part


@on(e.WhistleAccepted)
@on(e.LeadChanged)
def _(h: History, event: e.WhistleAccepted | e.LeadChanged, _r: Record) -> None:
    for part in h.round.current.values():
        part.role = ResponderRole.LEAD if part.responder == event.lead else ResponderRole.COOPERATING


@on(e.RespondersWithdrawn)
def _(h: History, event: e.RespondersWithdrawn, record: Record) -> None:
    for responder in event.responders:
        part = h.part(responder)
        part.left_at, part.called_off = record.at, part.arrived_at is None
        h.note_missed(part, record.at)


@on(e.WhistleSuspended)
def _(h: History, _e: e.WhistleSuspended, record: Record) -> None:
    h.suspended_at = record.at


@on(e.WhistleResumed)
def _(h: History, _e: e.WhistleResumed, record: Record) -> None:
    since = h.suspended_at or record.at
    pause, h.suspended_at = record.at - since, None

    def shifted(limit: datetime | None) -> datetime | None:
        return limit + pause if limit and limit > since else limit

    h.source_due_at = shifted(h.source_due_at)
    for part in (p for p in h.round.current.values() if p.left_at is None):
        part.sign_due, part.arrive_due = shifted(part.sign_due), shifted(part.arrive_due)
        part.second_due, part.handle_due = shifted(part.second_due), shifted(part.handle_due)
        if part.arrived_at is None:
            part.paused_before_arriving += pause


@on(e.ResponderSigned)
def _(h: History, event: e.ResponderSigned, record: Record) -> None:
    part = h.part(event.responder)
    part.signed_at, part.signed_by_arriving = record.at, False


@on(e.ResponderArrived)
def _(h: History, event: e.ResponderArrived, _r: Record) -> None:
    part = h.part(event.responder)
    part.arrived_at = event.arrived_at
    if part.signed_at is None:
        part.signed_at, part.signed_by_arriving = event.arrived_at, True


@on(e.ArrivalRejected)
def _(h: History, event: e.ArrivalRejected, _r: Record) -> None:
    part = h.part(event.responder)
    part.arrived_at = None
    part.false_arrivals += 1
    if part.signed_by_arriving:
        part.signed_at, part.signed_by_arriving = None, False


@on(e.ObjectionUpheld)
def _(h: History, event: e.ObjectionUpheld, record: Record) -> None:
    part = h.part(event.responder)
    part.objection_upheld = True
    if not event.marks_only:
        part.ruled_out, part.left_at = True, part.left_at or record.at


@on(e.ObjectionOverruled)
def _(h: History, event: e.ObjectionOverruled, _r: Record) -> None:
    h.part(event.responder).unfounded_objections += 1


@on(e.ActionStarted)
def _(h: History, event: e.ActionStarted, _r: Record) -> None:
    for part in h.round.current.values():
        if part.left_at is None and part.handle_due is None:
            part.handle_due = due(event.handle)


@on(e.ExtensionGranted)
def _(h: History, event: e.ExtensionGranted, _r: Record) -> None:
    part = h.part(event.responder)
    if event.phase is ExtensionPhase.HANDLING:
        part.handle_due = event.deadline.due_at
        return
    part.arrive_due = event.deadline.due_at
    part.second_due = due(event.second) or part.second_due


@on(e.HandlingReported)
def _(h: History, event: e.HandlingReported, record: Record) -> None:
    part = h.part(event.responder)
    part.handled_at = record.at
    if part.handle_due and record.at > part.handle_due:
        part.missed_at = part.missed_at or part.handle_due


@on(e.ResponderReleased)
def _(h: History, event: e.ResponderReleased, record: Record) -> None:
    h.part(event.responder).left_at = record.at

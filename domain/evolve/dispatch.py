"""What the district platform did."""

from collections.abc import Callable
from datetime import timedelta

from domain import events as e
from domain.clocks import Clock
from domain.evolve.base import changed, clocked, entered, on, with_each, with_lead
from domain.records import Record
from domain.report_in import ReportIn
from domain.vocabulary import Phase, ReportInState, ResponderRole, State
from domain.whistle import Whistle

PENDING_IN: dict[Phase, Callable[[ReportIn], bool]] = {
    Phase.SIGN: lambda r: r.signed_at is None or r.state_before_arrival is ReportInState.NOTIFIED,
    Phase.ARRIVE: lambda _: True,
    Phase.ARRIVE_SECOND: lambda _: True,
    Phase.FIRST_REPORT: lambda r: not r.progress_reported,
    Phase.START_ACTION: lambda _: True,
    Phase.HANDLE: lambda r: r.state is not ReportInState.HANDLED,
    Phase.RULE: lambda r: r.dispute_open,
}
"""What may still run when the whistle resumes; after an arrival too, since one that proves false never stopped it."""


@on(e.WhistleAccepted)
def _(w: Whistle, event: e.WhistleAccepted, _r: Record) -> Whistle:
    w = entered(
        w,
        State.ASSEMBLING,
        lead=event.lead,
        assemble_at=event.assemble_at or w.assemble_at,
        assembly_place=event.assembly_place or w.assembly_place,
    )
    return with_lead(w, event.lead)


@on(e.RespondersNotified)
def _(w: Whistle, event: e.RespondersNotified, record: Record) -> Whistle:
    named = {d.responder for d in event.responders}
    phases = (Phase.SIGN, Phase.ARRIVE, Phase.ARRIVE_SECOND, Phase.FIRST_REPORT, Phase.START_ACTION, Phase.HANDLE)
    limits = {p: getattr(event, p.value.lower()) for p in phases}
    clocks = {p: Clock(deadline=d) for p, d in limits.items() if d}
    fresh = tuple(
        ReportIn(
            responder=d.responder,
            role=d.role,
            round=w.round,
            notified_at=record.at,
            clocks=clocks,
            object_until=event.object_until,
        )
        for d in event.responders
    )
    lead = next((d.responder for d in event.responders if d.role is ResponderRole.LEAD), w.lead)
    return changed(
        w,
        lead=lead,
        ownerless=False,
        report_ins=tuple(r for r in w.report_ins if r.responder not in named) + fresh,
        earlier_report_ins=w.earlier_report_ins + tuple(r for r in w.report_ins if r.responder in named),
    )


@on(e.RespondersWithdrawn)
def _(w: Whistle, event: e.RespondersWithdrawn, record: Record) -> Whistle:
    def end(r: ReportIn) -> ReportIn:
        if r.responder not in event.responders:
            return r
        if r.arrived_at:
            return r.model_copy(update={"state": ReportInState.RELEASED, "released_at": record.at})
        return r.model_copy(update={"state": ReportInState.WITHDRAWN, "overdue": False, "no_show": False})

    return with_each(w, end)


@on(e.LeadChanged)
def _(w: Whistle, event: e.LeadChanged, _r: Record) -> Whistle:
    return with_lead(w, event.lead)


@on(e.WhistleReturned)
def _(w: Whistle, event: e.WhistleReturned, _r: Record) -> Whistle:
    return clocked(entered(w, State.RETURNED), resubmit=event.resubmit)


@on(e.SuspensionRequested)
def _(w: Whistle, _e: e.SuspensionRequested, _r: Record) -> Whistle:
    return changed(w, suspension_requested=True)


@on(e.WhistleSuspended)
def _(w: Whistle, event: e.WhistleSuspended, record: Record) -> Whistle:
    w = clocked(w, suspension_review=event.review)
    before = w.state
    return entered(
        w, State.SUSPENDED, suspended_at=record.at, state_before_suspension=before, suspension_requested=False
    )


@on(e.WhistleResumed)
def _(w: Whistle, _e: e.WhistleResumed, record: Record) -> Whistle:
    since = w.suspended_at or record.at
    pause = record.at - since

    def resume(r: ReportIn) -> ReportIn:
        if not r.active:
            return r
        pending = {p: c.shifted(since, pause) for p, c in r.clocks.items() if PENDING_IN[p](r)}
        until = r.object_until
        until = until + pause if until and until > since else until
        asked = r.extension and r.extension.model_copy(update={"until": r.extension.until + pause})
        return r.model_copy(update={"clocks": {**r.clocks, **pending}, "object_until": until, "extension": asked})

    put_off = w.source_put_off + (pause if w.source_limit and w.source_limit > since else timedelta())
    stopped = (Phase.RATIFY, Phase.ACCEPT)
    own = {p: w.clocks[p].shifted(since, pause) for p in stopped if p in w.clocks}
    w = entered(w, w.state_before_suspension or State.ASSEMBLING, suspended_at=None, state_before_suspension=None)
    return with_each(changed(w, clocks={**w.clocks, **own}, source_put_off=put_off), resume)

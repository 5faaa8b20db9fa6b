"""What responders did."""

from domain import events as e
from domain.clocks import Clock
from domain.evolve.base import changed, clocked, dispute_settled, entered, on, part_of, with_each, with_part
from domain.records import Record
from domain.report_in import Dispute, Extension, ReportIn, seconds_late
from domain.vocabulary import ExtensionPhase, Phase, ReportInState, State
from domain.whistle import Whistle


def state_after_dispute(r: ReportIn) -> ReportInState:
    return r.dispute.state_before if r.dispute and r.state is ReportInState.OBJECTED else r.state


@on(e.ResponderSigned)
def _(w: Whistle, event: e.ResponderSigned, record: Record) -> Whistle:
    return with_part(w, event.responder, state=ReportInState.SIGNED, signed_at=record.at)


@on(e.ResponderAssigned)
def _(w: Whistle, event: e.ResponderAssigned, _r: Record) -> Whistle:
    return with_part(w, event.responder, section=event.section)


@on(e.ObjectionRaised)
def _(w: Whistle, event: e.ObjectionRaised, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    dispute = Dispute(reason=event.reason, state_before=r.state, proposed_responder=event.proposed_responder)
    return with_part(
        w,
        event.responder,
        state=ReportInState.OBJECTED,
        dispute=dispute,
        objections=r.objections + 1,
        clocks={**r.clocks, Phase.RULE: Clock(deadline=event.rule)},
    )


@on(e.ObjectionUpheld)
def _(w: Whistle, event: e.ObjectionUpheld, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    state = r.state if event.marks_only else ReportInState.WITHDRAWN
    w = with_part(w, event.responder, state=state, dispute=dispute_settled(r), overdue=False, no_show=False)
    if event.marks_only:
        return w
    lead = None if w.lead == event.responder else w.lead
    ownerless = w.ownerless or event.reassign_to is None
    return clocked(changed(w, lead=lead, ownerless=ownerless), accept=event.add_responder)


@on(e.ObjectionOverruled)
def _(w: Whistle, event: e.ObjectionOverruled, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    return with_part(w, event.responder, state=state_after_dispute(r), dispute=dispute_settled(r))


@on(e.FirstReceiverProceeded)
def _(w: Whistle, event: e.FirstReceiverProceeded, _r: Record) -> Whistle:
    return with_part(w, event.responder, state=state_after_dispute(part_of(w, event.responder)))


@on(e.ResponderArrived)
def _(w: Whistle, event: e.ResponderArrived, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    return with_part(
        w,
        event.responder,
        state=ReportInState.ARRIVED,
        state_before_arrival=r.state,
        signed_at=r.signed_at or event.arrived_at,
        arrived_at=event.arrived_at,
        late_by_s=event.late_by_s,
        object_until=event.object_until or r.object_until,
        overdue=r.overdue and not _proved_in_time(event, r, Phase.ARRIVE),
        no_show=r.no_show and not _proved_in_time(event, r, Phase.ARRIVE_SECOND),
    )


def _proved_in_time(event: e.ResponderArrived, r: ReportIn, limit: Phase) -> bool:
    """Whether the township recorded afterwards (补录) that the responder was there in time."""
    due = r.due(limit)
    return event.recorded_for and due is not None and event.arrived_at <= due


@on(e.ArrivalRejected)
def _(w: Whistle, event: e.ArrivalRejected, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    before = r.state_before_arrival or ReportInState.SIGNED
    return with_part(
        w,
        event.responder,
        state=before,
        signed_at=r.signed_at if before is ReportInState.SIGNED else None,
        arrived_at=None,
        late_by_s=0,
        overdue=r.overdue or _limit_struck(r, Phase.ARRIVE),
        no_show=r.no_show or _limit_struck(r, Phase.ARRIVE_SECOND),
        false_arrivals=r.false_arrivals + 1,
    )


def _limit_struck(r: ReportIn, limit: Phase) -> bool:
    clock = r.clocks.get(limit)
    return clock is not None and clock.limit_struck


@on(e.ActionStarted)
def _(w: Whistle, event: e.ActionStarted, _r: Record) -> Whistle:
    def start(r: ReportIn) -> ReportIn:
        if not r.active or Phase.HANDLE in r.clocks or event.handle is None:
            return r
        return r.model_copy(update={"clocks": {**r.clocks, Phase.HANDLE: Clock(deadline=event.handle)}})

    return with_each(entered(w, State.IN_ACTION), start)


@on(e.ProgressReported)
def _(w: Whistle, event: e.ProgressReported, _r: Record) -> Whistle:
    return with_part(w, event.responder, progress_reported=True)


@on(e.HandlingReported)
def _(w: Whistle, event: e.HandlingReported, record: Record) -> Whistle:
    w = changed(w, handlers=tuple(dict.fromkeys((*w.handlers, record.actor.subject))))
    return with_part(
        w,
        event.responder,
        state=ReportInState.HANDLED,
        handled_at=record.at,
        result=event.result,
        progress_reported=True,
    )


@on(e.ExtensionRequested)
def _(w: Whistle, event: e.ExtensionRequested, _r: Record) -> Whistle:
    return with_part(w, event.responder, extension=Extension(phase=event.phase, until=event.until))


@on(e.ExtensionGranted)
def _(w: Whistle, event: e.ExtensionGranted, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    arrival = event.phase is ExtensionPhase.ARRIVAL
    moved = {
        Phase.ARRIVE if arrival else Phase.HANDLE: event.deadline,
        Phase.ARRIVE_SECOND: event.second,
        Phase.START_ACTION: event.start_action,
    }
    return with_part(
        w,
        event.responder,
        extension=None,
        extended=(*r.extended, event.phase),
        clocks={**r.clocks, **{p: Clock(deadline=d) for p, d in moved.items() if d}},
        overdue=r.overdue and not arrival,
        no_show=r.no_show and not arrival,
        late_by_s=seconds_late(r.arrived_at, event.deadline.due_at) if arrival and r.arrived_at else r.late_by_s,
    )


@on(e.ExtensionRefused)
def _(w: Whistle, event: e.ExtensionRefused, _r: Record) -> Whistle:
    r = part_of(w, event.responder)
    return with_part(w, event.responder, extension=None, extended=(*r.extended, event.phase))


@on(e.ResponderReleased)
def _(w: Whistle, event: e.ResponderReleased, record: Record) -> Whistle:
    return with_part(w, event.responder, state=ReportInState.RELEASED, released_at=record.at)

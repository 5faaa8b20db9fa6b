"""签收、报到、异议、处置、延期: what responders do, and what is decided about it."""

from datetime import datetime

from domain import events as e
from domain.chains import SUPERVISOR, acts_for
from domain.commands import (
    Arrive,
    Assign,
    Confer,
    DecideExtension,
    Object,
    RejectArrival,
    Release,
    ReportHandling,
    ReportProgress,
    RequestExtension,
    Rule,
    Sign,
    StartAction,
)
from domain.decisions.calling import action_start, notify, objection_window
from domain.decisions.dispatch import take_the_lead
from domain.decisions.draft import Draft, decides
from domain.decisions.settlement import start_action
from domain.errors import InvalidError, MoveNotAllowedError
from domain.report_in import Extension, ReportIn, seconds_late
from domain.vocabulary import (
    ExtensionPhase,
    Phase,
    ReportInState,
    ResponderRole,
    Ruling,
    SignalType,
    State,
    WhistleKind,
)

EXTENDED_PHASE = {ExtensionPhase.ARRIVAL: Phase.ARRIVE, ExtensionPhase.HANDLING: Phase.HANDLE}


def _part(draft: Draft, responder: str) -> ReportIn:
    report_in = draft.whistle.report_in(responder)
    if report_in is None:
        message = f"{responder} is not called by this whistle"
        raise MoveNotAllowedError(message)
    return report_in


@decides(Sign)
def _sign(draft: Draft, command: Sign) -> None:
    draft.add(e.ResponderSigned(responder=command.responder))


@decides(Assign)
def _assign(draft: Draft, command: Assign) -> None:
    draft.add(e.ResponderAssigned(responder=command.responder, section=command.section))


@decides(Arrive)
def _arrive(draft: Draft, command: Arrive) -> None:
    part = _part(draft, command.responder)
    at = _occurred_at(draft, command, part)
    emergency = draft.whistle.kind is WhistleKind.EMERGENCY
    draft.add(
        e.ResponderArrived(
            responder=command.responder,
            arrived_at=at,
            late_by_s=seconds_late(at, part.due(Phase.ARRIVE)),
            recorded_for=draft.actor.organisation != acts_for(draft.whistle, command.responder),
            location=command.location,
            object_until=objection_window(draft, at) if emergency else None,
        )
    )


def _occurred_at(draft: Draft, command: Arrive, part: ReportIn) -> datetime:
    if command.occurred_at is None:
        return draft.now
    if command.occurred_at > draft.now:
        raise InvalidError.of("occurred_at", "lies in the future")
    if command.occurred_at < part.notified_at:
        raise InvalidError.of("occurred_at", "lies before the dispatch")
    return command.occurred_at


@decides(RejectArrival)
def _reject_arrival(draft: Draft, command: RejectArrival) -> None:
    draft.add(e.ArrivalRejected(responder=command.responder, reason=command.reason))
    draft.sound(SignalType.SUPERVISE, (command.responder, SUPERVISOR))


@decides(Object)
def _object(draft: Draft, command: Object) -> None:
    draft.add(
        e.ObjectionRaised(
            responder=command.responder,
            reason=command.reason,
            legal_basis=command.legal_basis,
            proposed_responder=command.proposed_responder,
            rule=draft.required_limit(Phase.RULE),
        )
    )


@decides(Rule)
def _rule(draft: Draft, command: Rule) -> None:
    if command.ruling is Ruling.OVERRULED:
        draft.add(e.ObjectionOverruled(responder=command.responder))
        return
    if draft.whistle.state not in (State.ASSEMBLING, State.IN_ACTION):
        if command.reassign_to:
            raise InvalidError.of("reassign_to", "the action is over: an upheld objection only annuls the marks")
        draft.add(e.ObjectionUpheld(responder=command.responder, marks_only=True))
        return
    _uphold(draft, command)


def _uphold(draft: Draft, command: Rule) -> None:
    successor = command.reassign_to
    role = _part(draft, command.responder).role
    called = draft.active()
    if successor:
        _may_take_over(draft, successor, role)
    nobody = None if successor else draft.limit(Phase.ACCEPT)
    draft.add(e.ObjectionUpheld(responder=command.responder, reassign_to=successor, add_responder=nobody))
    if successor is None:
        return
    if role is ResponderRole.LEAD:
        take_the_lead(draft, successor)
    if successor not in called:
        notify(draft, [(successor, role)])


def _may_take_over(draft: Draft, successor: str, role: ResponderRole) -> None:
    draft.require_responders("reassign_to", [successor])
    known = draft.whistle.report_in(successor)
    if known and known.state is ReportInState.RELEASED:
        raise InvalidError.of("reassign_to", f"{successor} has been released")
    leads_elsewhere = draft.chain.lead_is_caller and role is ResponderRole.LEAD
    if leads_elsewhere and successor != draft.whistle.caller:
        raise InvalidError.of("reassign_to", f"{draft.whistle.caller} leads in {draft.whistle.chain}")


@decides(StartAction)
def _start_action(draft: Draft, _command: StartAction) -> None:
    start_action(draft, "COMMAND")


@decides(Confer)
def _confer(draft: Draft, command: Confer) -> None:
    if command.held_at > draft.now:
        raise InvalidError.of("held_at", "lies in the future")
    draft.add(
        e.ConsultationHeld(
            held_at=command.held_at,
            place=command.place,
            conclusion=command.conclusion,
            minutes_url=command.minutes_url,
        )
    )


@decides(ReportProgress)
def _report_progress(draft: Draft, command: ReportProgress) -> None:
    draft.add(e.ProgressReported(responder=command.responder))


@decides(ReportHandling)
def _report_handling(draft: Draft, command: ReportHandling) -> None:
    draft.add(
        e.HandlingReported(
            responder=command.responder,
            result=command.result,
            summary=command.summary,
            documents=command.documents,
        )
    )


@decides(RequestExtension)
def _request_extension(draft: Draft, command: RequestExtension) -> None:
    part = _part(draft, command.responder)
    due = part.due(EXTENDED_PHASE[command.phase])
    if due is None or command.phase not in part.extendable:
        message = f"the {command.phase} limit was asked for once already, is met, or does not run yet"
        raise MoveNotAllowedError(message)
    if command.until <= max(due, draft.now):
        raise InvalidError.of("until", f"not after the present limit {due.isoformat()} and now")
    draft.add(
        e.ExtensionRequested(
            responder=command.responder, phase=command.phase, until=command.until, reason=command.reason
        )
    )


@decides(DecideExtension)
def _decide_extension(draft: Draft, command: DecideExtension) -> None:
    part = _part(draft, command.responder)
    asked = part.extension
    if asked is None:
        message = "no extension awaits a decision"
        raise MoveNotAllowedError(message)
    if not command.granted:
        refused = e.ExtensionRefused(responder=command.responder, phase=asked.phase, reason=command.reason)
        draft.add(refused)
        return
    due = part.due(EXTENDED_PHASE[asked.phase])
    if asked.until <= draft.now or (due and asked.until <= due):
        message = "the time that was asked for is past or no later than the limit; it can only be refused"
        raise MoveNotAllowedError(message)
    _grant(draft, command.responder, asked)


def _grant(draft: Draft, responder: str, asked: Extension) -> None:
    limit = draft.limit_at(asked.until)
    arrival = asked.phase is ExtensionPhase.ARRIVAL
    draft.add(
        e.ExtensionGranted(
            responder=responder,
            phase=asked.phase,
            deadline=limit,
            second=draft.limit(Phase.ARRIVE_SECOND, not_before=asked.until) if arrival else None,
            start_action=action_start(draft, limit) if arrival else None,
        )
    )


@decides(Release)
def _release(draft: Draft, command: Release) -> None:
    draft.add(e.ResponderReleased(responder=command.responder))
    draft.sound(SignalType.FINAL, (command.responder,))

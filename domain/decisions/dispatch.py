"""受理、派单、退回、增派、挂账: what the district platform decides."""

from domain import events as e
from domain.commands import Accept, AddResponder, RequestSuspension, Resume, ReturnWhistle, Suspend
from domain.decisions.calling import notify
from domain.decisions.draft import Draft, decides
from domain.errors import InvalidError, MoveNotAllowedError
from domain.vocabulary import Phase, ReportInState, ResponderRole, ReturnReason, SignalType, WhistleKind


@decides(Accept)
def _accept(draft: Draft, command: Accept) -> None:
    draft.require_responders("lead", [command.lead])
    draft.require_responders("cooperating", command.cooperating)
    if draft.chain.lead_is_caller and command.lead != draft.whistle.caller:
        raise InvalidError.of("lead", f"{draft.whistle.caller} leads in {draft.whistle.chain}")
    _keeps_what_the_township_named(draft, command)
    _can_assemble(draft, command)
    accept_as(draft, command)


def accept_as(draft: Draft, command: Accept, *, by_default: bool = False) -> None:
    """Accept with these units: those not yet called are, those called and dropped are withdrawn."""
    named = (command.lead, *command.cooperating)
    draft.add(
        e.WhistleAccepted(
            lead=command.lead,
            cooperating=command.cooperating,
            assemble_at=command.assemble_at,
            assembly_place=command.assembly_place,
            change_reason=command.change_reason,
            by_default=by_default,
        )
    )
    dropped = tuple(r for r in draft.active() if r not in named)
    if dropped:
        arrived = [r.responder for r in draft.whistle.report_ins if r.responder in dropped and r.arrived_at]
        draft.add(e.RespondersWithdrawn(responders=dropped))
        draft.sound(SignalType.FINAL, arrived)
    called = draft.active()
    notify(draft, [(r, _role(r, command.lead)) for r in named if r not in called])


@decides(ReturnWhistle)
def _return(draft: Draft, command: ReturnWhistle) -> None:
    emergency = draft.whistle.kind is WhistleKind.EMERGENCY
    if emergency and command.reason is ReturnReason.INCOMPLETE:
        raise InvalidError.of("reason", "an EMERGENCY is never returned as INCOMPLETE")
    draft.end_report_ins()
    draft.add(e.WhistleReturned(reason=command.reason, resubmit=draft.required_limit(Phase.RESUBMIT)))


@decides(AddResponder)
def _add_responder(draft: Draft, command: AddResponder) -> None:
    draft.require_responders("responder", [command.responder])
    known = draft.whistle.report_in(command.responder)
    if known and known.state is ReportInState.RELEASED:
        message = f"{command.responder} was released: one report-in a round, so it comes back by reopening"
        raise MoveNotAllowedError(message)
    if known and known.state is not ReportInState.WITHDRAWN:
        message = f"{command.responder} is called already ({known.state})"
        raise MoveNotAllowedError(message)
    if command.role is ResponderRole.LEAD:
        if draft.chain.lead_is_caller and command.responder != draft.whistle.caller:
            raise InvalidError.of("role", f"{draft.whistle.caller} leads in {draft.whistle.chain}")
        take_the_lead(draft, command.responder)
    notify(draft, [(command.responder, command.role)])


def take_the_lead(draft: Draft, responder: str) -> None:
    """Make a responder the lead; the former one becomes COOPERATING."""
    draft.add(e.LeadChanged(lead=responder, former=draft.whistle.lead))


@decides(RequestSuspension)
def _request_suspension(draft: Draft, command: RequestSuspension) -> None:
    draft.add(e.SuspensionRequested(reason=command.reason))


@decides(Suspend)
def _suspend(draft: Draft, command: Suspend) -> None:
    if command.review_at <= draft.now:
        raise InvalidError.of("review_at", "the review date lies in the future")
    longest = draft.limit(Phase.SUSPENSION_REVIEW)
    if longest and command.review_at > longest.due_at:
        raise InvalidError.of("review_at", f"a suspension is reviewed by {longest.due_at.isoformat()} at the latest")
    draft.add(e.WhistleSuspended(reason=command.reason, review=draft.limit_at(command.review_at, ladder=False)))


@decides(Resume)
def _resume(draft: Draft, _command: Resume) -> None:
    draft.add(e.WhistleResumed())


def _role(responder: str, lead: str) -> ResponderRole:
    return ResponderRole.LEAD if responder == lead else ResponderRole.COOPERATING


def _keeps_what_the_township_named(draft: Draft, command: Accept) -> None:
    """召集权: the township's units, time and place stand unless the platform gives a reason."""
    whistle = draft.whistle
    if command.change_reason:
        return
    dropped = set(whistle.proposed) - {command.lead, *command.cooperating}
    if dropped:
        message = f"needed, since {', '.join(sorted(dropped))} was named by the township and is dropped"
        raise InvalidError.of("change_reason", message)
    changes = (
        ("assemble_at", whistle.assemble_at, command.assemble_at),
        ("assembly_place", whistle.assembly_place, command.assembly_place),
    )
    for field, named, given in changes:
        if named and given and named != given:
            raise InvalidError.of("change_reason", f"needed, since the township set another {field}")


def _can_assemble(draft: Draft, command: Accept) -> None:
    if command.assemble_at and command.assemble_at <= draft.now:
        raise InvalidError.of("assemble_at", "the time to assemble is past")
    named = command.assemble_at or draft.whistle.assemble_at
    if draft.whistle.kind is WhistleKind.SERVICE and (named is None or named <= draft.now):
        raise InvalidError.of("assemble_at", "a SERVICE whistle needs a time to assemble")

"""督办与撤哨: supervision by hand, its answer, and calling a whistle off."""

from domain import events as e
from domain.chains import SUPERVISOR, acts_for, reviewer
from domain.clocks import running
from domain.commands import AnswerSupervision, Cancel, Supervise
from domain.decisions.draft import Draft, decides
from domain.errors import InvalidError
from domain.guards import answers_for
from domain.vocabulary import Role, SignalType


@decides(Supervise)
def _supervise(draft: Draft, command: Supervise) -> None:
    organisation = _supervised(draft, command)
    draft.supervise(command.level, organisation, responder=command.responder, reason=command.reason)
    if draft.actor.role is Role.SUPERVISOR:
        draft.sound(SignalType.SUPERVISE, (organisation, SUPERVISOR))


def _supervised(draft: Draft, command: Supervise) -> str:
    """The responder that is named (for a post the township), else whoever's clock is due first, else who reviews."""
    if command.responder:
        if command.responder not in draft.whistle.responders:
            raise InvalidError.of("responder", f"{command.responder} is not called by this whistle")
        return acts_for(draft.whistle, command.responder)
    clocks = sorted(running(draft.whistle), key=lambda r: r.clock.deadline.due_at)
    phase, responder = (clocks[0].phase, clocks[0].responder) if clocks else (None, None)
    bound = draft.holder(phase, responder) if phase else reviewer(draft.whistle)
    return acts_for(draft.whistle, bound)


@decides(AnswerSupervision)
def _answer(draft: Draft, _command: AnswerSupervision) -> None:
    own = [s for s in draft.whistle.open_supervisions if answers_for(draft.actor, s.organisation)]
    unanswered = [s for s in own if s.answered_at is None]
    highest = (unanswered or own)[0]
    draft.add(e.SupervisionAnswered(number=highest.number, organisation=highest.organisation))


@decides(Cancel)
def _cancel(draft: Draft, command: Cancel) -> None:
    draft.end_report_ins()
    draft.add(e.WhistleCancelled(reason=command.reason))

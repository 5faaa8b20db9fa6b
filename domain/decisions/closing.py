"""核查、评价、申诉、答复、回访、重新办理: how a whistle comes to its end, and back."""

from domain import events as e
from domain.chains import SUPERVISOR, checker, has_ladder
from domain.commands import Appeal, Callback, Check, DecideAppeal, Evaluate, Feedback, Reopen
from domain.decisions.calling import handling_limit, notify, ratification
from domain.decisions.draft import Draft, decides
from domain.errors import InvalidError, MoveNotAllowedError
from domain.values import FULL_MARKS, Scores
from domain.vocabulary import Outcome, Phase, ReportInState, ResponderRole, Role, Satisfaction, SignalType, State
from domain.whistle import CALLBACK_ATTEMPTS

COUNTED_CALLBACKS = frozenset({Role.SOURCE_SYSTEM, Role.DISTRICT_PLATFORM})


@decides(Check)
def _check(draft: Draft, command: Check) -> None:
    if command.passed and command.outcome:
        _pass(draft, command.outcome, command.reason)
    else:
        _fail(draft, command)


def _pass(draft: Draft, outcome: Outcome, reason: str | None) -> None:
    released = draft.active()
    draft.add(
        e.CheckPassed(
            outcome=outcome,
            evaluate=draft.required_limit(Phase.EVALUATE),
            feedback=draft.required_limit(Phase.FEEDBACK),
            reason=reason,
        )
    )
    draft.sound(SignalType.FINAL, released)
    draft.sound(SignalType.SUPERVISE, (checker(draft.whistle), *draft.whistle.responders, SUPERVISOR))


def _fail(draft: Draft, command: Check) -> None:
    handled = tuple(r.responder for r in draft.whistle.report_ins if r.state is ReportInState.HANDLED)
    named = command.failed_responders or handled
    for responder in named:
        if responder not in handled:
            raise InvalidError.of("failed_responders", f"{responder} has not handled, so it cannot go back")
    if not named:
        message = "nobody has handled, so nobody can go back"
        raise MoveNotAllowedError(message)
    draft.add(e.CheckFailed(responders=named, handle=handling_limit(draft), reason=command.reason))


@decides(Evaluate)
def _evaluate(draft: Draft, command: Evaluate) -> None:
    scored, judge = has_ladder(draft.whistle), checker(draft.whistle)
    if judge in command.responders and len(command.responders) > 1:
        raise InvalidError.of("responders", f"{judge} is evaluated by the platform, apart from the others")
    if scored and command.scores is None:
        raise InvalidError.of("scores", "Field required")
    if not scored and command.scores is not None:
        raise InvalidError.of("scores", "no scores are given against persons, only a comment")
    _record_evaluation(draft, command.evaluated, command.scores, command.comment)


def evaluate_by_default(draft: Draft) -> None:
    """Give full marks for cooperation and result where the limit passed (默认评价)."""
    left = tuple(r.responder for r in draft.whistle.report_ins if r.state is ReportInState.RELEASED)
    if left:
        scores = FULL_MARKS if has_ladder(draft.whistle) else None
        _record_evaluation(draft, left, scores, None, by_default=True)


def _record_evaluation(
    draft: Draft, responders: tuple[str, ...], scores: Scores | None, comment: str | None, *, by_default: bool = False
) -> None:
    draft.add(
        e.RespondersEvaluated(
            responders=responders,
            scores=scores,
            comment=comment,
            by_default=by_default,
            appeal_until=draft.required_limit(Phase.APPEAL).due_at,
        )
    )


@decides(Appeal)
def _appeal(draft: Draft, command: Appeal) -> None:
    draft.add(e.AppealMade(responder=command.responder, reason=command.reason))


@decides(DecideAppeal)
def _decide_appeal(draft: Draft, command: DecideAppeal) -> None:
    draft.add(e.AppealDecided(responder=command.responder, upheld=command.upheld, reason=command.reason))


@decides(Feedback)
def _feedback(draft: Draft, command: Feedback) -> None:
    self_handled = draft.whistle.state is State.SELF_HANDLED
    if not self_handled and command.outcome not in (None, draft.whistle.outcome):
        raise InvalidError.of("outcome", f"the check has found {draft.whistle.outcome}; a reply does not change it")
    outcome = command.outcome or (Outcome.RESOLVED if self_handled else None)
    callback = draft.limit(Phase.CALLBACK) if draft.whistle.has_reporter else None
    draft.add(e.FeedbackGiven(via=command.via, outcome=outcome, callback=callback))
    if draft.whistle.has_reporter and callback is None:
        draft.add(e.CallbackEnded(reason="NO_LIMIT"))


@decides(Callback)
def _callback(draft: Draft, command: Callback) -> None:
    counts = draft.actor.role in COUNTED_CALLBACKS
    attempt = draft.whistle.callback_attempts + 1 if counts else 0
    draft.add(
        e.CallbackMade(
            reached=command.reached,
            counts=counts,
            solved=command.solved,
            satisfaction=command.satisfaction,
            attempt=attempt,
        )
    )
    if command.satisfaction is Satisfaction.DISSATISFIED:
        draft.sound(SignalType.SUPERVISE, (checker(draft.whistle), *draft.whistle.responders, SUPERVISOR))
    if counts and (command.reached or attempt >= CALLBACK_ATTEMPTS):
        draft.add(e.CallbackEnded(reason="REACHED" if command.reached else "THIRD_ATTEMPT"))


@decides(Reopen)
def _reopen(draft: Draft, command: Reopen) -> None:
    former = {r.responder: r.role for r in draft.whistle.report_ins if r.state is not ReportInState.WITHDRAWN}
    for responder in command.responders:
        if responder not in former:
            raise InvalidError.of("responders", f"{responder} had no part in the last round")
    if not former:
        draft.add(e.WhistleReopened(reason=command.reason, review=draft.required_limit(Phase.REVIEW)))
        return
    named = command.responders or tuple(former)
    if draft.chain.lead_is_caller and draft.whistle.caller in former and draft.whistle.caller not in named:
        raise InvalidError.of("responders", f"{draft.whistle.caller} leads in {draft.whistle.chain}")
    draft.add(e.WhistleReopened(reason=command.reason, responders=named, ratify=ratification(draft)))
    lead = next((r for r in named if former[r] is ResponderRole.LEAD), named[0])
    notify(draft, [(r, ResponderRole.LEAD if r == lead else ResponderRole.COOPERATING) for r in named])

"""Check, evaluation, reply and the end."""

from domain import events as e
from domain.clocks import Clock
from domain.evolve.base import changed, clocked, dispute_settled, entered, on, with_each, with_part
from domain.records import Record
from domain.report_in import Evaluation, ReportIn
from domain.vocabulary import Phase, ReportInState, Satisfaction, State
from domain.whistle import Whistle


@on(e.CheckAwaited)
def _(w: Whistle, event: e.CheckAwaited, _r: Record) -> Whistle:
    return clocked(entered(w, State.AWAITING_CHECK), check=event.check)


@on(e.CheckPassed)
def _(w: Whistle, event: e.CheckPassed, record: Record) -> Whistle:
    def release(r: ReportIn) -> ReportIn:
        if not r.active:
            return r
        return r.model_copy(update={"state": ReportInState.RELEASED, "released_at": record.at})

    w = entered(w, State.EVALUATING, outcome=event.outcome)
    return with_each(clocked(w, evaluate=event.evaluate, feedback=event.feedback), release)


@on(e.CheckFailed)
def _(w: Whistle, event: e.CheckFailed, _r: Record) -> Whistle:
    def send_back(r: ReportIn) -> ReportIn:
        if r.responder not in event.responders:
            return r
        clocks = {**r.clocks, Phase.HANDLE: Clock(deadline=event.handle)} if event.handle else r.clocks
        return r.model_copy(
            update={"state": ReportInState.ARRIVED, "handled_at": None, "rework": r.rework + 1, "clocks": clocks}
        )

    return with_each(entered(w, State.IN_ACTION), send_back)


@on(e.RespondersEvaluated)
def _(w: Whistle, event: e.RespondersEvaluated, record: Record) -> Whistle:
    given = Evaluation(at=record.at, appeal_until=event.appeal_until, scores=event.scores, by_default=event.by_default)
    for responder in event.responders:
        w = with_part(w, responder, state=ReportInState.EVALUATED, evaluation=given)
    return w


@on(e.EvaluationCompleted)
def _(w: Whistle, _e: e.EvaluationCompleted, _r: Record) -> Whistle:
    return entered(w, State.FEEDBACK)


def with_evaluated(w: Whistle, evaluated: ReportIn | None, **changes: bool) -> Whistle:
    def change(parts: tuple[ReportIn, ...]) -> tuple[ReportIn, ...]:
        return tuple(r.model_copy(update=changes) if r is evaluated else r for r in parts)

    return changed(w, report_ins=change(w.report_ins), earlier_report_ins=change(w.earlier_report_ins))


@on(e.AppealMade)
def _(w: Whistle, event: e.AppealMade, _r: Record) -> Whistle:
    return with_evaluated(w, w.last_evaluated(event.responder), appeal_pending=True)


@on(e.AppealDecided)
def _(w: Whistle, event: e.AppealDecided, _r: Record) -> Whistle:
    return with_evaluated(w, w.appealed(event.responder), appeal_pending=False, appeal_upheld=event.upheld)


@on(e.FeedbackGiven)
def _(w: Whistle, event: e.FeedbackGiven, _r: Record) -> Whistle:
    return clocked(changed(w, feedback_given=True, outcome=event.outcome or w.outcome), callback=event.callback)


@on(e.CallbackMade)
def _(w: Whistle, event: e.CallbackMade, _r: Record) -> Whistle:
    if not event.counts:
        return w
    dissatisfied = event.satisfaction is Satisfaction.DISSATISFIED
    return changed(w, callback_attempts=event.attempt, dissatisfied=dissatisfied)


@on(e.CallbackEnded)
def _(w: Whistle, _e: e.CallbackEnded, _r: Record) -> Whistle:
    return changed(w, callback_ended=True)


@on(e.WhistleClosed)
def _(w: Whistle, event: e.WhistleClosed, record: Record) -> Whistle:
    def lapse(r: ReportIn) -> ReportIn:
        return r.model_copy(update={"dispute": dispute_settled(r)})

    w = with_each(entered(w, State.CLOSED, outcome=event.outcome, closed_at=record.at), lapse)
    ended = tuple(s.model_copy(update={"ended_at": s.ended_at or record.at}) for s in w.supervisions)
    return clocked(changed(w, supervisions=ended), reopen=event.reopen, appeal=event.appeals)


@on(e.WhistleArchived)
def _(w: Whistle, _e: e.WhistleArchived, _r: Record) -> Whistle:
    return changed(w, archived=True)


@on(e.WhistleReopened)
def _(w: Whistle, event: e.WhistleReopened, _r: Record) -> Whistle:
    w = changed(
        w,
        clocks={},
        round=w.round + 1,
        earlier_report_ins=w.earlier_report_ins + w.report_ins,
        report_ins=(),
        lead=None,
        feedback_given=False,
        callback_attempts=0,
        callback_ended=False,
        dissatisfied=False,
        outcome=None,
        closed_at=None,
        handlers=(),
        suspension_requested=False,
    )
    state = State.SOURCED if event.review else State.ASSEMBLING
    return clocked(entered(w, state), review=event.review, ratify=event.ratify)

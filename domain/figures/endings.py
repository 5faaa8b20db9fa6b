"""Check, evaluation, reply, callback and supervision, folded for the figures."""

from domain import events as e
from domain.figures.history import Answered, History, Round
from domain.figures.registry import due, on
from domain.records import Record
from domain.vocabulary import SupervisionLevel


@on(e.CheckFailed)
def _(h: History, event: e.CheckFailed, _r: Record) -> None:
    for responder in event.responders:
        part = h.part(responder)
        part.handled_at = None
        part.rework += 1
        part.handle_due = due(event.handle) or part.handle_due


@on(e.CheckPassed)
def _(h: History, event: e.CheckPassed, record: Record) -> None:
    h.round.passed_at, h.round.outcome = record.at, event.outcome
    h.round.reply_due, h.round.evaluate_due = event.feedback.due_at, event.evaluate.due_at
    for part in (p for p in h.round.current.values() if p.left_at is None):
        part.left_at = record.at
        h.note_missed(part, record.at)


@on(e.RespondersEvaluated)
def _(h: History, event: e.RespondersEvaluated, record: Record) -> None:
    due = h.round.evaluate_due if event.by_default else None
    for responder in event.responders:
        part = h.part(responder)
        # A limit decides when it passes, however late the engine strikes it.
        part.evaluated_at = min(record.at, due) if due else record.at
        part.scores, part.by_default = event.scores, event.by_default


@on(e.AppealMade)
def _(h: History, event: e.AppealMade, _r: Record) -> None:
    h.evaluated(event.responder)[-1].appeal_pending = True


@on(e.AppealDecided)
def _(h: History, event: e.AppealDecided, _r: Record) -> None:
    evaluated = h.evaluated(event.responder)
    part = next((p for p in evaluated if p.appeal_pending), evaluated[-1])
    part.appeal_pending, part.appeal_upheld = False, event.upheld


@on(e.FeedbackGiven)
def _(h: History, _e: e.FeedbackGiven, record: Record) -> None:
    h.round.replied_at = record.at


@on(e.CallbackMade)
def _(h: History, event: e.CallbackMade, record: Record) -> None:
    h.round.callbacks.append(
        Answered(
            at=record.at,
            counts=event.counts,
            reached=event.reached,
            solved=event.solved,
            satisfaction=event.satisfaction,
        )
    )


@on(e.WhistleReopened)
def _(h: History, _e: e.WhistleReopened, _r: Record) -> None:
    h.rounds.append(Round(number=h.round.number + 1))


@on(e.SupervisionRaised)
def _(h: History, event: e.SupervisionRaised, record: Record) -> None:
    if event.level is SupervisionLevel.CIRCULATE:
        h.circulations.append((record.at, event.organisation))

"""The moves a whistle makes by itself, once their condition holds, after every command and strike."""

from domain import events as e
from domain.chains import checker
from domain.clocks import running
from domain.decisions.calling import handling_limit
from domain.decisions.draft import Draft
from domain.vocabulary import Outcome, Phase, ReportInState, SignalType, State

OUT_OF_THE_ACTION = frozenset({ReportInState.WITHDRAWN, ReportInState.RELEASED})


def settle(draft: Draft) -> None:
    """Make every move whose condition holds, until none does."""
    while True:
        before = len(draft.events)
        move = SETTLEMENTS.get(draft.whistle.state)
        if move:
            move(draft)
        if len(draft.events) == before:
            return


def start_action(draft: Draft, trigger: str) -> None:
    """冲锋哨: the joint action starts, and with it the handling clocks."""
    draft.add(e.ActionStarted(handle=handling_limit(draft), trigger=trigger))
    draft.sound(SignalType.CHARGE, (*draft.active(), checker(draft.whistle)))


def _assembling(draft: Draft) -> None:
    expected = [r for r in draft.whistle.report_ins if r.active and r.state is not ReportInState.OBJECTED]
    if not any(r.on_site for r in expected):
        return
    if all(r.on_site for r in expected):
        start_action(draft, "ALL_ARRIVED")
        return
    limit = [r.clock.deadline.due_at for r in running(draft.whistle) if r.phase is Phase.START_ACTION]
    if limit and limit[0] <= draft.now:
        start_action(draft, "LIMIT")


def _in_action(draft: Draft) -> None:
    parts = [r for r in draft.whistle.report_ins if r.state not in OUT_OF_THE_ACTION]
    nobody_leads = draft.whistle.ownerless and draft.whistle.lead is None
    if nobody_leads or not draft.whistle.responders:
        return
    for part in parts:
        due = part.due(Phase.HANDLE)
        gave_up_on = part.missing and due is not None and due <= draft.now
        if part.state is not ReportInState.HANDLED and not gave_up_on:
            return
    draft.add(e.CheckAwaited(check=draft.required_limit(Phase.CHECK)))


def _evaluating(draft: Draft) -> None:
    if any(r.state is ReportInState.RELEASED for r in draft.whistle.report_ins):
        return
    draft.add(e.EvaluationCompleted())


def _feedback(draft: Draft) -> None:
    if draft.whistle.answered:
        _close(draft)


def _close(draft: Draft) -> None:
    whistle = draft.whistle
    windows = [
        r.evaluation.appeal_until
        for r in whistle.earlier_report_ins + whistle.report_ins
        if r.evaluation and r.appeal_upheld is None and not r.appeal_pending and r.evaluation.appeal_until > draft.now
    ]
    draft.add(
        e.WhistleClosed(
            outcome=whistle.outcome or Outcome.RESOLVED,
            reopen=draft.required_limit(Phase.REOPEN),
            appeals=draft.limit_at(max(windows), ladder=False) if windows else None,
        )
    )


def _closed(draft: Draft) -> None:
    whistle = draft.whistle
    windows = [c for p, c in whistle.clocks.items() if p in (Phase.REOPEN, Phase.APPEAL)]
    open_windows = any(c.deadline.due_at > draft.now for c in windows)
    pending = any(r.appeal_pending for r in whistle.report_ins + whistle.earlier_report_ins)
    if not (open_windows or pending or whistle.archived):
        draft.add(e.WhistleArchived())


SETTLEMENTS = {
    State.ASSEMBLING: _assembling,
    State.IN_ACTION: _in_action,
    State.EVALUATING: _evaluating,
    State.FEEDBACK: _feedback,
    State.SELF_HANDLED: _feedback,
    State.CLOSED: _closed,
}

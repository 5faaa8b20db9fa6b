"""What a client sees of a whistle, over HTTP, the command line and the workflow's query alike."""

from typing import Any

from pydantic import AwareDatetime

from domain.chains import CHAINS, checker, reviewer
from domain.clocks import next_deadline
from domain.lifecycle import STEP_LABELS
from domain.report_in import ReportIn
from domain.values import Frozen, Scores
from domain.vocabulary import (
    Chain,
    DemandType,
    HandlingResult,
    Outcome,
    Phase,
    ReportInState,
    ResponderRole,
    SourceChannel,
    State,
    SupervisionLevel,
    Tier,
    Urgency,
    WhistleKind,
)
from domain.whistle import Supervision, Whistle


class ReportInView(Frozen):
    """One responder; `due_at` is the first arrival limit, of which `overdue` and `no_show` speak."""

    responder: str
    role: ResponderRole
    state: ReportInState
    state_label: str
    round: int
    due_at: AwareDatetime | None
    overdue: bool
    no_show: bool
    sign_due_at: AwareDatetime | None
    second_due_at: AwareDatetime | None
    first_report_due_at: AwareDatetime | None
    handle_due_at: AwareDatetime | None
    due_estimated: bool
    notified_at: AwareDatetime
    signed_at: AwareDatetime | None
    arrived_at: AwareDatetime | None
    handled_at: AwareDatetime | None
    released_at: AwareDatetime | None
    late_by_s: int
    section: str | None
    result: HandlingResult | None
    rework: int
    false_arrivals: int
    dispute_open: bool
    extension_requested: bool
    scores: Scores | None
    evaluated_by_default: bool
    appeal_until: AwareDatetime | None
    appeal_pending: bool
    appeal_upheld: bool | None


class SupervisionView(Frozen):
    """One open supervision, its cause named by a clock or made by hand."""

    number: int
    level: SupervisionLevel
    level_label: str
    organisation: str
    raised_at: AwareDatetime
    phase: Phase | None
    responder: str | None
    answered_at: AwareDatetime | None


class View(Frozen):
    """A whistle as its clients see it; `version` is the sequence of its last event."""

    whistle_id: str
    serial: str
    state: State
    state_label: str
    step: int
    step_label: str
    title: str
    kind: WhistleKind | None
    urgency: Urgency | None
    tier: Tier | None
    chain: Chain
    township: str
    caller: str | None
    reviewed_by: str
    checked_by: str
    grid: str | None
    channel: SourceChannel
    demand_type: DemandType | None
    item_code: str | None
    local_label: str | None
    lead: str | None
    ownerless: bool
    proposed_responders: tuple[str, ...]
    assemble_at: AwareDatetime | None
    assembly_place: str | None
    outcome: Outcome | None
    supervision_level: SupervisionLevel
    next_deadline: AwareDatetime | None
    version: int
    round: int
    received_at: AwareDatetime
    registered_at: AwareDatetime
    blown_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    source_due_at: AwareDatetime | None
    suspended_at: AwareDatetime | None
    review_at: AwareDatetime | None
    suspension_requested: bool
    ratified: bool | None
    false_alarm: bool
    merged_into: str | None
    repeated_calls: int
    has_reporter: bool
    feedback_given: bool
    callback_awaited: bool
    dissatisfied: bool
    reopen_until: AwareDatetime | None
    scored: bool
    report_ins: tuple[ReportInView, ...]
    earlier_report_ins: tuple[ReportInView, ...]
    supervisions: tuple[SupervisionView, ...]


def view(whistle: Whistle) -> View:
    """Show a whistle."""
    own = {name: getattr(whistle, name) for name in View.model_fields if name in Whistle.model_fields}
    return View.model_validate({**own, **_derived(whistle)})


def _derived(w: Whistle) -> dict[str, Any]:
    return {
        "state_label": w.state.label,
        "step_label": STEP_LABELS[w.step - 1],
        "reviewed_by": reviewer(w),
        "checked_by": checker(w),
        "proposed_responders": w.proposed,
        "supervision_level": w.supervision_level,
        "next_deadline": next_deadline(w),
        "version": w.sequence,
        "review_at": _due(w, Phase.SUSPENSION_REVIEW) if w.state is State.SUSPENDED else None,
        "false_alarm": w.ratified is False,
        "callback_awaited": w.callback_awaited,
        "reopen_until": _due(w, Phase.REOPEN) if w.state is State.CLOSED else None,
        "scored": CHAINS[w.chain].ladder,
        "report_ins": tuple(_report_in(r) for r in w.report_ins),
        "earlier_report_ins": tuple(_report_in(r) for r in w.earlier_report_ins),
        "supervisions": tuple(_supervision(s) for s in w.open_supervisions),
    }


def _due(w: Whistle, phase: Phase) -> AwareDatetime | None:
    clock = w.clocks.get(phase)
    return clock.deadline.due_at if clock else None


def _report_in(r: ReportIn) -> ReportInView:
    own = {name: getattr(r, name) for name in ReportInView.model_fields if name in ReportIn.model_fields}
    arrive = r.clocks.get(Phase.ARRIVE)
    derived = {
        "state_label": r.state.label,
        "due_at": r.due(Phase.ARRIVE),
        "due_estimated": bool(arrive and arrive.deadline.estimated),
        "sign_due_at": r.due(Phase.SIGN),
        "second_due_at": r.due(Phase.ARRIVE_SECOND),
        "first_report_due_at": r.due(Phase.FIRST_REPORT),
        "handle_due_at": r.due(Phase.HANDLE),
        "dispute_open": r.dispute_open,
        "extension_requested": r.extension is not None,
        "scores": r.evaluation.scores if r.evaluation else None,
        "evaluated_by_default": bool(r.evaluation and r.evaluation.by_default),
        "appeal_until": r.evaluation.appeal_until if r.evaluation else None,
    }
    return ReportInView.model_validate({**own, **derived})


def _supervision(s: Supervision) -> SupervisionView:
    own = {name: getattr(s, name) for name in SupervisionView.model_fields if name in Supervision.model_fields}
    return SupervisionView(**own, level_label=s.level.label)

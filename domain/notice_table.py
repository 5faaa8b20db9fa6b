"""The table of notices: event × role → template, urgency, and what ends the cause. Everything about them reads it."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from domain import events as e
from domain.clocks import RESPONDER_STATES
from domain.duty import DutyLevel
from domain.notice_causes import Ends
from domain.records import Record
from domain.vocabulary import Phase, Role, SignalType, SupervisionLevel
from domain.whistle import Whistle


class To(StrEnum):
    """A role in the audience of an event."""

    REVIEWER = "吹哨单位"
    CHECKER = "核查单位"
    HOLDER = "时限责任单位"
    PLATFORM = "区级平台"
    ARBITER = "裁定方"
    SUPERVISOR = "督查部门"
    RESPONDER = "当事报到单位"
    RESPONDERS = "全部报到单位"
    NAMED = "点名报到单位"
    SUPERVISED = "被督办单位"
    FORMER_LEAD = "原主责单位"
    EXTENDER = "延期审批单位"


class Row(NamedTuple):
    """One row: of this event, this role is told by this template.

    `phase` names the clock that the notice speaks of; one with `Ends.CLOCK_STOPS` is made only while that runs.
    `presses`: in an emergency it overtakes others and breaks into quiet hours. `climbs`: unanswered, up the roster.
    """

    event: type[e.Event]
    to: To
    template: str
    ends: Ends = Ends.NEVER
    phase: Phase | None = None
    signal: SignalType | None = None
    supervision: SupervisionLevel | None = None
    when: Callable[[Record, Whistle], bool] | None = None
    levels: tuple[DutyLevel, ...] = (DutyLevel.OFFICER,)
    presses: bool = True
    climbs: bool = False


def _by_clock(record: Record, _whistle: Whistle) -> bool:
    return isinstance(record.event, e.SupervisionRaised) and record.event.phase is not None


def _by_hand(record: Record, whistle: Whistle) -> bool:
    return not _by_clock(record, whistle)


# What a supervisor raises is told as that supervision, with its level and reason.
def _on_the_spot(record: Record, whistle: Whistle) -> bool:
    return whistle.state in RESPONDER_STATES and record.actor.role is not Role.SUPERVISOR


def _after_the_check(record: Record, whistle: Whistle) -> bool:
    return (
        whistle.state not in RESPONDER_STATES and not whistle.dissatisfied and record.actor.role is not Role.SUPERVISOR
    )


def _dissatisfied(record: Record, whistle: Whistle) -> bool:
    return whistle.dissatisfied and whistle.state not in RESPONDER_STATES and record.actor.role is not Role.SUPERVISOR


LEADER = (DutyLevel.LEADER,)
WITH_LEADER = (DutyLevel.OFFICER, DutyLevel.LEADER)
S, P, CLOCK, LEVEL = SignalType, Phase, Ends.CLOCK_STOPS, SupervisionLevel
_SIGNAL, _RAISED = e.SignalSounded, e.SupervisionRaised

TABLE: tuple[Row, ...] = (
    Row(e.WhistleRegistered, To.HOLDER, "review", CLOCK, P.REVIEW, climbs=True),
    Row(e.WhistleTransferred, To.HOLDER, "review", CLOCK, P.REVIEW, climbs=True),
    Row(e.WhistleProposed, To.REVIEWER, "approve", CLOCK, P.BLOW, levels=LEADER),
    Row(e.WhistleResubmitted, To.REVIEWER, "approve", CLOCK, P.BLOW, levels=LEADER),
    Row(e.BlowingDeclined, To.REVIEWER, "declined", CLOCK, P.REVIEW, presses=False),
    Row(e.WhistleBlown, To.HOLDER, "accept", CLOCK, P.ACCEPT, climbs=True),
    Row(e.WhistleBlown, To.REVIEWER, "ratify", CLOCK, P.RATIFY, levels=LEADER),
    Row(e.WhistleAccepted, To.REVIEWER, "accepted", presses=False),
    Row(_SIGNAL, To.NAMED, "standby", Ends.STATE_LEFT, signal=S.STANDBY),
    Row(_SIGNAL, To.NAMED, "assemble", Ends.REPORT_IN_MOVES, P.ARRIVE, S.ASSEMBLE, climbs=True),
    Row(_SIGNAL, To.NAMED, "charge", Ends.STATE_LEFT, P.HANDLE, S.CHARGE),
    Row(_SIGNAL, To.NAMED, "final", Ends.CALLED_AGAIN, signal=S.FINAL),
    Row(_SIGNAL, To.NAMED, "false_arrival", phase=P.ARRIVE, signal=S.SUPERVISE, when=_on_the_spot, levels=WITH_LEADER),
    Row(_SIGNAL, To.NAMED, "evaluation", signal=S.SUPERVISE, when=_after_the_check, levels=WITH_LEADER, presses=False),
    Row(_SIGNAL, To.NAMED, "dissatisfied", signal=S.SUPERVISE, when=_dissatisfied, levels=WITH_LEADER, presses=False),
    Row(e.WhistleReturned, To.HOLDER, "returned", CLOCK, P.RESUBMIT, climbs=True),
    Row(e.RespondersWithdrawn, To.NAMED, "stand_down", Ends.CALLED_AGAIN),
    Row(e.LeadChanged, To.FORMER_LEAD, "lead"),
    Row(e.SuspensionRequested, To.PLATFORM, "suspension_asked", Ends.SUSPENSION_DECIDED, presses=False),
    Row(e.WhistleSuspended, To.REVIEWER, "suspended", Ends.STATE_LEFT, presses=False),
    Row(e.WhistleSuspended, To.RESPONDERS, "suspended", Ends.STATE_LEFT),
    Row(e.WhistleResumed, To.REVIEWER, "resumed", Ends.STATE_LEFT, presses=False),
    Row(e.WhistleResumed, To.RESPONDERS, "resumed", Ends.STATE_LEFT, P.ARRIVE),
    Row(e.ObjectionRaised, To.ARBITER, "rule", CLOCK, P.RULE, climbs=True),
    Row(e.ObjectionRaised, To.REVIEWER, "objection", presses=False),
    Row(e.ObjectionUpheld, To.RESPONDER, "ruled"),
    Row(e.ObjectionUpheld, To.REVIEWER, "ruled", presses=False),
    Row(e.ObjectionOverruled, To.RESPONDER, "ruled"),
    Row(e.ObjectionOverruled, To.REVIEWER, "ruled", presses=False),
    Row(e.FirstReceiverProceeded, To.RESPONDER, "proceed", Ends.PART_DONE),
    Row(e.ExtensionRequested, To.EXTENDER, "extension_asked", Ends.EXTENSION_DECIDED, levels=LEADER),
    Row(e.ExtensionGranted, To.RESPONDER, "extension_decided"),
    Row(e.ExtensionRefused, To.RESPONDER, "extension_decided"),
    Row(e.ResponderArrived, To.CHECKER, "arrived", presses=False),
    Row(e.HandlingReported, To.CHECKER, "handled", presses=False),
    Row(e.CheckAwaited, To.HOLDER, "check", CLOCK, P.CHECK, presses=False, climbs=True),
    Row(e.CheckFailed, To.NAMED, "rework", Ends.PART_DONE, P.HANDLE),
    Row(e.RespondersEvaluated, To.NAMED, "evaluated", presses=False),
    Row(e.AppealMade, To.PLATFORM, "appeal", Ends.APPEAL_DECIDED, presses=False),
    Row(e.AppealDecided, To.RESPONDER, "appeal_decided", presses=False),
    Row(e.AppealDecided, To.CHECKER, "appeal_decided", presses=False),
    Row(_RAISED, To.SUPERVISED, "remind", Ends.SUPERVISION_ENDS, supervision=LEVEL.REMIND),
    Row(_RAISED, To.SUPERVISED, "urge", Ends.SUPERVISION_ENDS, None, None, LEVEL.URGE, _by_clock, WITH_LEADER),
    Row(_RAISED, To.SUPERVISED, "supervise", Ends.SUPERVISION_ENDS, None, None, LEVEL.URGE, _by_hand, WITH_LEADER),
    *(
        Row(_RAISED, to, "supervise", Ends.SUPERVISION_ENDS, supervision=level, levels=levels, presses=False)
        for level in (LEVEL.SUPERVISE, LEVEL.CIRCULATE, LEVEL.ACCOUNT)
        for to, levels in ((To.SUPERVISED, WITH_LEADER), (To.SUPERVISOR, (DutyLevel.OFFICER,)))
    ),
    Row(e.CirculationProposed, To.SUPERVISOR, "circulate", presses=False),
    Row(e.OverdueMarked, To.REVIEWER, "overdue"),
    Row(e.NoShowMarked, To.REVIEWER, "overdue"),
    Row(e.NoShowMarked, To.SUPERVISOR, "overdue", presses=False),
    Row(e.WhistleReopened, To.HOLDER, "review", CLOCK, P.REVIEW, climbs=True),
    Row(e.WhistleCancelled, To.PLATFORM, "cancelled", presses=False),
)

"""What happens when a clock strikes: reminders, 催办, 督办, and the marks and moves of a passed limit."""

from collections.abc import Callable

from domain import events as e
from domain.chains import has_ladder
from domain.clocks import Running, running
from domain.commands import Accept
from domain.decisions.closing import evaluate_by_default
from domain.decisions.dispatch import accept_as
from domain.decisions.draft import Draft, decides
from domain.submission import StrikeClock
from domain.vocabulary import Phase, Point, State, SupervisionLevel, WhistleKind

LEVELS = {
    Point.REMIND_HALF: SupervisionLevel.REMIND,
    Point.REMIND_NEAR: SupervisionLevel.REMIND,
    Point.LIMIT: SupervisionLevel.URGE,
    Point.SUPERVISE: SupervisionLevel.SUPERVISE,
}


@decides(StrikeClock)
def _strike(draft: Draft, strike: StrikeClock) -> None:
    clock = _due(draft, strike)
    if clock is None:
        return
    draft.add(e.ClockStruck(phase=strike.phase, point=strike.point, due_at=strike.due_at, responder=strike.responder))
    consequence = AT_THE_LIMIT.get(strike.phase) if strike.point is Point.LIMIT else None
    if consequence is None or not consequence(draft, strike):
        _climb(draft, strike, clock)


def _due(draft: Draft, strike: StrikeClock) -> Running | None:
    """Find the clock if it still runs and this is its next point, and due."""
    for clock in running(draft.whistle):
        if (clock.phase, clock.responder) == (strike.phase, strike.responder):
            current = clock.clock.next_point == (strike.due_at, strike.point)
            return clock if current and strike.due_at <= draft.now else None
    return None


def _climb(draft: Draft, strike: StrikeClock, struck: Running) -> None:
    deadline = struck.clock.deadline
    organisation = draft.holder(strike.phase, strike.responder)
    if strike.point is Point.CIRCULATE:
        raised = draft.supervision_by(strike.phase, strike.responder, deadline.started_at)
        if raised and raised.answered_at:
            return
        draft.add(e.CirculationProposed(organisation=organisation, phase=strike.phase, responder=strike.responder))
        return
    if not has_ladder(draft.whistle):
        return
    overtaken = strike.point in (Point.REMIND_HALF, Point.REMIND_NEAR) and deadline.due_at <= draft.now
    if not overtaken:
        draft.supervise(
            LEVELS[strike.point],
            organisation,
            phase=strike.phase,
            responder=strike.responder,
            clock_started_at=deadline.started_at,
        )


def _arrival_missed(draft: Draft, strike: StrikeClock) -> bool:
    if strike.responder:
        draft.add(e.OverdueMarked(responder=strike.responder))
    return False


def _second_arrival_missed(draft: Draft, strike: StrikeClock) -> bool:
    if strike.responder:
        draft.add(e.NoShowMarked(responder=strike.responder))
    return True


def _acceptance_missed(draft: Draft, _strike: StrikeClock) -> bool:
    """An emergency assembles as proposed; the 5 minutes are ours [P]."""
    whistle = draft.whistle
    if whistle.state is not State.BLOWN or whistle.kind is not WhistleKind.EMERGENCY:
        return False
    lead, *cooperating = draft.active() or whistle.proposed
    accept_as(draft, Accept(lead=lead, cooperating=tuple(cooperating)), by_default=True)
    return True


def _ruling_missed(draft: Draft, strike: StrikeClock) -> bool:
    """首接单位先行办理: the objector goes on, the dispute stays open, the arbiter is urged."""
    if strike.responder:
        draft.add(e.FirstReceiverProceeded(responder=strike.responder))
    return False


def _evaluation_missed(draft: Draft, _strike: StrikeClock) -> bool:
    evaluate_by_default(draft)
    return True


def _callback_missed(draft: Draft, _strike: StrikeClock) -> bool:
    draft.add(e.CallbackEnded(reason="LIMIT"))
    return True


def _review_of_suspension_due(draft: Draft, strike: StrikeClock) -> bool:
    """The review date alone reminds; it does not resume."""
    started_at = draft.whistle.clocks[Phase.SUSPENSION_REVIEW].deadline.started_at
    organisation = draft.holder(strike.phase)
    draft.supervise(SupervisionLevel.REMIND, organisation, phase=strike.phase, clock_started_at=started_at)
    return True


def _nothing_more(_draft: Draft, _strike: StrikeClock) -> bool:
    return True


AT_THE_LIMIT: dict[Phase, Callable[[Draft, StrikeClock], bool]] = {
    Phase.ARRIVE: _arrival_missed,
    Phase.ARRIVE_SECOND: _second_arrival_missed,
    Phase.ACCEPT: _acceptance_missed,
    Phase.RULE: _ruling_missed,
    Phase.EVALUATE: _evaluation_missed,
    Phase.CALLBACK: _callback_missed,
    Phase.SUSPENSION_REVIEW: _review_of_suspension_due,
    Phase.START_ACTION: _nothing_more,
    Phase.REOPEN: _nothing_more,
    Phase.APPEAL: _nothing_more,
}
"""What a passed limit does beyond 催办; True when that is all it does."""

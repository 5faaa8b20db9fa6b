"""When a notice has nothing more to say: its cause, judged on the whistle as it stands now."""

from datetime import datetime

from domain.clocks import RESPONDER_STATES, running
from domain.values import Frozen
from domain.vocabulary import Phase, ReportInState, State, SupervisionLevel
from domain.vocabulary.labelled import Labelled
from domain.whistle import Whistle


class Ends(Labelled):
    """What ends the cause of a notice."""

    NEVER = "NEVER", "—"
    REPORT_IN_MOVES = "REPORT_IN_MOVES", "签收、报到或另有动作"
    CLOCK_STOPS = "CLOCK_STOPS", "时限停走"
    SUPERVISION_ENDS = "SUPERVISION_ENDS", "答复或督办结束"
    STATE_LEFT = "STATE_LEFT", "离开该状态"
    PART_DONE = "PART_DONE", "该单位已办或无须再办"
    CALLED_AGAIN = "CALLED_AGAIN", "再次召集该单位"
    SUSPENSION_DECIDED = "SUSPENSION_DECIDED", "挂账已定"
    EXTENSION_DECIDED = "EXTENSION_DECIDED", "延期已批"
    APPEAL_DECIDED = "APPEAL_DECIDED", "申诉已复核"


class Cause(Frozen):
    """Why somebody is told; `since` is when the report-in or supervision that it speaks of began."""

    ends: Ends
    responder: str | None = None
    phase: Phase | None = None
    due_at: datetime | None = None
    since: datetime | None = None
    number: int | None = None
    level: SupervisionLevel | None = None
    state: State | None = None

    def has_ended(self, whistle: Whistle) -> bool:
        """Whether nobody needs to be told any more."""
        match self.ends:
            case Ends.NEVER:
                return False
            case Ends.REPORT_IN_MOVES:
                return not self._awaits_report_in(whistle)
            case Ends.CLOCK_STOPS:
                return not any(
                    (r.phase, r.responder, r.clock.deadline.due_at) == (self.phase, self.responder, self.due_at)
                    for r in running(whistle)
                )
            case Ends.SUPERVISION_ENDS:
                return not any(
                    (s.number, s.level, s.raised_at, s.answered_at) == (self.number, self.level, self.since, None)
                    for s in whistle.open_supervisions
                )
            case Ends.STATE_LEFT:
                return whistle.state is not self.state
            case Ends.PART_DONE:
                return whistle.state not in RESPONDER_STATES or not self._has_to_act(whistle)
            case Ends.CALLED_AGAIN:
                return self._has_to_act(whistle)
            case _:
                return not self._awaits_decision(whistle)

    def _awaits_report_in(self, whistle: Whistle) -> bool:
        part = whistle.report_in(self.responder or "")
        if part is None or whistle.state not in RESPONDER_STATES:
            return False
        return part.state is ReportInState.NOTIFIED and part.notified_at == self.since

    def _has_to_act(self, whistle: Whistle) -> bool:
        part = whistle.report_in(self.responder or "")
        return part is not None and part.active and part.state is not ReportInState.HANDLED

    def _awaits_decision(self, whistle: Whistle) -> bool:
        if whistle.ended:
            return False
        if self.ends is Ends.SUSPENSION_DECIDED:
            return whistle.suspension_requested
        responder = self.responder or ""
        if self.ends is Ends.EXTENSION_DECIDED:
            part = whistle.report_in(responder)
            return part is not None and part.extension is not None
        appealed = whistle.appealed(responder)
        return appealed is not None and appealed.appeal_pending

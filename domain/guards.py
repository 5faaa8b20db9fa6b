"""The conditions that a row of the table of moves adds to state, part and report-in state.

Each looks at the situation and returns why it refuses, or None.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from domain.chains import ARBITER, PLATFORM
from domain.report_in import ReportIn
from domain.values import Actor
from domain.vocabulary import Phase, ReportInState, ResponderRole, Role, State, WhistleKind
from domain.whistle import Whistle

MOST_OBJECTIONS = 2


class Situation(NamedTuple):
    """What a guard may look at: no clock of its own, no I/O."""

    whistle: Whistle
    actor: Actor
    now: datetime
    report_in: ReportIn | None = None


Guard = Callable[[Situation], str | None]


def emergency_not_ratified(s: Situation) -> str | None:
    """Allow only an emergency that was blown and whose ratification is undecided."""
    if s.whistle.kind is not WhistleKind.EMERGENCY or s.whistle.blown_at is None:
        return "only an EMERGENCY that was blown is ratified"
    return None if s.whistle.ratified is None else "ratification is decided already"


def dispatched(s: Situation) -> str | None:
    """Allow only once responders are called: of what is BLOWN, an emergency alone."""
    called = s.whistle.state is not State.BLOWN or s.whistle.kind is WhistleKind.EMERGENCY
    return None if called else "nobody is called before the whistle is accepted"


def suspension_not_requested(s: Situation) -> str | None:
    """Allow one request for a suspension at a time."""
    return "a suspension is asked for already" if s.whistle.suspension_requested else None


def may_object(s: Situation) -> str | None:
    """Allow at most two objections, within the window, in an emergency only after arriving."""
    if s.report_in is None:
        return None
    if s.report_in.dispute_open:
        return "an objection already awaits its ruling"
    if s.report_in.objections >= MOST_OBJECTIONS:
        return "the second ruling is final"
    if s.whistle.kind is WhistleKind.EMERGENCY and s.report_in.state is not ReportInState.ARRIVED:
        return "in an EMERGENCY one arrives first and objects afterwards"
    if s.whistle.kind is not WhistleKind.EMERGENCY and s.report_in.state is ReportInState.ARRIVED:
        return "who has arrived no longer objects"
    late = s.report_in.object_until is not None and s.now > s.report_in.object_until
    return "the time to object is over" if late else None


def dispute_open(s: Situation) -> str | None:
    """Allow only where an objection awaits its ruling."""
    return None if s.report_in is None or s.report_in.dispute_open else "no objection awaits a ruling"


def may_ask_for_time(s: Situation) -> str | None:
    """Allow one request at a time, and each phase once."""
    if s.report_in is None:
        return None
    if s.report_in.extension:
        return "an extension already awaits its decision"
    return None if s.report_in.extendable else "no limit is left that could be extended"


def extension_pending(s: Situation) -> str | None:
    """Allow only where an extension was asked for."""
    return None if s.report_in is None or s.report_in.extension else "no extension awaits a decision"


def cooperating(s: Situation) -> str | None:
    """Keep the lead until the check has passed (事不完、人不撤)."""
    lead = s.report_in is not None and s.report_in.role is ResponderRole.LEAD
    return "the lead leaves only by a passed check" if lead else None


def did_not_handle(s: Situation) -> str | None:
    """Keep the person who handled from checking (closer ≠ handler, GB/T 30428)."""
    return "the person who handled does not check" if s.actor.subject in s.whistle.handlers else None


def not_answered_yet(s: Situation) -> str | None:
    """Allow one reply."""
    return "the reply is given already" if s.whistle.feedback_given else None


def callback_awaited(s: Situation) -> str | None:
    """Allow only after the reply, with a reporter, until the callback has ended."""
    if s.whistle.callback_awaited:
        return None
    return "no callback follows without a reporter" if not s.whistle.has_reporter else "no callback is awaited"


def may_appeal(s: Situation) -> str | None:
    """Allow one appeal per evaluation, within its window."""
    if s.report_in is None or s.report_in.evaluation is None:
        return None
    if s.report_in.appeal_pending or s.report_in.appeal_upheld is not None:
        return "the evaluation is appealed already"
    return "the time to appeal is over" if s.now > s.report_in.evaluation.appeal_until else None


def appeal_pending(s: Situation) -> str | None:
    """Allow only where an appeal awaits its decision."""
    return None if s.report_in is None or s.report_in.appeal_pending else "no appeal awaits a decision"


def reopen_window_open(s: Situation) -> str | None:
    """Allow within the window after closing."""
    clock = s.whistle.clocks.get(Phase.REOPEN)
    over = clock is None or s.whistle.archived or s.now > clock.deadline.due_at
    return "the window to reopen is over" if over else None


def supervised(s: Situation) -> str | None:
    """Allow only where a supervision of the actor's organisation is open."""
    held = [x for x in s.whistle.open_supervisions if answers_for(s.actor, x.organisation)]
    return None if held else "no open supervision awaits your organisation's answer"


def answers_for(actor: Actor, organisation: str) -> bool:
    """Whether the actor answers a supervision of that organisation."""
    district = {PLATFORM: Role.DISTRICT_PLATFORM, ARBITER: Role.ARBITER}
    if organisation in district:
        return actor.role is district[organisation]
    return actor.organisation == organisation

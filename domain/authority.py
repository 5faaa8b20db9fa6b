"""Whether a command may be made now, by this actor: the one reader of the table of moves."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from domain.chains import (
    MAY_REGISTER,
    OF_DISTRICT,
    Holder,
    Part,
    checker,
    holders,
    judges_itself,
    possible_roles,
    reviewer,
    township_acts_for_responders,
)
from domain.commands import Check, Command, Decline, Evaluate, Feedback, OfResponder, Review, Supervise
from domain.errors import MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.guards import Situation
from domain.lifecycle import MOVES, Move
from domain.report_in import ReportIn
from domain.submission import StrikeClock
from domain.values import Actor
from domain.vocabulary import ReviewDecision, Role, State, SupervisionLevel, WhistleKind
from domain.whistle import Whistle

REGISTER = "register"
PLATFORM_INSTEAD = {"check": checker, "evaluate": checker, "decide_extension": reviewer}
ANY_ROUND: dict[str, Callable[[Whistle, str], ReportIn | None]] = {
    "appeal": Whistle.last_evaluated,
    "decide_appeal": Whistle.appealed,
}
"""Commands that may speak of an earlier round's report-in; all others speak of this round's."""


class Request(NamedTuple):
    """A command with who makes it and when."""

    command: Command | StrikeClock
    actor: Actor
    now: datetime


def authorise(whistle: Whistle, request: Request) -> Move:
    """Return the row that allows the command.

    Raises RoleNotAllowedError, NotYourOrganisationError or MoveNotAllowedError, in that order.
    """
    command, actor, now = request
    if not isinstance(command, Command):
        message = f"{actor.role} does not strike clocks"
        raise RoleNotAllowedError(message)
    name, responders = command.wire_name(), named_responders(command)
    rows = _rows(name, variant(command, whistle))
    _hold_a_part(whistle, rows, actor, responders)
    report_ins = [_called(whistle, name, r, actor) for r in responders]
    reasons: list[str] = []
    for row in rows:
        refused = _refusal(whistle, row, actor, now, report_ins)
        if refused is None:
            return row
        reasons.append(refused)
    raise MoveNotAllowedError(reasons[0] if reasons else f"{name} is not allowed in {whistle.state}")


def roles_for(name: str) -> frozenset[Role]:
    """The roles that may make a command, or `register`, on some whistle of some chain; empty for what is none."""
    if name == REGISTER:
        return MAY_REGISTER
    parts = {part for row in MOVES if row.command == name for part in row.by}
    instead = OF_DISTRICT[Part.PLATFORM].roles if name in PLATFORM_INSTEAD else frozenset()
    return instead.union(*map(possible_roles, parts))


def authorise_role(name: str, *roles: Role) -> None:
    """Raise RoleNotAllowedError where none of these roles may ever make the command, whatever it says."""
    able = roles_for(name)
    if able and not able.intersection(roles):
        raise RoleNotAllowedError(f"{name} is not for {', '.join(roles)}")


def allowed(whistle: Whistle, actor: Actor, now: datetime) -> list[str]:
    """List the commands open to the actor now, on at least one responder where they name one."""
    return sorted({row.command for row in MOVES if _open_to(whistle, row, actor, now)})


def open_commands(whistle: Whistle, now: datetime) -> dict[Part, tuple[str, ...]]:
    """List the commands open now to who holds each part, in the order of the table."""
    found: dict[Part, dict[str, None]] = {}
    for row in MOVES:
        for chosen in _candidates(whistle, row) if whistle.state in row.states else ():
            for part in _parts(whistle, row, tuple(r.responder for r in chosen)):
                known = found.setdefault(part, {})
                if row.command not in known and _is_open(whistle, row, part, now, chosen):
                    known[row.command] = None
    return {part: tuple(commands) for part, commands in found.items() if commands}


def variant(command: Command, whistle: Whistle) -> str | None:
    """Tell which variant of its rows a command is."""
    match command:
        case Review(decision=ReviewDecision.WHISTLE, kind=WhistleKind.EMERGENCY):
            return "WHISTLE_EMERGENCY"
        case Review():
            return command.decision.value
        case Decline():
            return "BLOW" if whistle.state is State.PROPOSED else "RATIFY"
        case Check():
            return "PASSED" if command.passed else "FAILED"
        case Feedback():
            return "SELF_HANDLED" if whistle.state is State.SELF_HANDLED else None
        case Supervise():
            return "URGE" if command.level is SupervisionLevel.URGE else "HIGHER"
        case _:
            return None


def named_responders(command: Command) -> tuple[str, ...]:
    """The responders whose report-ins a command speaks of."""
    match command:
        case Evaluate():
            return command.evaluated
        case OfResponder() if command.wire_name() != "add_responder":
            return (command.responder,)
        case _:
            return ()


def part_holders(whistle: Whistle, row: Move, responders: tuple[str, ...]) -> list[Holder]:
    """Who may make a row's move on these responders (empty: on any)."""
    named = responders or (None,)
    parts = _parts(whistle, row, responders)
    return [h for part in parts for responder in named for h in holders(part, whistle, responder)]


def _parts(whistle: Whistle, row: Move, responders: tuple[str, ...]) -> tuple[Part, ...]:
    judge = PLATFORM_INSTEAD.get(row.command)
    judged = None if row.command == "check" else responders
    if judge and judges_itself(whistle, judge(whistle), judged):
        return (Part.PLATFORM,)
    if row.command == "check" and township_acts_for_responders(whistle):
        return (*row.by, Part.PLATFORM, Part.CHECK_LEADER)
    return row.by


def _rows(name: str, kind: str | None) -> list[Move]:
    rows = [row for row in MOVES if row.command == name]
    return rows if name == "cancel" else [row for row in rows if row.variant == kind]


def _hold_a_part(whistle: Whistle, rows: list[Move], actor: Actor, responders: tuple[str, ...]) -> None:
    able = [h for row in rows for h in part_holders(whistle, row, responders)]
    if not able:
        return
    if not any(actor.role in holder.roles for holder in able):
        message = f"{rows[0].command} is not for {actor.role}"
        raise RoleNotAllowedError(message)
    if not any(holder.is_held_by(actor) for holder in able):
        message = f"{rows[0].command} here belongs to another organisation than {actor.organisation}"
        raise NotYourOrganisationError(message)


def _spoken_of(whistle: Whistle, command: str, responder: str) -> ReportIn | None:
    found = ANY_ROUND[command](whistle, responder) if command in ANY_ROUND else None
    return found or whistle.report_in(responder)


def _called(whistle: Whistle, command: str, responder: str, actor: Actor) -> ReportIn:
    report_in = _spoken_of(whistle, command, responder)
    if report_in is None:
        error = NotYourOrganisationError if actor.organisation == responder else MoveNotAllowedError
        message = f"{responder} is not called by this whistle"
        raise error(message)
    return report_in


def _refusal(whistle: Whistle, row: Move, actor: Actor, now: datetime, report_ins: list[ReportIn]) -> str | None:
    if whistle.state not in row.states:
        return f"{row.command} is not allowed in {whistle.state} ({whistle.state.label})"
    if not any(h.is_held_by(actor) for h in part_holders(whistle, row, tuple(r.responder for r in report_ins))):
        return f"{row.command} is not allowed to {actor.role} in {whistle.state}"
    named: list[ReportIn | None] = [*report_ins] or [None]
    for report_in in named:
        if report_in and report_in.state not in row.report_in:
            return f"{row.command} is not allowed while {report_in.responder} is {report_in.state}"
        situation = Situation(whistle, actor, now, report_in)
        for guard in row.guards:
            if reason := guard(situation):
                return reason
    return None


def _is_open(whistle: Whistle, row: Move, part: Part, now: datetime, chosen: list[ReportIn]) -> bool:
    named: list[ReportIn | None] = [*chosen] or [None]
    for report_in in named:
        for holder in holders(part, whistle, report_in.responder if report_in else None):
            situation = Situation(whistle, holder.anyone, now, report_in)
            if all(guard(situation) is None for guard in row.guards):
                return True
    return False


def _open_to(whistle: Whistle, row: Move, actor: Actor, now: datetime) -> bool:
    return any(_refusal(whistle, row, actor, now, chosen) is None for chosen in _candidates(whistle, row))


def _candidates(whistle: Whistle, row: Move) -> list[list[ReportIn]]:
    if not row.report_in:
        return [[]]
    called = dict.fromkeys(r.responder for r in whistle.earlier_report_ins + whistle.report_ins)
    spoken_of = (_spoken_of(whistle, row.command, responder) for responder in called)
    return [[r] for r in spoken_of if r and r.state in row.report_in]

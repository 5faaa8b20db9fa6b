"""What follows from a command: pure, by the rules in force, on the whistle as it stands.

review.py     研判、吹哨、追认      dispatch.py  受理、派单、挂账
report_in.py  签收、报到、异议、处置  closing.py   核查、评价、答复、重新办理
oversight.py  督办、撤哨            clocks.py    timers that strike
settlement.py the moves a whistle makes by itself once their condition holds
"""

from domain import events as e
from domain.authority import Request, authorise
from domain.commands import Command
from domain.decisions import clocks, closing, dispatch, oversight, report_in, review
from domain.decisions.draft import DECISIONS, Draft
from domain.decisions.settlement import settle
from domain.rules import Rules
from domain.submission import StrikeClock
from domain.whistle import Whistle

ROOMS = (clocks, closing, dispatch, oversight, report_in, review)


def decide(whistle: Whistle, request: Request, rules: Rules) -> tuple[e.Event, ...]:
    """Return the events that follow from a command or a clock's strike.

    Raises a RefusedError when the table of moves, the actor or the catalogues do not allow it.
    """
    command = request.command
    if isinstance(command, Command):
        authorise(whistle, request)
    draft = Draft(whistle, request.actor, request.now, rules)
    DECISIONS[_kind(command)](draft, command)
    settle(draft)
    return tuple(draft.events)


def _kind(command: Command | StrikeClock) -> type[Command] | type[StrikeClock]:
    return next(kind for kind in type(command).__mro__ if kind in DECISIONS)

"""What an admin reads in Temporal's own tools: search attributes, and the summaries of timers and activities.

The page on a whistle is drawn in details.py.
"""

from collections.abc import Callable
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.clocks import Strike, next_deadline, strikes
from domain.commands import COMMANDS
from domain.ledger import ADOPT
from domain.submission import STRIKE, StrikeClock
from domain.vocabulary import ReportInState
from domain.whistle import Whistle
from workflows import search_attributes as names
from workflows.wording import called, some, when

Attributes = dict[str, Any]
MOST_NAMED = 3
MOST_CLOCKS = 2

_KEY_MAKERS: dict[str, Callable[[str], SearchAttributeKey[Any]]] = {
    "Keyword": SearchAttributeKey.for_keyword,
    "KeywordList": SearchAttributeKey.for_keyword_list,
    "Datetime": SearchAttributeKey.for_datetime,
    "Int": SearchAttributeKey.for_int,
}
ATTRIBUTE_KEYS = {name: _KEY_MAKERS[kind](name) for name, kind in names.SEARCH_ATTRIBUTES.items()}


def attributes_of(whistle: Whistle) -> Attributes:
    """Give the search attributes of a whistle as it stands; None where it has none."""
    overdue = [r.responder for r in whistle.report_ins if r.overdue and r.state is not ReportInState.WITHDRAWN]
    return {
        names.WHISTLE_STATE: whistle.state.value,
        names.WHISTLE_KIND: whistle.kind and whistle.kind.value,
        names.WHISTLE_URGENCY: whistle.urgency and whistle.urgency.value,
        names.WHISTLE_CHAIN: whistle.chain.value,
        names.TOWNSHIP: whistle.township,
        names.GRID: whistle.grid,
        names.LEAD_DEPARTMENT: whistle.lead,
        names.SOURCE_CHANNEL: whistle.channel.value,
        names.SUPERVISION_LEVEL: whistle.supervision_level.value,
        names.RESPONDERS: list(whistle.responders) or None,
        names.OVERDUE_RESPONDERS: overdue or None,
        names.NEXT_DEADLINE: next_deadline(whistle),
        names.BLOWN_AT: whistle.blown_at,
        names.WHISTLE_VERSION: whistle.sequence,
    }


def changes(before: Attributes, now: Attributes) -> list[SearchAttributeUpdate[Any]]:
    """List the updates that lead from the attributes shown before to those of now."""
    return [
        ATTRIBUTE_KEYS[name].value_unset() if value is None else ATTRIBUTE_KEYS[name].value_set(value)
        for name, value in now.items()
        if value != before.get(name)
    ]


def timer_summary(whistle: Whistle, strike: Strike) -> str:
    """Name every clock that strikes when an armed timer rings: 报到·时限已到 公安分局 2026-11-24 19:25:33."""
    by_clock: dict[str, list[str]] = {}
    for at, phase, point, responder in strikes(whistle):
        if at == strike.at:
            by_clock.setdefault(f"{phase.label}·{point.label}", []).extend([responder] if responder else [])
    told = [" ".join(filter(None, (clock, _names(whistle, codes)))) for clock, codes in by_clock.items()]
    more = f" 等 {len(told)} 项" if len(told) > MOST_CLOCKS else ""
    return f"{';'.join(told[:MOST_CLOCKS])}{more} {when(strike.at)}"


def command_summary(whistle: Whistle | None, name: str, argument: dict[str, Any]) -> str:
    """Name what is being stored: 报到 arrive 区水务局."""
    responder = argument.get("responder")
    of = f" {called(whistle, responder)}" if whistle and isinstance(responder, str) else ""
    if name == ADOPT:
        return "读取已存事件 adopt"
    if name == STRIKE:
        strike = StrikeClock.model_validate(argument)
        return f"{strike.phase.label}·{strike.point.label}{of}"
    return f"{COMMANDS[name].label} {name}{of}"


def _names(whistle: Whistle, codes: list[str]) -> str:
    return some((called(whistle, code) for code in codes), MOST_NAMED)

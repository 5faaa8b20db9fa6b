"""What an admin reads in Temporal's own tools: search attributes, current details and the summaries of timers."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.chains import holder_of
from domain.clocks import Running, Strike, next_deadline, running
from domain.commands import COMMANDS
from domain.ledger import ADOPT
from domain.report_in import ReportIn
from domain.submission import STRIKE, StrikeClock
from domain.vocabulary import Phase, ReportInState
from domain.whistle import Whistle
from domain.working_time import BEIJING
from workflows import search_attributes as names

Attributes = dict[str, Any]

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


def timer_summary(strike: Strike) -> str:
    """Name the clock, its responder and the due time of an armed timer."""
    return " ".join(filter(None, (strike.phase.label, strike.responder, strike.point.label, _local(strike.at))))


def command_summary(name: str, argument: dict[str, Any]) -> str:
    """Name what is being stored."""
    responder = argument.get("responder")
    on = f" {responder}" if isinstance(responder, str) else ""
    if name == ADOPT:
        return "读取已存事件"
    if name == STRIKE:
        strike = StrikeClock.model_validate(argument)
        return f"{strike.phase.label}{strike.point.label}{on}"
    return f"{COMMANDS[name].label}{on}"


def details(whistle: Whistle) -> str:
    """Draw the state, the responders and every running clock as Markdown."""
    lines = list(_heading(whistle))
    if whistle.report_ins:
        lines += ["", *_table(("报到单位", "角色", "状态", "报到时限", "标记"), map(_responder, whistle.report_ins))]
    clocks = sorted(running(whistle), key=_due)
    if clocks:
        lines += ["", *_table(("时限", "责任单位", "到期", "下一提醒"), (_clock(whistle, c) for c in clocks))]
    return "\n".join(lines)


def _heading(w: Whistle) -> Iterator[str]:
    kind = f"【{w.kind.label}】" if w.kind else ""
    yield f"**{kind}{_cell(w.title)}** · {w.serial} · {w.township}"
    yield ""
    outcome = f" · 结果 {w.outcome.label}" if w.outcome else ""
    yield f"{w.state.label} · 第 {w.step} 步 · 督办 {w.supervision_level.label}{outcome} · 版本 {w.sequence}"


def _responder(r: ReportIn) -> tuple[str, ...]:
    due = r.due(Phase.ARRIVE)
    marks = (
        "逾期" if r.overdue else "",
        "未到" if r.no_show else "",
        f"迟到 {r.late_by_s} 秒" if r.late_by_s else "",
        "争议待裁定" if r.dispute_open else "",
        f"返工 {r.rework}" if r.rework else "",
    )
    return r.responder, r.role.label, r.state.label, _local(due) if due else "", "、".join(filter(None, marks))


def _clock(w: Whistle, r: Running) -> tuple[str, ...]:
    point = r.clock.next_point
    following = f"{point[1].label} {_local(point[0])}" if point else "已全部触发"
    passed = "(已过)" if r.clock.limit_struck else ""
    deadline = r.clock.deadline
    estimated = "(估算)" if deadline.estimated else ""
    due = f"{_local(deadline.due_at)}{estimated}{passed}"
    return r.phase.label, holder_of(w, r.phase, r.responder), due, following


def _due(r: Running) -> tuple[datetime, str, str]:
    return r.clock.deadline.due_at, r.phase.value, r.responder or ""


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "|").split())


def _local(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"

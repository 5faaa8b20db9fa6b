"""The page on a whistle in the Temporal UI: where it stands, who is late, what comes next, who may do what.

Chinese first, with the code or identifier that queries and commands need. Short, however many are called.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from domain.authority import open_commands
from domain.chains import OF_DISTRICT, Part, holder_of, holders
from domain.clocks import PHASE_ORDER, WINDOWS, Running, running
from domain.commands import COMMANDS
from domain.lifecycle import STEP_LABELS
from domain.report_in import ReportIn
from domain.summaries import headline
from domain.vocabulary import Phase, ReportInState, ResponderRole, Role, State
from domain.whistle import Whistle
from workflows.markdown import items, plain, table
from workflows.wording import both, called, named, shortly, some, span, when

MOST_RESPONDERS = 16
MOST_CLOCKS = 6
MOST_LATE = 6
MOST_NAMED = 4
_COMING = frozenset({ReportInState.NOTIFIED, ReportInState.SIGNED, ReportInState.OBJECTED})

_OF_SEVERAL = frozenset({Part.RESPONDER, Part.SUPERVISED})
_POSTS = {Role.TOWNSHIP_CLERK: "经办人", Role.TOWNSHIP_LEADER: "负责人", Role.SOURCE_SYSTEM: " 来源"}


def details(whistle: Whistle, now: datetime) -> str:
    """Draw a whistle as it stands at this time."""
    clocks = sorted(running(whistle), key=lambda r: (r.clock.deadline.due_at, PHASE_ORDER[r.phase]))
    parts = (
        f"> {plain(headline(whistle, called(whistle, whistle.township)))}",
        f"**第 {whistle.step} 步 {STEP_LABELS[whistle.step - 1]} · {whistle.state.label}** `{whistle.state.value}`",
        items((*_facts(whistle), *_late(whistle, clocks), *_turns(whistle))),
        _responders(whistle),
        _deadlines(whistle, clocks),
        _open_to(whistle, now),
        f"{whistle.serial} · 版本 version {whistle.sequence} · 截至 as of {when(now)} 北京时间",
    )
    return "\n\n".join(filter(None, parts))


def _facts(w: Whistle) -> Iterator[str]:
    words = [named(w, w.township)]
    words += [f"网格 grid `{w.grid}`"] if w.grid else []
    words += [f"由 by {named(w, w.caller)}"] if w.caller else []
    words += [f"主责 lead {named(w, w.lead)}"] if w.lead else []
    words += [both(w.urgency)] if w.urgency else []
    words += [f"第 {w.round} 轮 round"] if w.round > 1 else []
    yield " · ".join(words)
    if w.outcome:
        closed = f" · 办结 closed {shortly(w.closed_at)}" if w.closed_at else ""
        yield f"结果 outcome **{w.outcome.label}** `{w.outcome.value}`{closed}"


def _late(w: Whistle, clocks: list[Running]) -> Iterator[str]:
    passed = [r for r in clocks if r.clock.limit_struck and r.phase not in WINDOWS]
    by_holder: dict[str, list[Running]] = {}
    for r in passed:
        by_holder.setdefault(holder_of(w, r.phase, r.responder), []).append(r)
    for holder, theirs in list(by_holder.items())[:MOST_LATE]:
        phases = "、".join(dict.fromkeys(f"{r.phase.label}(应于 {shortly(r.clock.deadline.due_at)})" for r in theirs))
        yield f"▲ **逾期 late** {named(w, holder)}: {phases}"
    if len(by_holder) > MOST_LATE:
        yield f"▲ 另有 {len(by_holder) - MOST_LATE} 家逾期 more are late"
    if not passed and not w.ended and not w.closed_at:
        yield "✓ 无人逾期 nobody is late"


def _turns(w: Whistle) -> Iterator[str]:
    if w.merged_into:
        yield f"并入 merged into [`{w.merged_into}`](namespaces/{{namespace}}/workflows/whistle:{w.merged_into})"
    if w.suspended_at and w.state is State.SUSPENDED:
        yield f"挂账 suspended since {shortly(w.suspended_at)}: 全部时限停走 every clock stands still"
    if held := w.open_supervisions:
        on = some(dict.fromkeys(called(w, s.organisation) for s in held), MOST_NAMED)
        yield f"▲ **督办 supervision** {both(held[0].level)} → {on}"
    if disputed := [called(w, r.responder) for r in w.report_ins if r.dispute_open]:
        yield f"异议待裁定 in dispute: {some(disputed, MOST_NAMED)}"
    if w.ownerless:
        yield "无头事项 no unit owns it: 待平台会商增派"
    if w.suspension_requested:
        yield "已申请挂账 a suspension is asked for"
    if w.ratified is False:
        yield "不予追认,计误哨 false alarm"
    if w.repeated_calls:
        yield f"重复来电 repeated calls {w.repeated_calls}"
    if w.callback_awaited:
        yield f"待回访 callback awaited, 已试 {w.callback_attempts} 次"


def _responders(w: Whistle) -> str:
    if not w.report_ins:
        return _proposed(w)
    ranked = sorted(w.report_ins, key=lambda r: (not (r.overdue and r.state in _COMING), r.role.value != "LEAD"))
    shown, left = ranked[:MOST_RESPONDERS], ranked[MOST_RESPONDERS:]
    rows = [_responder(w, r) for r in shown]
    if left:
        states = "、".join(f"{label} {count}" for label, count in Counter(r.state.label for r in left).items())
        rows.append((f"另有 {len(left)} 家 more", states, "", ""))
    return table(("报到单位 responder", "状态 state", "报到时限 due", "迟 late by"), rows)


def _responder(w: Whistle, r: ReportIn) -> tuple[str, ...]:
    lead = "**主责** " if r.role is ResponderRole.LEAD else ""
    due = r.due(Phase.ARRIVE)
    turns = ((r.dispute_open, "争议"), (r.rework, f"返工 {r.rework}"), (r.extension, "申请延期"))
    state = "、".join([r.state.label, *(word for held, word in turns if held)])
    return f"{lead}{named(w, r.responder)}", state, shortly(due) if due else "—", _lateness(r)


def _lateness(r: ReportIn) -> str:
    if r.late_by_s:
        return f"▲ {span(timedelta(seconds=r.late_by_s))}"
    if r.state in _COMING and r.no_show:
        return "▲ 未按时报到 no-show"
    return "▲ 未到 absent" if r.state in _COMING and r.overdue else "—"


def _proposed(w: Whistle) -> str:
    names = some((named(w, code) for code in w.proposed), MOST_RESPONDERS)
    return f"拟请 proposed: {names}" if names else ""


def _deadlines(w: Whistle, clocks: list[Running]) -> str:
    ahead = [r for r in clocks if not r.clock.limit_struck]
    groups = [list(g) for _, g in groupby(ahead, lambda r: (r.clock.deadline.due_at, r.phase))]
    rows = [_deadline(w, group) for group in groups[:MOST_CLOCKS]]
    if len(groups) > MOST_CLOCKS:
        rows.append(("…", f"另有 {len(groups) - MOST_CLOCKS} 项 more", ""))
    return table(("下一时限 next", "事项 clock", "责任 who"), rows) if rows else ""


def _deadline(w: Whistle, group: list[Running]) -> tuple[str, ...]:
    first = group[0]
    estimated = "(估算)" if first.clock.deadline.estimated else ""
    holders = dict.fromkeys(called(w, holder_of(w, r.phase, r.responder)) for r in group)
    due = f"{shortly(first.clock.deadline.due_at)}{estimated}"
    return due, f"{first.phase.label} {first.phase.value.lower().replace('_', ' ')}", some(holders, MOST_NAMED)


def _open_to(w: Whistle, now: datetime) -> str:
    by_whom: dict[str, dict[str, None]] = {}
    for part, commands in open_commands(w, now).items():
        by_whom.setdefault(_whose(w, part), {}).update(dict.fromkeys(commands))
    told = [f"{who}: {' · '.join(f'{COMMANDS[c].label} {c}' for c in them)}" for who, them in by_whom.items()]
    return f"**可办 allowed now**\n\n{items(told)}" if told else ""


def _whose(w: Whistle, part: Part) -> str:
    if part in _OF_SEVERAL:
        return part.value
    holder = holders(part, w)[0]
    if holder.organisation is None:
        return next(of_district.value for of_district, held in OF_DISTRICT.items() if held == holder)
    posts = [_POSTS.get(role, "") for role in holder.roles]
    return f"{called(w, holder.organisation)}{posts[0] if len(posts) == 1 else ''}"

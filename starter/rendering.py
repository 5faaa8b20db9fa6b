"""What a terminal shows of one whistle: it and its responders, and the timeline by step."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from domain.commands import COMMANDS
from domain.evolve import evolve
from domain.lifecycle import STEP_LABELS
from domain.records import Record, event_of
from domain.summaries import local_time
from domain.view import ReportInView, SupervisionView, View
from domain.vocabulary import ReportInState, ResponderRole, SupervisionLevel
from starter.listing import Names, due_text, level_text, moment, state_text
from storage.events import TrailEvent
from workflows.wording import span

if TYPE_CHECKING:
    from domain.whistle import Whistle

STEP_ENGLISH = (
    "sourced",
    "township's review",
    "whistle blown",
    "platform accepts",
    "report-in",
    "evaluation",
    "feedback",
)
_STEP_OF_PROPOSAL = 2
_LOUD = {"SignalSounded": "bold magenta", "OverdueMarked": "bold red", "NoShowMarked": "bold red"}
_QUIET = {"ClockStruck", "CheckAwaited", "EvaluationCompleted"}


def whistle_panel(
    view: View, name: Names, now: datetime, open_to: list[str] | None = None, link: str | None = None
) -> RenderableType:
    """Show one whistle: what and where, how far, its responders, what supervises it, and what one may do."""
    kind = f"【{view.kind.label}】" if view.kind else ""
    parts: list[RenderableType] = [_facts(view, name, now), _steps(view)]
    if view.report_ins:
        parts.append(report_ins_table(view.report_ins, name, now))
    parts.extend(_supervision(held, name) for held in view.supervisions)
    if open_to is not None:
        told = "、".join(f"{COMMANDS[command].label} {command}" for command in open_to)
        parts.append(Text(f"可用命令 allowed: {told or '无'}", style="green" if open_to else "dim"))
    title = Text.assemble((f"{kind}{name(view.township)} {view.title}", "bold"))
    numbers = f"{view.serial} · {view.whistle_id} · 第 {view.version} 条"
    panel = Panel(Group(*parts), title=title, subtitle=numbers, title_align="left")
    return Group(panel, Text(f"Temporal UI {link}", style="dim", overflow="fold")) if link else panel


def report_ins_table(report_ins: Iterable[ReportInView], name: Names, now: datetime) -> Table:
    """Show each responder with its state, limit, arrival and marks."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("报到单位 responder", "角色", "状态 state", "报到时限 due", "到场 arrived", "标记 marks"):
        table.add_column(column)
    for report_in in report_ins:
        table.add_row(*_report_in_row(report_in, name, now))
    return table


def timeline(events: Iterable[TrailEvent]) -> list[Text]:
    """Show the whole trail of one whistle under the step that each event reached."""
    story = Story()
    return [line for event in events for line in story.next(event)]


class Story:
    """Tells a trail event by event, from its first one."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.whistle: Whistle | None = None
        self._step = 0

    def next(self, event: TrailEvent) -> list[Text]:
        """Give the lines of the next event: the steps it enters, and itself."""
        record = Record(
            sequence=event.sequence,
            at=event.at,
            actor=event.actor,
            command_id=event.command_id,
            event=event_of(event.type, event.data),
        )
        self.whistle = evolve(self.whistle, record)
        # An emergency is proposed and blown in one breath, so it is never seen in step 2.
        step = max(self.whistle.step, _STEP_OF_PROPOSAL) if event.type == "WhistleProposed" else self.whistle.step
        entered = steps_entered(self._step, step)
        self._step = step
        return [*map(step_line, entered), event_line(event)]


def steps_entered(before: int, now: int) -> Iterable[int]:
    """List the steps to announce: all up to the new one, since an emergency's review is two at once; a fall is one."""
    return range(before + 1, now + 1) if now > before else [now] if now < before else []


def step_line(step: int) -> Text:
    """Announce one of the seven steps."""
    return Text(
        f"第{'一二三四五六七'[step - 1]}步 {STEP_LABELS[step - 1]}  step {step}: {STEP_ENGLISH[step - 1]}",
        style="bold blue",
    )


def event_line(event: TrailEvent) -> Text:
    """Write one event: when, what in Chinese with its English name, by whom."""
    style = _LOUD.get(event.type, "dim" if event.type in _QUIET else "")
    if event.type == "SupervisionRaised":
        style = "dim" if event.data.get("level") == SupervisionLevel.REMIND else "bold red"
    return Text.assemble(
        (f"  {event.sequence:>3}  {local_time(event.at)}  ", "dim"),
        (event.summary, style),
        (f"  {english(event.type)} · {event.actor.subject}", "dim"),
    )


def english(event_type: str) -> str:
    """Write an event's type as words: `ResponderArrived` is `responder arrived`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", event_type).lower()


def _facts(view: View, name: Names, now: datetime) -> Text:
    facts = state_text(view.state).append_text(level_text(view.supervision_level))
    if view.urgency:
        facts.append(f"  {view.urgency.label}")
    if view.outcome:
        facts.append(f"  结果 {view.outcome.label}", style="green")
    if view.lead:
        facts.append(f"  主责 {name(view.lead)}")
    if view.next_deadline:
        facts.append("\n下一时限 next ").append_text(due_text(view.next_deadline, now))
    return facts


def _steps(view: View) -> Text:
    steps = Text()
    for number, label in enumerate(STEP_LABELS, start=1):
        mark, style = (
            ("●", "bold cyan") if number == view.step else ("✓", "green") if number < view.step else ("○", "dim")
        )
        steps.append(f"{mark}{label} ", style=style)
    return steps


def _report_in_row(r: ReportInView, name: Names, now: datetime) -> tuple[RenderableType, ...]:
    marks = (
        (r.no_show, "未按时报到"),
        (r.overdue, "逾期"),
        (r.late_by_s, f"迟 {span(timedelta(seconds=r.late_by_s))}"),
        (r.dispute_open, "争议"),
        (r.rework, f"返工 {r.rework}"),
    )
    waiting = r.state in {ReportInState.NOTIFIED, ReportInState.SIGNED}
    due = due_text(r.due_at, now) if waiting else Text(moment(r.due_at) if r.due_at else "—")
    return (
        Text.assemble(name(r.responder), (f" {r.responder}", "dim")),
        Text(r.role.label, style="bold" if r.role is ResponderRole.LEAD else ""),
        r.state_label,
        due,
        moment(r.arrived_at) if r.arrived_at else "—",
        Text("、".join(word for held, word in marks if held), style="bold red"),
    )


def _supervision(held: SupervisionView, name: Names) -> Text:
    cause = f"({held.phase.label})" if held.phase else ""
    answered = "已回复" if held.answered_at else "待回复"
    return Text(f"▲ 对{name(held.organisation)}{held.level_label}{cause} {answered}", style="red")

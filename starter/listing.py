"""What a terminal of a hundred columns shows of many whistles: each in two lines, its id in one piece."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from domain.vocabulary import State, SupervisionLevel
from domain.working_time import BEIJING
from storage.lists import WhistleRow
from storage.tasks import Task
from workflows.wording import some, span

Names = Callable[[str], str]

_ENDED = {State.MERGED, State.REJECTED, State.CANCELLED}
_WAITING = {State.SUSPENDED, State.RETURNED}
_LAST_HOUR = timedelta(hours=1)
_MOST_NAMED = 3


def whistles_table(rows: Iterable[WhistleRow], name: Names, now: datetime) -> Table:
    """Show a page of whistles."""
    table = _table("标题 title", "状态 state", "下一时限 next")
    for row in rows:
        whose = f"{name(row.township)} · 主责 {name(row.lead)}" if row.lead else name(row.township)
        about = Text.assemble(headed(row.kind and row.kind.label, row.title), "\n", (whose, "dim"))
        if row.overdue_responders:
            about.append(f" ▲ {some(map(name, row.overdue_responders), _MOST_NAMED)}逾期", style="red")
        state = state_text(row.state, "\n").append_text(level_text(row.supervision_level))
        table.add_row(_numbers(row), about, state, due_text(row.next_deadline, now, "\n"))
    return table


def tasks_table(tasks: Iterable[Task], name: Names, now: datetime) -> Table:
    """Show what awaits somebody, the most pressing first."""
    table = _table("事项 task", "状态 state", "时限 due")
    for task in tasks:
        what = task.phase or task.request
        whom = f"({name(task.responder)})" if task.responder else ""
        about = Text.assemble((f"{what.label if what else '督办回复'}{whom}", "bold"), "\n", task.title)
        table.add_row(_numbers(task), about, state_text(task.state, "\n"), due_text(task.due_at, now, "\n"))
    return table


def state_text(state: State, between: str = " ") -> Text:
    """Write a state with its label, coloured by how it stands."""
    colour = (
        "green" if state is State.CLOSED else "dim" if state in _ENDED else "yellow" if state in _WAITING else "cyan"
    )
    return Text(f"{state.label}{between}{state.value}", style=colour)


def level_text(level: SupervisionLevel) -> Text:
    """Write the highest open supervision, if there is one."""
    shown = "" if level is SupervisionLevel.NONE else f" ▲{level.label}"
    return Text(shown, style="red" if level.rank > 1 else "yellow")


def due_text(at: datetime | None, now: datetime, between: str = " ") -> Text:
    """Write a limit and how far it is from now, coloured by how pressing it is."""
    if at is None:
        return Text("—", style="dim")
    left = at - now
    style = "bold red" if left < timedelta() else "yellow" if left < _LAST_HOUR else ""
    return Text(f"{moment(at)}{between}{span(abs(left))}{'前' if left < timedelta() else '后'}", style=style)


def moment(at: datetime) -> str:
    """Write a time as Beijing's clocks show it, in as little room as it takes."""
    return f"{at.astimezone(BEIJING):%m-%d %H:%M:%S}"


def headed(kind: str | None, title: str) -> str:
    """Write a title with its kind before it."""
    return f"【{kind}】{title}" if kind else title


def _numbers(row: WhistleRow | Task) -> Text:
    return Text.assemble(row.whistle_id, "\n", (row.serial, "dim"))


def _table(*columns: str) -> Table:
    table = Table(header_style="dim", expand=True)
    table.add_column("哨单 whistle", no_wrap=True, overflow="fold")
    about, *others = columns
    table.add_column(about, overflow="fold", ratio=1)
    for column in others:
        table.add_column(column, no_wrap=True)
    return table

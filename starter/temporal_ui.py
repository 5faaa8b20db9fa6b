"""The Temporal UI as admins use it: the address of a whistle's page, and the views worth saving, each one query."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from string import Formatter
from typing import NamedTuple
from urllib.parse import quote, urlencode

from domain.vocabulary import State
from domain.working_time import BEIJING
from starter.start import workflow_id_of

SOON = timedelta(hours=2)
LATE = timedelta(minutes=1)
"""A strike comes at most 2 s late while a worker runs; what is a minute late stands still."""
_RUNNING = "ExecutionStatus = 'Running'"
_COMING = "WhistleState IN ('BLOWN', 'ASSEMBLING', 'IN_ACTION')"
_ITS_TURN = ", ".join(
    f"'{state}'"
    for state in (
        State.SOURCED,
        State.PROPOSED,
        State.RETURNED,
        State.SELF_HANDLED,
        State.AWAITING_CHECK,
        State.EVALUATING,
        State.FEEDBACK,
    )
)


class SavedView(NamedTuple):
    """A query under the name that its users know it by; `{township}` and the like stand for what they ask of."""

    name: str
    english: str
    query: str

    @property
    def asks(self) -> frozenset[str]:
        """What it must be told."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.query) if name)

    def of(self, asked: Mapping[str, str]) -> "SavedView":
        """Fill in what is asked of."""
        return self._replace(query=self.query.format_map(asked))

    def link(self, ui_url: str, namespace: str) -> str:
        """Give the address that opens the view, and saves it in the browser that does."""
        fields = urlencode({"query": self.query, "savedQuery": self.name})
        return f"{_workflows(ui_url, namespace)}?{fields}"


VIEWS = (
    SavedView(
        "本镇逾期",
        "overdue in a township",
        f"{_COMING} AND OverdueResponders IS NOT NULL AND Township = '{{township}}'",
    ),
    SavedView("本单位逾期", "overdue by department", f"{_COMING} AND OverdueResponders = '{{department}}'"),
    SavedView("本单位在办", "a department's part in the action", f"{_COMING} AND Responders = '{{department}}'"),
    SavedView("今日应急", "emergencies today", "WhistleKind = 'EMERGENCY' AND BlownAt >= '{today}'"),
    SavedView("待平台受理", "waiting for the platform", "WhistleState = 'BLOWN' AND WhistleChain != 'BRANCH_CALLS'"),
    SavedView(
        "待本镇办理",
        "waiting for a township",
        f"{_RUNNING} AND Township = '{{township}}' AND WhistleState IN ({_ITS_TURN})",
    ),
    SavedView(
        "两小时内到期",
        "due within two hours",
        f"{_RUNNING} AND NextDeadline >= '{{now}}' AND NextDeadline < '{{soon}}'",
    ),
    SavedView(
        "已催办督办",
        "urged or supervised",
        f"{_RUNNING} AND SupervisionLevel IN ('URGE', 'SUPERVISE', 'CIRCULATE', 'ACCOUNT')",
    ),
    SavedView("本网格", "in a grid", f"{_RUNNING} AND Grid = '{{grid}}'"),
    SavedView("挂账", "suspended", f"{_RUNNING} AND WhistleState = 'SUSPENDED'"),
    SavedView("无主责", "nobody leads", "WhistleState = 'ASSEMBLING' AND LeadDepartment IS NULL"),
    SavedView("停滞", "a limit passed and did not strike", f"{_RUNNING} AND NextDeadline < '{{passed}}'"),
    SavedView("落后于台账", "behind the store", "WorkflowId = 'whistle:{whistle_id}' AND WhistleVersion < {version}"),
)


def asked_of(now: datetime, **fields: str) -> dict[str, str]:
    """Complete what is asked of by the times that a query cannot compute by itself."""
    midnight = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = {"today": midnight, "now": now, "soon": now + SOON, "passed": now - LATE}
    return {**fields, **{name: at.astimezone(BEIJING).isoformat("T", "seconds") for name, at in moments.items()}}


def page_of(ui_url: str, namespace: str, whistle_id: str) -> str:
    """Give the address of a whistle's page."""
    return f"{_workflows(ui_url, namespace)}/{quote(workflow_id_of(whistle_id), safe=':')}"


def _workflows(ui_url: str, namespace: str) -> str:
    return f"{ui_url.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows"

"""`whistle doctor`: looks at every part and says what to do about each that is not well."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest

from domain.errors import TemporarilyUnavailableError, WhistleError
from domain.values import Frozen
from domain.working_time import BEIJING
from settings import Settings
from starter.availability import within_reach
from starter.client import WhistleClient
from starter.identity import KEYS_FILE, principals, read_keys
from starter.notice_health import notices_amiss
from starter.schedules import COMPLIANCE_SWEEP, SWEEP_EVERY, schedules_on
from starter.scheduling import show_all
from storage import compliance, inspection
from storage.catalogues import rules
from storage.outbox import pending
from storage.registrations import unstarted
from workflows.search_attributes import SEARCH_ATTRIBUTES

PATIENCE = timedelta(seconds=5)
_CALENDAR_WARNS_DAYS = 60
_CATALOGUES = {"organisations", "limits", "calendar"}
_LATE = timedelta(seconds=10)
_OUTBOX_WARNS = 1000
_LOOK_AGAIN_S = (0.0, 0.5, 1.0, 1.5)
_POLLED_WITHIN = timedelta(minutes=2)


class Health(StrEnum):
    """How a part is."""

    WELL = "well"
    WARNING = "warning"
    BROKEN = "broken"


class Finding(Frozen):
    """What was found on one part, and what to do about it."""

    part: str
    health: Health
    detail: str
    advice: str | None = None


Verdict = tuple[Health, str, str | None]
Examination = Callable[[WhistleClient, Settings], Awaitable[Verdict]]


async def examine(settings: Settings) -> list[Finding]:
    """Look at every part, in order; what depends on a part that is away says so by itself."""
    try:
        async with WhistleClient.open(settings, size=4) as client:
            return [await _finding(part, look, client, settings) for part, look in EXAMINATIONS.items()]
    except TemporarilyUnavailableError as error:
        return [Finding(part="地址 addresses", health=Health.BROKEN, detail=error.detail, advice="whistle up")]


async def _finding(part: str, look: Examination, client: WhistleClient, settings: Settings) -> Finding:
    try:
        async with within_reach(PATIENCE):
            health, detail, advice = await look(client, settings)
    except WhistleError as error:
        return Finding(part=part, health=Health.BROKEN, detail=error.detail, advice=_ADVICE_AWAY[part in _OF_TEMPORAL])
    except Exception as error:  # noqa: BLE001 - a doctor goes on to the next part, whatever ails this one
        return Finding(part=part, health=Health.BROKEN, detail=f"{type(error).__name__}: {error}")
    return Finding(part=part, health=health, detail=detail, advice=advice)


async def _postgres(client: WhistleClient, _settings: Settings) -> Verdict:
    return Health.WELL, f"PostgreSQL {await inspection.server_version(client.pool)}", None


async def _migrations(client: WhistleClient, _settings: Settings) -> Verdict:
    missing = await inspection.pending_migrations(client.pool)
    if missing:
        return Health.BROKEN, f"not applied: {', '.join(missing)}", "whistle migrate"
    return Health.WELL, "all applied", None


async def _audit(client: WhistleClient, _settings: Settings) -> Verdict:
    guard = await inspection.audit_guard(client.pool)
    if not guard.is_guarded:
        return (
            Health.BROKEN,
            "the trigger event_is_append_only is gone or disabled",
            "whistle migrate, and find out who removed it",
        )
    if guard.may_change:
        advice = "give the application a role of its own, and the owner's address in WHISTLE_DATABASE_OWNER_DSN"
        return Health.WARNING, "one DSN only: the application owns the audit table, a trigger alone guards it", advice
    return Health.WELL, "the application can only append", None


async def _catalogues(client: WhistleClient, settings: Settings) -> Verdict:
    missing = _CATALOGUES - set(await inspection.imported_catalogues(client.pool))
    if missing:
        return (
            Health.BROKEN,
            f"not loaded: {', '.join(sorted(missing))}",
            "whistle migrate, or whistle catalogue import FILE",
        )
    found = (await rules(client.pool, settings.limits)).organisations
    return Health.WELL, f"{len(found.items)} organisations, limits profile {settings.limits}", None


async def _calendar(client: WhistleClient, settings: Settings) -> Verdict:
    until = (await rules(client.pool, settings.limits)).calendar.official_until
    left = (until - datetime.now(BEIJING).date()).days
    if left < _CALENDAR_WARNS_DAYS:
        advice = "import the next year's notice of the State Council: whistle catalogue import calendar.csv"
        return (
            Health.WARNING,
            f"official until {until}, {max(left, 0)} days more; later deadlines are estimated",
            advice,
        )
    return Health.WELL, f"official until {until}", None


async def _keys(client: WhistleClient, settings: Settings) -> Verdict:
    path = settings.data_dir / KEYS_FILE
    organisations = (await rules(client.pool, settings.limits)).organisations
    missing = [p.name for p in principals(organisations) if p.name not in read_keys(settings.data_dir)]
    if missing:
        return Health.BROKEN, f"{path} lacks {len(missing)} names, among them {missing[0]}", "whistle migrate"
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Health.WARNING, f"others may read {path}", f"chmod 600 {path}"
    return Health.WELL, str(path), None


async def _temporal(client: WhistleClient, settings: Settings) -> Verdict:
    info = await client.temporal.workflow_service.get_system_info(GetSystemInfoRequest())
    return Health.WELL, f"Temporal server {info.server_version}, namespace {settings.temporal_namespace}", None


async def _search_attributes(client: WhistleClient, settings: Settings) -> Verdict:
    request = ListSearchAttributesRequest(namespace=settings.temporal_namespace)
    found = (await client.temporal.operator_service.list_search_attributes(request)).custom_attributes
    missing = [name for name in SEARCH_ATTRIBUTES if name not in found]
    if missing:
        flags = " ".join(f"--name {name} --type {SEARCH_ATTRIBUTES[name]}" for name in missing)
        return (
            Health.BROKEN,
            f"not registered: {', '.join(missing)}",
            f"temporal operator search-attribute create {flags}",
        )
    return Health.WELL, f"{len(SEARCH_ATTRIBUTES)} registered", None


async def _worker(client: WhistleClient, settings: Settings) -> Verdict:
    # A stack that has only just started has a worker that is about to poll.
    for pause in _LOOK_AGAIN_S:
        await asyncio.sleep(pause)
        polls = [await _pollers(client, settings, kind) for kind in _POLLED]
        if all(polls):
            return Health.WELL, f"task queue {settings.task_queue}: {', '.join(sorted(set().union(*polls)))}", None
    return Health.BROKEN, f"nobody polls the task queue {settings.task_queue}", "whistle worker (whistle up starts one)"


async def _pollers(client: WhistleClient, settings: Settings, kind: TaskQueueType.ValueType) -> set[str]:
    request = DescribeTaskQueueRequest(
        namespace=settings.temporal_namespace, task_queue=TaskQueue(name=settings.task_queue), task_queue_type=kind
    )
    found = (await client.temporal.workflow_service.describe_task_queue(request)).pollers
    since = datetime.now(UTC) - _POLLED_WITHIN
    return {poller.identity for poller in found if poller.last_access_time.ToDatetime(UTC) > since}


async def _starts(client: WhistleClient, _settings: Settings) -> Verdict:
    waiting = await unstarted(client.pool, timedelta(minutes=1))
    if waiting:
        advice = "register the same again, or send any command: either starts it; the worker's sweep does so by itself"
        return (
            Health.WARNING,
            f"{len(waiting)} registered whistles have no workflow, the oldest {waiting[0].whistle_id}",
            advice,
        )
    return Health.WELL, "every registered whistle has its workflow", None


async def _clocks(client: WhistleClient, _settings: Settings) -> Verdict:
    late = await inspection.clocks_late(client.pool, _LATE)
    if late:
        return (
            Health.BROKEN,
            f"{late} clocks should have struck",
            "look at the worker and its log; they strike when it is back",
        )
    return Health.WELL, "every clock struck in time", None


async def _outbox(client: WhistleClient, settings: Settings) -> Verdict:
    waiting = await pending(client.pool)
    broken, amiss = await notices_amiss(client.pool, settings)
    if broken or amiss:
        health = Health.BROKEN if broken else Health.WARNING
        return health, "; ".join([*broken, *amiss]), "docs/how-to/notices.md; whistle notices report"
    health = Health.WARNING if waiting > _OUTBOX_WARNS else Health.WELL
    return (
        health,
        f"{waiting} notices wait to be addressed",
        "look at the worker's log" if waiting > _OUTBOX_WARNS else None,
    )


async def _schedules(client: WhistleClient, settings: Settings) -> Verdict:
    shown = await show_all(client.temporal, schedules_on(settings.task_queue))
    if amiss := [one.id for one in shown if not one.exists or one.differences]:
        return Health.BROKEN, f"missing, or other than this release's: {', '.join(amiss)}", "whistle schedules apply"
    if paused := [f"{one.id} ({one.note})" for one in shown if one.paused]:
        return Health.WARNING, f"paused: {', '.join(paused)}", "whistle schedules unpause ID"
    return Health.WELL, f"{len(shown)} applied", None


async def _sweep(client: WhistleClient, _settings: Settings) -> Verdict:
    last = await compliance.last_run(client.pool)
    if last is None:
        return Health.WARNING, "no sweep has run yet", f"whistle schedules trigger {COMPLIANCE_SWEEP}"
    age = datetime.now(UTC) - last.started_at
    if age > 3 * SWEEP_EVERY or (last.finished_at is None and age > SWEEP_EVERY):
        did = "finished" if last.finished_at else "began and did not finish"
        detail = f"the last sweep {did} {age.total_seconds() / 60:.0f} minutes ago"
        return Health.BROKEN, detail, f"look at the worker; whistle schedules trigger {COMPLIANCE_SWEEP}"
    standing = await compliance.alarming(client.pool)
    if standing:
        first = f"{standing[0].kind.label} {standing[0].subject} ({standing[0].detail})"
        advice = "docs/how-to/compliance.md tells what each kind asks for"
        return Health.WARNING, f"{len(standing)} findings stand, among them {first}", advice
    return Health.WELL, "nothing amiss", None


_POLLED = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
EXAMINATIONS: dict[str, Examination] = {
    "数据库 PostgreSQL": _postgres,
    "库表 migrations": _migrations,
    "留痕 audit trail": _audit,
    "目录 catalogues": _catalogues,
    "工作日历 calendar": _calendar,
    "密钥 keys": _keys,
    "引擎 Temporal": _temporal,
    "检索字段 search attributes": _search_attributes,
    "执行者 worker": _worker,
    "启动 workflow starts": _starts,
    "时限 clocks": _clocks,
    "通知 outbox": _outbox,
    "定时任务 schedules": _schedules,
    "合规巡查 sweep": _sweep,
}
_OF_TEMPORAL = {"引擎 Temporal", "检索字段 search attributes", "执行者 worker", "定时任务 schedules"}
_ADVICE_AWAY = {
    False: "start PostgreSQL, or look at WHISTLE_DATABASE_DSN",
    True: "start Temporal, or look at TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE",
}

"""`whistle doctor`: looks at every part and says what to do about each that is not well."""

import stat
from datetime import UTC, datetime, timedelta

from domain.errors import TemporarilyUnavailableError, WhistleError
from domain.summaries import local_time
from domain.working_time import BEIJING
from settings import Settings
from starter.availability import within_reach
from starter.client import WhistleClient
from starter.engine_health import OF_TEMPORAL
from starter.findings import Examination, Finding, Health, Verdict
from starter.identity import KEYS_FILE, principals, read_keys
from starter.mappings import FOLDER as MAPPINGS_FOLDER
from starter.mappings import load_mappings
from starter.notice_health import notices_amiss
from starter.schedules import COMPLIANCE_SWEEP, SWEEP_EVERY
from storage import compliance, inspection
from storage.catalogues import rules
from storage.outbox import pending
from storage.registrations import unstarted
from storage.webhooks import Struggling, struggling, waiting_commits

PATIENCE = timedelta(seconds=5)
_CALENDAR_WARNS_DAYS = 60
_CATALOGUES = {"organisations", "limits", "calendar"}
_LATE = timedelta(seconds=10)
_OUTBOX_WARNS = 1000
_WEBHOOKS_WAIT = timedelta(minutes=1)


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
        return Finding(part=part, health=Health.BROKEN, detail=error.detail, advice=_ADVICE_AWAY[part in OF_TEMPORAL])
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


async def _webhooks(client: WhistleClient, _settings: Settings) -> Verdict:
    standing = [_told_late(one) for one in await struggling(client.pool, _WEBHOOKS_WAIT)]
    if untold := await waiting_commits(client.pool, _WEBHOOKS_WAIT):
        standing.insert(0, f"{untold} commits are not addressed yet: look at the worker's log")
    if standing:
        advice = "docs/how-to/receive-webhooks.md: the log of each attempt, and how to deliver again"
        return Health.WARNING, "; ".join(standing), advice
    return Health.WELL, "nothing waits", None


def _told_late(one: Struggling) -> str:
    since = f" since {local_time(one.since)}" if one.since else ""
    disabled = f", disabled: {one.disabled}" if one.disabled else ""
    return f"{one.id} ({one.host}) keeps {one.waiting} waiting{since}{disabled}"


async def _mappings(_client: WhistleClient, settings: Settings) -> Verdict:
    found = load_mappings(settings.data_dir)
    if found.bad:
        advice = f"docs/how-to/take-in-signed-messages.md; mend it in {settings.data_dir / MAPPINGS_FOLDER}"
        return Health.BROKEN, "; ".join(map(str, found.bad)), advice
    return Health.WELL, f"{len(found.good)} in force: {', '.join(one.name for one in found.good)}", None


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


EXAMINATIONS: dict[str, Examination] = {
    "数据库 PostgreSQL": _postgres,
    "库表 migrations": _migrations,
    "留痕 audit trail": _audit,
    "目录 catalogues": _catalogues,
    "工作日历 calendar": _calendar,
    "密钥 keys": _keys,
    "来件映射 mappings": _mappings,
    **OF_TEMPORAL,
    "启动 workflow starts": _starts,
    "时限 clocks": _clocks,
    "通知 outbox": _outbox,
    "推送 webhooks": _webhooks,
    "合规巡查 sweep": _sweep,
}
_ADVICE_AWAY = {
    False: "start PostgreSQL, or look at WHISTLE_DATABASE_DSN",
    True: "start Temporal, or look at TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE",
}

"""The sweep for real: planted faults on a running stack, found and healed by the schedule that watches them."""

import asyncio
import json
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError

from domain.compliance import FaultKind
from domain.ledger import RecordInput
from domain.registration import Registration
from domain.values import compact
from settings import Settings
from starter import scheduling
from starter.cli.app import run
from starter.client import WhistleClient
from starter.doctor import examine
from starter.embedded import embedded_stack
from starter.findings import Health
from starter.opening import Opening
from starter.preparation import WORKER, Preparation
from starter.schedules import COMPLIANCE_SWEEP, DAILY_DIGEST, SCHEDULES
from starter.start import workflow_id_of
from starter.waking import Waking
from storage import registrations
from storage.compliance import alarming, findings, last_run
from storage.ledger import record
from storage.pool import Pool, open_pool
from storage.whistles import value_of
from tests.life import actor
from tests.patience import until
from workflows.outbox import OUTBOX

pytestmark = pytest.mark.timeout(180)
WITHIN_S = 40
WELL = 12
UNDELIVERED = """
with told as (
    insert into outbox (whistle_id, sequence, kind, audience, urgent, text, delivered_at)
    values ($1, 1, 'x', 'water', false, 'x', now()) returning id, whistle_id
)
insert into notice_delivery (outbox_id, whistle_id, recipient, level, channel, urgent, due_at)
select id, whistle_id, 'water/duty', 'OFFICER', 'nowhere', false, now() - interval '1 hour' from told
"""
GIVEN_UP = "update notice_delivery set state = 'FAILED', due_at = null where channel = 'nowhere'"


class Town(NamedTuple):
    """A running stack."""

    client: WhistleClient
    owner: Pool
    settings: Settings

    async def registered(self, ago: timedelta = timedelta(minutes=10)) -> str:
        """Register a whistle some time ago and start its workflow."""
        now = datetime.now(UTC) - ago
        matter = Registration.model_validate(
            {
                "source_system": "12345",
                "external_id": uuid.uuid4().hex,
                "channel": "HOTLINE_12345",
                "received_at": now.isoformat(),
                "title": "占道经营",
                "description": "x",
                "township": "jinhaihu",
                "place": {"address": "x"},
            }
        )
        stored = await registrations.register(self.client.pool, matter, actor("source@12345"), now)
        await until(lambda: self._opened(stored.whistle_id))
        return stored.whistle_id

    async def _opened(self, whistle_id: str) -> bool:
        whistle = await value_of(self.client.pool, whistle_id)
        assert whistle is not None
        await Opening(self.client.pool, self.client.temporal).open(whistle)
        return await self.version(whistle_id) == whistle.sequence

    async def store_behind(self, whistle_id: str, name: str, ago: timedelta, **body: Any) -> None:
        """Store a clerk's command that Temporal never hears of."""
        whistle = await value_of(self.client.pool, whistle_id)
        assert whistle is not None
        argument = {**body, "actor": compact(actor("clerk@jinhaihu")), "command_id": f"clerk:{uuid.uuid4()}"}
        request = RecordInput(
            whistle_id=whistle_id,
            known_sequence=whistle.sequence,
            name=name,
            argument=argument,
            at=datetime.now(UTC) - ago,
        )
        assert (await record(self.client.pool, "default", request)).answer

    async def version(self, whistle_id: str) -> int:
        """Ask a workflow for its version; 0 where none answers."""
        handle = self.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
        try:
            view = await handle.query("view", result_type=dict[str, Any], rpc_timeout=timedelta(seconds=5))
        except (RPCError, WorkflowQueryFailedError):
            return 0
        return int(view["version"])

    async def sweep(self) -> None:
        """Let everything have stood still for a while, trigger the schedule, and wait until its run has ended."""
        await self.owner.execute(
            "update whistle set updated_at = updated_at - interval '3 minutes', "
            "started_at = started_at - interval '3 minutes'"
        )
        before = datetime.now(UTC)
        await scheduling.trigger(self.client.temporal, COMPLIANCE_SWEEP)

        async def swept() -> bool:
            ran = await last_run(self.client.pool)
            return ran is not None and ran.started_at > before and ran.finished_at is not None

        await until(swept)

    async def swept(self) -> bool:
        """Whether any sweep has run to its end."""
        ran = await last_run(self.client.pool)
        return ran is not None and ran.finished_at is not None

    async def level(self, whistle_ids: list[str]) -> bool:
        """Whether these whistles stand in Temporal as in the store."""
        for one in whistle_ids:
            whistle = await value_of(self.client.pool, one)
            if whistle is None or await self.version(one) != whistle.sequence:
                return False
        return True

    async def shown(self, whistle_ids: list[str]) -> bool:
        """Whether visibility, as a sweep pages through it, shows these whistles as they stand in the store."""
        waking = Waking(Opening(self.client.pool, self.client.temporal), self._deliver)
        versions = {one: version async for page in waking.running() for one, version in page.items()}
        stored = [await value_of(self.client.pool, one) for one in whistle_ids]
        return all(whistle and versions.get(whistle.whistle_id) == whistle.sequence for whistle in stored)

    async def _deliver(self) -> None:
        """Nothing is to be delivered here."""


def open_folder(prefix: str) -> Path:
    """Make a folder that PostgreSQL's account may enter where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    """Run one stack for all tests of this file."""
    folder = open_folder("whistle-sweep-")
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as stack:
        found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
        here = settings.model_copy(update=found)
        async with WhistleClient.open(here) as client, await open_pool(stack.database_owner_dsn, size=2) as owner:
            found_town = Town(client, owner, here)
            await until(found_town.swept)
            yield found_town
    shutil.rmtree(folder)


async def test_a_started_stack_has_its_schedules_and_has_swept(town: Town) -> None:
    """Starting applies them, and looks at once at what happened while the stack was away."""
    shown = await scheduling.show_all(town.client.temporal)
    assert [(one.exists, one.differences) for one in shown] == [(True, ())] * len(SCHEDULES)

    verdicts = {f.part: f.health for f in await examine(town.settings)}
    assert verdicts["定时任务 schedules"] is verdicts["合规巡查 sweep"] is Health.WELL


async def test_planted_faults_are_found_and_healed_and_nothing_else_is_touched(town: Town) -> None:
    """Commits that Temporal missed, one with a limit that passed; a terminated workflow; a dead outbox."""
    whistles = [await town.registered() for _ in range(WELL)]
    lagging, overdue, gone = whistles[:3]
    await town.store_behind(lagging, "append", timedelta(minutes=9), text="又来电", kind="REPEATED_CALL")
    await town.store_behind(
        overdue,
        "review",
        timedelta(minutes=9),
        decision="WHISTLE",
        kind="EMERGENCY",
        urgency="CRITICAL",
        tier="EMERGENCY_RESPONSE",
        proposed_responders=["water", "police"],
    )
    await town.client.temporal.get_workflow_handle(workflow_id_of(gone)).terminate("by accident")
    await town.client.temporal.get_workflow_handle(OUTBOX).terminate("by accident")
    await town.owner.execute(UNDELIVERED, whistles[3])
    await town.sweep()
    every = await findings(town.client.pool, resolved=True)
    # A sweep of the schedule's own may have come between a registration and its start, or after another test's gap.
    passing = {FaultKind.MISSED_RUN, FaultKind.FAILED_RUN, FaultKind.UNSTARTED}
    found = {(one.kind, one.subject) for one in every if one.kind not in passing}
    # The watch of the outbox may have been there first.
    lags = {(FaultKind.LAGGING, lagging), (FaultKind.LAGGING, overdue)}
    assert found - lags == {(FaultKind.GONE, gone), (FaultKind.UNDELIVERED, whistles[3])}
    await until(lambda: town.level(whistles))

    async def healed() -> bool:
        late = await town.client.pool.fetchval("select count(*) from clock where next_strike_at < now()")
        outbox = await town.client.temporal.get_workflow_handle(OUTBOX).describe()
        return late == 0 and outbox.status is WorkflowExecutionStatus.RUNNING

    await until(healed)
    await until(lambda: town.shown(whistles))
    await town.owner.execute(GIVEN_UP)
    await town.sweep()
    assert await findings(town.client.pool) == []


async def test_a_sweep_that_was_cut_short_is_told_to_the_administrator_by_the_next(town: Town) -> None:
    """Terminated while it waited for a table: it stays on record unfinished, and the next one raises the alert."""
    newest = "select run_id from compliance_run where started_at > $1 order by started_at desc limit 1"
    await town.registered()
    before = datetime.now(UTC)

    async def begun() -> bool:
        return bool(await town.client.pool.fetchval(newest, before))

    async with town.owner.acquire() as connection, connection.transaction():
        await connection.execute("set local idle_in_transaction_session_timeout = 0")
        await connection.execute("lock table compliance_finding in access exclusive mode")
        await scheduling.trigger(town.client.temporal, COMPLIANCE_SWEEP)
        await until(begun)
        cut = await town.client.pool.fetchval(newest, before)
        await town.client.temporal.get_workflow_handle(cut.partition("/")[0]).terminate("by accident")
    await town.sweep()
    assert (FaultKind.FAILED_RUN, cut) in {(one.kind, one.subject) for one in await alarming(town.client.pool)}
    told = await town.client.pool.fetchrow(
        "select audience, fields ->> 'text' as text from outbox where kind = 'ComplianceAlert' order by id desc limit 1"
    )
    assert told is not None
    assert (told["audience"], "巡查失败" in told["text"], cut in told["text"]) == ("admin", True, True)
    await town.sweep()
    assert await alarming(town.client.pool) == []


async def test_a_paused_schedule_and_a_silent_sweep_worry_the_doctor(town: Town) -> None:
    """Both say what to do."""
    await scheduling.pause(town.client.temporal, DAILY_DIGEST, "supervisor: 试运行")
    await town.owner.execute(
        "update compliance_run set started_at = started_at - interval '1 hour', "
        "finished_at = finished_at - interval '1 hour'"
    )
    verdicts = {f.part: f for f in await examine(town.settings)}
    assert verdicts["定时任务 schedules"].health is Health.WARNING
    assert "试运行" in verdicts["定时任务 schedules"].detail
    assert verdicts["合规巡查 sweep"].health is Health.BROKEN
    await scheduling.unpause(town.client.temporal, DAILY_DIGEST)
    await town.sweep()
    kinds = [one.kind for one in await findings(town.client.pool)]
    assert kinds == [FaultKind.MISSED_RUN]
    verdict = {f.part: f for f in await examine(town.settings)}["合规巡查 sweep"]
    assert verdict.health is Health.WARNING
    assert "巡查缺失" in verdict.detail
    await town.sweep()
    assert await findings(town.client.pool) == []


async def test_the_command_line_works_the_schedules_and_lists_supervisions(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Apply shows no difference on a started stack; a misspelt id and a number that is none are named errors."""
    monkeypatch.setenv("WHISTLE_DATA_DIR", str(town.settings.data_dir))

    async def said(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(run, words)
        captured = capsys.readouterr()
        return code, json.loads(captured.out or captured.err)

    code, applied = await said("schedules", "apply", "--json")
    assert (code, {one["outcome"] for one in applied["items"]}) == (0, {"UNCHANGED"})
    code, paused = await said("schedules", "pause", DAILY_DIGEST, "--note", "admin: 演练", "--json")
    assert (code, paused["paused"], paused["note"]) == (0, True, "admin: 演练")
    assert (await said("schedules", "unpause", DAILY_DIGEST, "--json"))[1]["paused"] is False
    assert (await said("schedules", "trigger", "no-such", "--json"))[0] == 1
    span = ("--from", "2026-11-24T10:01:00", "--to", "2026-11-24T10:04:00")
    assert (await said("schedules", "backfill", COMPLIANCE_SWEEP, *span, "--json"))[0] == 0
    whistle_id = await town.registered()
    body = {"level": "URGE", "reason": "久拖不决"}
    await town.client.do(whistle_id, "supervise", body, actor("supervisor"), "supervisor:1")
    code, listed = await said("supervisions", "--level", "urge", "--json")
    assert code == 0
    assert listed["items"][0]["document"] == "平督催〔2026〕1号"
    code, document = await said("supervisions", "平督催〔2026〕1号", "--json")
    assert (code, document["title"]) == (0, "催办单")
    assert (await said("supervisions", "第一号", "--json"))[1]["type"].endswith("invalid")
    assert (await said("supervisions", "平督催〔2026〕999号", "--json"))[1]["type"].endswith("not-found")

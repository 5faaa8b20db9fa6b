"""The everyday recipes of docs/runbook.md: start and stop, back up, rotate keys, the calendar, the audit trail."""

import asyncio
import json
from pathlib import Path

import pytest

from starter.doctor import Health, examine
from starter.identity import read_keys
from storage.keys import principal_of
from tests.chaos.story import CLERK, Act
from tests.integration.trail.tampering import tamper
from tests.integration.webhooks.receiver import Answer, Receiver
from tests.patience import until
from tests.runbook.stage import RUNBOOK, Stage, blocks

pytestmark = pytest.mark.timeout(240)
APPEND = Act(CLERK, "append", {"text": "又来电", "kind": "MORE"})
CALENDAR = """date,workday,note,source
2027-01-01,false,元旦,测试
2027-02-07,true,春节调休,测试
2027-12-31,false,测试,测试
"""


def test_every_section_that_tells_what_to_do_has_a_block():
    """A recipe without a command that runs is advice."""
    text = RUNBOOK.read_text("utf-8")
    sections = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert all(blocks(section) for section in sections if section != "Upgrade")


async def test_everything_stops_and_starts_in_its_order(stage: Stage):
    """What was registered before is served after, and what is sent meanwhile is done once."""
    whistle_id = await stage.register()
    sent = asyncio.create_task(stage.do(whistle_id, APPEND, "k"))
    said = await stage.follow("Start and stop")
    assert json.loads(said[said.index("{") :])["healthy"]
    answer = await sent
    assert await stage.do(whistle_id, APPEND, "k") == answer
    assert await stage.version(whistle_id) == answer.version


async def test_a_backup_holds_ledger_and_heads(stage: Stage):
    """The dump can be listed, and the heads agree with the ledger."""
    whistle_id = await stage.blown()
    await stage.follow("Back up")
    assert "TABLE DATA public event" in read(stage.backup / "contents.txt")
    assert whistle_id in read(stage.backup / "heads.jsonl")
    assert (await stage.run('whistle verify --against "$BACKUP/heads.jsonl"')).code == 0


async def test_a_rotated_key_and_the_one_before_are_good(stage: Stage):
    """For the hours of grace; secrets of intake and of webhooks likewise."""
    name, hook = "source@12345", "hook@12345"
    before = read_keys(stage.settings.data_dir)
    with Receiver().listening() as receiver:
        async with stage.subscription(receiver.url) as webhook:
            said = await stage.follow("Rotate keys", WEBHOOK=webhook["id"])
            await stage.register()
            await until(lambda: receiver.got)
    after = read_keys(stage.settings.data_dir)
    assert before[name] != after[name]
    assert before[hook] != after[hook]
    for key in (before[name], after[name]):
        found = await principal_of(stage.client.pool, key)
        assert found
        assert found.name == name
    rotated = json.loads(said.splitlines()[-1])["secret"]
    assert rotated != webhook["secret"]
    assert receiver.got[0].verified(rotated) == receiver.got[0].verified(webhook["secret"])


async def test_a_receiver_that_had_gone_is_told_again_once_it_is_enabled(stage: Stage):
    """It answered 410 to one message, and hears of nothing until the recipe was followed."""
    with Receiver(Answer(410), Answer()).listening() as receiver:
        async with stage.subscription(receiver.url) as webhook:
            await stage.register()
            said = await stage.follow_until("Poison message", 3, "410 Gone", WEBHOOK=webhook["id"])
            assert json.loads(said.splitlines()[-1])["disabled_reason"] is None
            deaf = len(receiver.got)
            whistle_id = await stage.register()
            await until(lambda: len(receiver.got) > deaf)
            assert receiver.got[-1].message["data"]["whistle_id"] == whistle_id


async def test_the_calendar_of_the_new_year_quiets_the_doctor(stage: Stage, tmp_path: Path):
    """Official days reach to the end of the year that was imported."""
    await asyncio.to_thread((tmp_path / "calendar.csv").write_text, CALENDAR, "utf-8")
    await stage.follow("Calendar for the new year", CALENDAR=str(tmp_path / "calendar.csv"))
    verdict = {f.part: f for f in await examine(stage.settings)}["工作日历 calendar"]
    assert (verdict.health, "2027-12-31" in verdict.detail) == (Health.WELL, True)


async def test_a_trail_that_was_changed_is_named(stage: Stage):
    """By whistle and row, in a file that stays."""
    whistle_id = await stage.blown()
    await stage.follow("Back up")
    before = await stage.owner.fetchval("select summary from event where whistle_id = $1 and sequence = 2", whistle_id)
    change = "update event set summary = $2 where whistle_id = $1 and sequence = 2"
    await tamper(stage.owner, change, whistle_id, "改过的")
    try:
        await stage.follow("The audit trail does not verify")
        found = json.loads(read(stage.backup / "verification.json"))
        flaw = next(flaw for flaw in found["flaws"] if flaw["whistle_id"] == whistle_id)
        assert (flaw["kind"], flaw["sequence"]) == ("SEAL", 2)
    finally:
        await tamper(stage.owner, change, whistle_id, before)


def read(file: Path) -> str:
    """Read a file that a recipe left."""
    return file.read_text("utf-8")

"""`whistle history`: everything that is known of one whistle, for whoever may know it, verified."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.runbook.stage import Stage

pytestmark = pytest.mark.timeout(120)
PHONE = "13800000000"


async def test_a_history_holds_what_happened_and_what_the_engine_did(stage: Stage):
    """Commands, timers and stored results by the words that admins read, in Chinese with English."""
    whistle_id = await stage.blown()
    ran = await stage.run('whistle history "$ID" --json', ID=whistle_id)
    assert ran.code == 0, ran.out
    found = answer_in(ran.out)
    assert [event["sequence"] for event in found["items"]] == list(range(1, await stage.version(whistle_id) + 1))
    assert found["verification"]["verified"] is True
    assert found["verification"]["head"] == found["items"][-1]["hash"]
    told = {(event["label"], event["type"]) for event in found["engine"]}
    assert {
        ("流程启动", "WorkflowExecutionStarted"),
        ("收到命令", "WorkflowExecutionUpdateAccepted"),
        ("计时开始", "TimerStarted"),
    } <= told
    summaries = [event["summary"] or "" for event in found["engine"]]
    assert "研判 review" in summaries
    assert any(summary.startswith("【") for summary in summaries)
    assert PHONE not in ran.out
    without = answer_in((await stage.run('whistle history "$ID" --no-engine --json', ID=whistle_id)).out)
    assert without["engine"] is None


async def test_an_export_is_one_file_that_verifies_anywhere(stage: Stage, tmp_path: Path):
    """Without a database; personal data only for who may see it, and that is noted."""
    whistle_id = await stage.emergency()
    file = tmp_path / "history.zip"
    export = 'whistle history "$ID" --out "$FILE" --json'
    assert (await stage.run(export, ID=whistle_id, FILE=str(file))).code == 0
    assert PHONE not in await asyncio.to_thread(whole, file)
    away = {"WHISTLE_DATABASE_DSN": "", "TEMPORAL_ADDRESS": "", "WHISTLE_DATA_DIR": str(tmp_path)}
    ran = await stage.run('whistle verify "$FILE" --json', FILE=str(file), **away)
    assert (ran.code, json.loads(ran.out)["verified"]) == (0, True)

    refusals = {
        "--as department@water": "role-not-allowed",
        "--as clerk@mafang": "not-found",
        "": "unauthenticated",
    }
    asked = (stage.run(f"{export} --private {who}", ID=whistle_id, FILE=str(file)) for who in refusals)
    for refused, problem in zip(await asyncio.gather(*asked), refusals.values(), strict=True):
        assert (refused.code, problem in refused.out) == (1, True), refused.out
    shown = await stage.run(f"{export} --private --as clerk@jinhaihu", ID=whistle_id, FILE=str(file))
    assert shown.code == 0, shown.out
    assert PHONE in await asyncio.to_thread(whole, file)
    views = "select count(*) from private_view where whistle_id = $1 and subject = 'clerk@jinhaihu'"
    assert await stage.client.pool.fetchval(views, whistle_id) == 3


async def test_a_history_is_told_while_temporal_is_away(stage: Stage):
    """The trail is in the ledger; what the engine did is said to be missing."""
    whistle_id = await stage.blown()
    await stage.stack.take_down("temporal")
    ran = await stage.run('whistle history "$ID" --json', ID=whistle_id)
    assert ran.code == 0
    assert "! Temporal:" in ran.out
    found = answer_in(ran.out)
    assert (found["engine"], found["verification"]["verified"]) == (None, True)


def answer_in(said: str) -> Any:
    """Find the answer, which is one line, among what else was said."""
    [line] = [line for line in said.splitlines() if line.startswith("{")]
    return json.loads(line)


def whole(file: Path) -> str:
    """Read everything that a bundle holds."""
    with zipfile.ZipFile(file) as found:
        return "\n".join(found.read(name).decode() for name in found.namelist())

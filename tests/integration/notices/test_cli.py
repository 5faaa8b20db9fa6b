"""`whistle notices …` on a real PostgreSQL, and rosters by `whistle catalogue import`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import catalogues
from domain.notice_templates import NAMES
from starter.cli.app import run
from storage.pool import Pool
from tests.conftest import Database
from tests.integration.notices.duty_office import CONTACTS, ROSTER, delivering, on_duty, settled
from tests.integration.notices.test_delivery import emergency


class Shell:
    """A command line on this test's database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a command and read what it wrote."""
        self._capsys.readouterr()
        assert await asyncio.to_thread(run, words) == code
        written = self._capsys.readouterr()
        return json.loads(written.out if code == 0 else written.err)


@pytest.fixture
def shell(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Shell:
    """Reads need no Temporal."""
    monkeypatch.setenv("WHISTLE_DATABASE_DSN", database.dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("WHISTLE_DATA_DIR", str(tmp_path))
    return Shell(capsys)


async def test_the_notices_of_a_whistle_are_shown_by_its_id_and_counted_in_the_report(pool: Pool, shell: Shell):
    """Everything that was told, and how it fared."""
    await on_duty(pool, "water,li-ming,李明,log,x,")
    async with delivering(pool):
        desk = await emergency(pool)
        await settled(pool, desk.whistle_id, "log")
    shown = await shell("notices", desk.whistle_id, "--json")
    water = next(notice for notice in shown["items"] if notice["audience"] == "water")
    assert (water["kind"], water["urgent"]) == ("ASSEMBLE", True)
    assert [(d["recipient"], d["state"]) for d in water["deliveries"]] == [("water/li-ming", "DELIVERED")]
    figures = await shell("notices", "report", "--days", "3660", "--json")
    assert figures["blown"] == 1
    assert figures["channels"][0]["channel"] == "log"
    assert (await shell("notices", "12345:none", "--json", code=1))["type"].endswith("not-found")


async def test_a_roster_is_imported_and_shows_who_is_told(pool: Pool, shell: Shell, tmp_path: Path):
    """An organisation of the file is replaced, the others stay."""
    contacts, roster = tmp_path / "contacts.csv", tmp_path / "roster.csv"
    contacts.write_text(CONTACTS + "water,a,甲,sms,13800001234,\nwater,b,乙,sms,13800005678,true\npolice,c,丙,sms,1,\n")
    roster.write_text(ROSTER + "water,daily,00:00,00:00,a,b,\n")
    assert (await shell("catalogue", "import", str(contacts), "--json"))["counts"] == {"rows": 3}
    assert (await shell("catalogue", "import", str(roster), "--json"))["changed"]
    found = await shell("notices", "duty", "water", "--json")
    assert [(one["level"], one["person"], one["channels"]) for one in found["items"]] == [
        ("OFFICER", "a", ["sms …1234"]),
        ("BACKUP", "b", ["sms …5678"]),
    ]
    contacts.write_text(CONTACTS + "water,a,甲,sms,1,\n")
    await shell("catalogue", "import", str(contacts), "--json")
    assert await pool.fetchval("select count(*) from duty_contact") == 2
    roster.write_text(ROSTER + "water,never,00:00,00:00,a,b,\n")
    refused = await shell("catalogue", "import", str(roster), "--json", code=1)
    assert refused["errors"][0]["field"] == "line 2, days"


async def test_templates_are_previewed_and_a_faulty_file_is_named_by_its_faults(shell: Shell, tmp_path: Path):
    """Before it is put into the data folder."""
    every = await shell("notices", "preview", "--json")
    assert [one["name"] for one in every["items"]] == list(NAMES)
    file = tmp_path / "mine.toml"
    file.write_text(catalogues.read("notice_templates.toml").replace("{deadline}", "{dedline}"), "utf-8")
    refused = await shell("notices", "preview", "--file", str(file), "--json", code=1)
    assert "{dedline}" in refused["errors"][0]["message"]
    assert (await shell("notices", "preview", "no-such", "--json", code=1))["type"].endswith("not-found")

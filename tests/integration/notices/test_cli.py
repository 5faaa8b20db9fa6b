"""`whistle notices …` on a real PostgreSQL, and rosters by `whistle catalogue import`."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import catalogues
from domain.notice_templates import NAMES
from settings import Settings
from starter.cli.app import run
from starter.notice_health import notices_amiss
from storage.pool import Pool
from tests.conftest import Database
from tests.integration.desk import Desk
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
        # Others of this test's process log as it comes; the answer is one line of JSON.
        (answer,) = [line for line in (written.out if code == 0 else written.err).splitlines() if line.startswith("{")]
        return json.loads(answer)


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


async def test_every_delivery_is_in_the_history_that_is_shown_and_exported(pool: Pool, shell: Shell, tmp_path: Path):
    """With the trail, and vouched for by the export's manifest."""
    await on_duty(pool, "water,li-ming,李明,log,x,")
    async with delivering(pool):
        desk = await emergency(pool)
        await settled(pool, desk.whistle_id, "log")
    shown = await shell("history", desk.whistle_id, "--no-engine", "--json")
    file = tmp_path / "history.zip"
    manifest = await shell("history", desk.whistle_id, "--no-engine", "--out", str(file), "--json")
    with zipfile.ZipFile(file) as packed:
        lines = [json.loads(line) for line in packed.read("notices.jsonl").splitlines()]
    assert shown["notices"] == lines
    assert "notices.jsonl" in manifest["files"]
    told = [(d["recipient"], d["state"]) for notice in lines for d in notice["deliveries"]]
    assert ("water/li-ming", "DELIVERED") in told
    assert len(told) == await pool.fetchval("select count(*) from notice_delivery")


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


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        (
            "contacts",
            CONTACTS + "watr,a,甲,sms,1,\nwater,a,甲,sms,1,\nnowhere,b,乙,sms,1,\n",
            [("line 2, organisation", "'watr': there is no organisation"), ("line 4, organisation", "'nowhere'")],
        ),
        ("roster", ROSTER + "watr,daily,00:00,24:00,a,,\n", [("line 2, organisation", "'watr'")]),
        (
            "roster",
            "组织,days,opens,closes,officer\nwater,daily,00:00,24:00,a\n",
            [
                ("line 1, organisation", "this column is missing"),
                ("line 1, backup", "this column is missing"),
                ("line 1, leader", "this column is missing"),
                ("line 1, 组织", "there is no such column"),
            ],
        ),
        ("roster", ROSTER + "water,daily,00:00,24:00\n", [("line 2, leader", "4 cells where the header has 7")]),
        (
            "roster",
            ROSTER + "water,daily,25:00,24:61,a,,\n",
            [
                ("line 2, closes", "form"),
            ],
        ),
        ("roster", ROSTER + 'water,daily,00:00,24:00,"a,,\n', [("line 2, organisation", "this is no CSV")]),
        ("contacts", CONTACTS + "water,a,甲,sms,,\n", [("line 2, address", "must not be empty")]),
        ("contacts", CONTACTS + "water,a,甲,sms,1,perhaps\n", [("line 2, urgent_only", "form")]),
        ("contacts", "", [("line 1, organisation", "this column is missing")]),
        ("contacts", CONTACTS, [("line 1, organisation", "no rows")]),
    ],
)
async def test_a_roster_with_rubbish_is_refused_by_line_and_column_and_changes_nothing(
    pool: Pool, shell: Shell, tmp_path: Path, name: str, text: str, faults: list[tuple[str, str]]
):
    """Each fault is named, and the sound rows beside it are not used either."""
    await on_duty(pool, "water,old,旧,sms,13800000000,", roster=("water,daily,00:00,00:00,old,,",))
    file = tmp_path / f"{name}.csv"
    file.write_text(text, "utf-8-sig")
    refused = await shell("catalogue", "import", str(file), "--json", code=1)
    found = [(one["field"], one["message"]) for one in refused["errors"]]
    assert [field for field, _ in found][: len(faults)] == [field for field, _ in faults]
    assert all(said in message for (_, said), (_, message) in zip(faults, found, strict=False))
    assert await pool.fetchval("select string_agg(person, '|') from duty_contact") == "old"
    assert await pool.fetchval("select string_agg(officer[1], '|') from duty_shift") == "old"


async def test_a_file_in_another_encoding_says_how_to_save_it(shell: Shell, tmp_path: Path):
    """What a spreadsheet in China saves unasked."""
    file = tmp_path / "contacts.csv"
    file.write_bytes((CONTACTS + "water,a,甲,sms,1,\n").encode("gbk"))
    refused = await shell("catalogue", "import", str(file), "--json", code=1)
    assert "CSV UTF-8" in refused["errors"][0]["message"]


async def test_a_source_and_the_administrators_have_contacts_though_they_are_no_organisation(
    pool: Pool, shell: Shell, tmp_path: Path
):
    """A source by its key, or by what it registered; its name is in no catalogue."""
    await Desk.registered(pool)
    key = "insert into api_key (name, key_hash, role, organisation) values ($1, 'x', 'SOURCE_SYSTEM', $2)"
    await pool.execute(key, "source@petition-office", "petition-office")
    file = tmp_path / "contacts.csv"
    file.write_text(CONTACTS + "".join(f"{c},a,甲,mail,a@b.org,\n" for c in ("12345", "petition-office", "admin")))
    assert (await shell("catalogue", "import", str(file), "--json"))["counts"] == {"rows": 3}


async def test_the_doctor_names_what_of_the_notices_needs_a_hand(pool: Pool, tmp_path: Path):
    """Faults of the files, names that lead nowhere, whom nobody can reach, what waits and what failed."""
    settings = Settings.model_construct(data_dir=tmp_path)
    assert await notices_amiss(pool, settings) == ([], [])
    await on_duty(pool, "water,a,甲,robots,K,", "watr,a,甲,faulty,K,", roster=("water,daily,00:00,00:00,b,,",))
    (tmp_path / "channels.toml").write_text("[faulty]\nkind = 'wecom-robt'")
    (tmp_path / "notice_templates.toml").write_text("[nonsense]")
    async with delivering(pool, settings.channels_file):
        desk = await emergency(pool)
        await settled(pool, desk.whistle_id, "log")
    long_ago = (
        "update notice_delivery set created_at = now() - interval '1 hour', attempts = 1 where due_at is not null"
    )
    await pool.execute(long_ago)
    broken, amiss = await notices_amiss(pool, settings)
    assert broken[0].startswith("channels.toml: [faulty]")
    assert broken[1].startswith("notice_templates.toml: ")
    assert broken[2].endswith("does not: robots")
    assert broken[3] == "the roster names organisations that there are not: watr"
    assert amiss == ["on duty without a contact: water/b", "robots keeps 1 notices waiting"]
    await pool.execute("update notice_delivery set state = 'FAILED', due_at = null where due_at is not null")
    assert (await notices_amiss(pool, settings))[1][-1] == "robots failed for good 1 times today"


async def test_templates_are_previewed_and_a_faulty_file_is_named_by_its_faults(shell: Shell, tmp_path: Path):
    """Before it is put into the data folder."""
    every = await shell("notices", "preview", "--json")
    assert [one["name"] for one in every["items"]] == list(NAMES)
    file = tmp_path / "mine.toml"
    file.write_text(catalogues.read("notice_templates.toml").replace("{deadline}", "{dedline}"), "utf-8")
    refused = await shell("notices", "preview", "--file", str(file), "--json", code=1)
    assert "{dedline}" in refused["errors"][0]["message"]
    assert (await shell("notices", "preview", "no-such", "--json", code=1))["type"].endswith("not-found")

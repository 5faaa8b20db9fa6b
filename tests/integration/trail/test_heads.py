"""Heads that were kept elsewhere show what a chain alone cannot: an end that was cut off, a trail made anew."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidError
from domain.heads import Anchor, Digest, Head
from domain.seal import NOTHING_BEFORE, seal
from domain.verification import Flaw, FlawKind
from starter.anchoring import export_heads, hold_against
from starter.cli.app import run
from storage import heads as reading
from storage.pool import Pool
from storage.verification import rows_after, verify
from tests.conftest import Database
from tests.integration.desk import Desk
from tests.integration.trail.tampering import tamper


@pytest.fixture
async def desks(pool: Pool) -> list[Desk]:
    """Three whistles, the second one far."""
    desks = [await Desk.registered(pool, external_id=name) for name in ("b", "a", "c")]
    await desks[1].blown()
    return desks


@pytest.fixture
async def kept(pool: Pool, desks: list[Desk], tmp_path: Path) -> Path:
    """The heads of all of them, kept."""
    assert desks
    return await export(pool, tmp_path / "heads.jsonl")


async def export(pool: Pool, file: Path) -> Path:
    """Export the heads into a file."""
    with file.open("w", encoding="utf-8") as opened:
        await export_heads(pool, opened.write)
    return file


async def held(pool: Pool, file: Path) -> list[Flaw]:
    """Hold the trails against a file."""
    found: list[Flaw] = []
    await hold_against(pool, file, found.append)
    return found


def lines_of(file: Path) -> list[str]:
    """Read a file's lines."""
    return file.read_text("utf-8").splitlines(keepends=True)


def without_its_first_line(file: Path) -> None:
    """Take a head away."""
    file.write_text("".join(lines_of(file)[1:]))


def anchor_alone(file: Path) -> Path:
    """Keep the last line only."""
    alone = file.with_name("anchor.jsonl")
    alone.write_text(file.read_text().splitlines()[-1])
    return alone


async def test_an_export_names_every_head_in_the_order_of_registration(
    pool: Pool, desks: list[Desk], kept: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its last line, the anchor, adds them up; pages leave none out."""
    *lines, last = lines_of(kept)
    assert [json.loads(line)[:2] for line in lines] == [[d.whistle_id, d.known] for d in desks]
    digest = Digest()
    for line in lines:
        digest.add(Head(*json.loads(line)))
    anchor = Anchor.model_validate_json(last)
    assert (anchor.whistles, anchor.digest) == (3, digest.value)
    monkeypatch.setattr(reading, "PAGE", 1)
    assert lines_of(await export(pool, kept.with_name("again")))[:-1] == lines


async def test_trails_that_only_grew_agree_with_what_was_kept(pool: Pool, desks: list[Desk], kept: Path):
    """New events and new whistles are not an old export's subject, nor its anchor's."""
    await desks[0].do("clerk@jinhaihu", "append", text="又来电", kind="MORE")
    await Desk.registered(pool, external_id="d")
    assert await held(pool, kept) == await held(pool, anchor_alone(kept)) == []


async def cut_off(owner: Pool, desk: Desk) -> None:
    """Take the last event away, and leave value, head and lists as they were before it."""
    records = await desk.records()
    earlier = Desk(desk.pool, desk.whistle_id)
    earlier.known = records[-1].sequence - 1
    await tamper(owner, "delete from event where whistle_id = $1 and sequence > $2", desk.whistle_id, earlier.known)
    await tamper(
        owner,
        "update whistle w set head = (select hash from event e where e.whistle_id = w.whistle_id and e.sequence = $2) "
        "where whistle_id = $1",
        desk.whistle_id,
        earlier.known,
    )


async def rewritten(owner: Pool, desk: Desk) -> None:
    """Write another summary into the first event, and every hash after it anew."""
    async with owner.acquire() as connection:
        rows = await rows_after(connection, desk.whistle_id, 0, desk.whistle_id)
    head = NOTHING_BEFORE
    for row in rows:
        sealed = {n: row[n] for n in ("whistle_id", "sequence", "type", "command_id", "data", "commitments")}
        actor = {n: row[f"actor_{n}"] for n in ("subject", "role", "organisation")}
        at = f"{row['at']:%Y-%m-%dT%H:%M:%S.%fZ}"
        summary = "另一回事" if row["sequence"] == 1 else row["summary"]
        head = seal(sealed | {"actor": actor, "at": at, "summary": summary}, head)
        change = "update event set summary = $3, hash = decode($4, 'hex') where whistle_id = $1 and sequence = $2"
        await tamper(owner, change, desk.whistle_id, row["sequence"], summary, head)
    await tamper(owner, "update whistle set head = decode($2, 'hex') where whistle_id = $1", desk.whistle_id, head)


async def removed(owner: Pool, desk: Desk) -> None:
    """Remove a whistle with everything that speaks of it."""
    for table in ("event", "whistle"):
        await tamper(owner, f"delete from {table} where whistle_id = $1", desk.whistle_id)


@pytest.mark.parametrize("tampering", [cut_off, rewritten, removed])
async def test_what_the_chain_cannot_show_the_kept_heads_do(
    pool: Pool, owner_pool: Pool, desks: list[Desk], kept: Path, tampering: Callable[[Pool, Desk], Awaitable[None]]
):
    """By name from the whole export, and that there is something from its last line."""
    last = desks[1].known
    await tampering(owner_pool, desks[1])
    seals = {FlawKind.SEAL, FlawKind.HEAD, FlawKind.STRAY}
    chain = [flaw.kind for page in [p async for p in verify(pool)] for one in page for flaw in one.flaws]
    assert not seals.intersection(chain)
    found = await held(pool, kept)
    assert [(f.kind, f.whistle_id, f.sequence) for f in found] == [(FlawKind.ANCHOR, desks[1].whistle_id, last)]
    assert [f.kind for f in await held(pool, anchor_alone(kept))] == [FlawKind.ANCHOR]


@pytest.mark.parametrize("text", ["", "x\n", '["a", 1, "zz"]\n', '["a", 1]\n', "{}\n", '["12345:a", 1, "00"]\n'])
async def test_a_file_that_is_no_export_is_refused_by_name(pool: Pool, tmp_path: Path, text: str):
    """Rather than found in order."""
    file = tmp_path / "heads.jsonl"
    file.write_text(text)
    with pytest.raises(InvalidError, match=r"heads\.jsonl"):
        await held(pool, file)


async def test_an_export_that_was_changed_is_refused(pool: Pool, kept: Path):
    """Its lines must be those that its anchor was made of."""
    without_its_first_line(kept)
    with pytest.raises(InvalidError, match="anchor"):
        await held(pool, kept)


async def test_the_command_line_says_it_by_words_and_by_exit_code(
    database: Database,
    owner_pool: Pool,
    desks: list[Desk],
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """0 while all is well, 1 with the first bad row named, 2 where nothing was asked."""
    monkeypatch.setenv("WHISTLE_DATABASE_DSN", database.dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    async def said(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(run, ("verify", *words))
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    code, found = await said("--all", "--against", str(kept), "--json")
    assert (code, found["verified"], found["whistles"], found["heads"]) == (0, True, 3, 3)
    assert found["events"] == sum(d.known for d in desks)
    assert (await said(desks[0].whistle_id))[0] == 0
    await tamper(owner_pool, "update event set summary = 'x' where sequence = 2")
    code, found = await said("--all", "--json")
    assert (code, found["verified"], found["flaws_found"]) == (1, False, 1)
    assert (found["flaws"][0]["whistle_id"], found["flaws"][0]["sequence"]) == (desks[1].whistle_id, 2)
    assert (await said(desks[0].whistle_id))[0] == 0
    assert (await said("12345:nowhere"))[0] == 1
    assert (await said())[0] == 2

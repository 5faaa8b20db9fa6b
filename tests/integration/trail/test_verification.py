"""Verification finds whatever the owner of the tables changes behind the trail's back, and names the first bad row."""

import re
from typing import Any

import pytest

from domain.verification import Flaw, FlawKind
from storage import verification
from storage.migrate import MIGRATIONS
from storage.pool import Pool
from storage.verification import verify
from tests.integration.desk import Desk
from tests.integration.trail.tampering import OFF, ON, tamper

FLOATS = {"lng": 117, "lat": 1e-7}
EVIDENCE = [{"url": "https://example.test/1.jpg", "kind": "BEFORE", "lng": 117.250, "lat": 40.0}]


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    """A whistle that went through all steps, with everything that is hard to write twice alike."""
    return await lived(pool, "lived")


async def lived(pool: Pool, external_id: str) -> Desk:
    """Live a whole life."""
    place = {"address": '海子村"东"\n', "lng": 117.30, "lat": 1e-7}
    desk = await Desk.registered(pool, external_id=external_id, place=place, evidence=EVIDENCE)
    await desk.do("clerk@jinhaihu", "append", text="又来电\t\u2028", kind="MORE", note="语气急", evidence=EVIDENCE)
    await desk.assembling("water", "police", "planning")
    await desk.do("department@water", "arrive", responder="water", officers=[{"name": "李明"}], location=FLOATS)
    desk.wait(days=3)
    for _ in range(8):
        await desk.strike()
    return desk


async def flaws(pool: Pool, *whistle_ids: str) -> list[Flaw]:
    """Verify these whistles, or every one, and give what is wrong."""
    found = [one async for page in verify(pool, whistle_ids or None) for one in page]
    return [flaw for one in found for flaw in one.flaws]


async def test_what_was_not_touched_verifies(pool: Pool, desk: Desk):
    """All rows, all private parts; for one whistle and for all."""
    await Desk.registered(pool, external_id="another", reporter=None)
    for asked in ((desk.whistle_id,), ()):
        assert await flaws(pool, *asked) == []
    [[found]] = [page async for page in verify(pool, [desk.whistle_id])]
    assert (found.sequence, found.withheld) == ((await desk.whistle()).sequence, 0)
    assert found.vouched == 4
    assert found.head == (await pool.fetchval("select head from whistle where whistle_id = $1", desk.whistle_id)).hex()


TAMPERED = {
    "data": ("update event set data = data || '{\"late_by_s\": 1}' where sequence = 4", FlawKind.SEAL, 4),
    "summary": ("update event set summary = summary || '。' where sequence = 2", FlawKind.SEAL, 2),
    "who": ("update event set actor_subject = 'clerk@mafang' where sequence = 2", FlawKind.SEAL, 2),
    "when": ("update event set at = at - interval '1 microsecond' where sequence = 3", FlawKind.SEAL, 3),
    "type": ("update event set type = 'NoSuchEvent' where sequence = 3", FlawKind.SEAL, 3),
    "commitments": ("update event set commitments = '{}' where sequence = 1", FlawKind.SEAL, 1),
    "a row left out": ("delete from event where sequence = 3", FlawKind.GAP, 4),
    "the first row left out": ("delete from event where sequence = 1", FlawKind.GAP, 2),
    "the last row left out": ("delete from event where sequence = 10", FlawKind.HEAD, None),
    "no hash": ("update event set hash = '' where sequence = 2", FlawKind.UNSEALED, 2),
    "private": ("update command_private set body = jsonb_build_object() where body ? 'text'", FlawKind.PRIVATE, 2),
    "the matter": ("update matter set description = '无'", FlawKind.PRIVATE, 1),
    "the reporter": ("update reporter set phone = '13900000000'", FlawKind.PRIVATE, 1),
    "a command forgotten": ("delete from command where name = 'append'", FlawKind.COMMAND, 2),
    "the value": ("update whistle set value = jsonb_set(value, '{title}', '\"x\"')", FlawKind.VALUE, None),
    "the head": ("update whistle set head = '\\x00'", FlawKind.HEAD, None),
    "a list": ("update whistle set state = 'CLOSED'", FlawKind.READ_MODEL, None),
    "a clock": ("update clock set due_at = due_at + interval '1 day'", FlawKind.READ_MODEL, None),
    "a supervision": ("delete from supervision", FlawKind.READ_MODEL, None),
    "a whistle removed": ("delete from whistle", FlawKind.STRAY, 1),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "kind", "sequence"), TAMPERED.values(), ids=TAMPERED)
async def test_tampering_is_found(
    pool: Pool, owner_pool: Pool, desk: Desk, statement: str, kind: FlawKind, sequence: int | None
):
    """The first flaw names the kind and the row."""
    assert (await desk.whistle()).sequence > 10
    last = (await desk.whistle()).sequence
    await tamper(owner_pool, statement.replace("sequence = 10", f"sequence = {last}"))
    found = await flaws(pool)
    assert found[0].kind is kind
    assert found[0].whistle_id == desk.whistle_id
    if sequence:
        assert found[0].sequence == sequence


async def test_a_rewritten_row_with_a_hash_of_its_own_breaks_the_next_one(pool: Pool, owner_pool: Pool):
    """Whoever changes a row has to change all that follow, and the head."""
    await lived(pool, "lived")
    await tamper(owner_pool, "update event set hash = sha256('x') where sequence = 3")
    assert [(f.kind, f.sequence) for f in await flaws(pool)] == [(FlawKind.SEAL, 3), (FlawKind.SEAL, 4)]


async def test_what_is_erased_or_masked_leaves_the_chain_whole(pool: Pool, owner_pool: Pool, desk: Desk):
    """The trail still vouches for everything that is left, and says how much it cannot vouch for any more."""
    await owner_pool.execute("delete from reporter")
    await owner_pool.execute("update matter set description = '***', salt = null")
    await owner_pool.execute("update command_private set body = '{\"text\": \"***\"}', salt = null where body ? 'text'")
    assert await flaws(pool) == []
    [[found]] = [page async for page in verify(pool)]
    assert (found.vouched, found.withheld) == (1, 3)
    assert desk.whistle_id == found.whistle_id


async def test_pages_are_joined_without_a_seam(pool: Pool, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch):
    """Whistles and rows of many pages, among them rows of whistles that are not there."""
    monkeypatch.setattr(verification, "WHISTLES_A_PAGE", 2)
    monkeypatch.setattr(verification, "_ROWS_A_PAGE", 3)
    desks = [await lived(pool, name) for name in ("a", "b", "c", "d", "e")]
    found = [one async for page in verify(pool) for one in page]
    assert [one.whistle_id for one in found] == [desk.whistle_id for desk in desks]
    assert [one.sequence for one in found] == [(await desk.whistle()).sequence for desk in desks]
    assert await flaws(pool) == []
    gone = [desks[1].whistle_id, desks[4].whistle_id]
    await tamper(owner_pool, "delete from whistle where whistle_id = any($1::text[])", gone)
    assert [(f.kind, f.whistle_id) for f in await flaws(pool)] == [(FlawKind.STRAY, one) for one in gone]


async def test_a_page_costs_look_ups_by_key_however_long_the_tables_are(owner_pool: Pool):
    """None of the tables beside the trail is read from its beginning."""
    async with owner_pool.acquire() as owner, owner.transaction():
        await owner.execute("set local enable_seqscan = off; set local enable_bitmapscan = off")
        plan = [row[0] for row in await owner.fetch(f"explain {verification._ROWS}", "12345:x", 5, None, 1000)]
    scans = {line.partition(" on ")[2].split()[0] for line in plan if "Index Scan" in line}
    assert scans >= {"event", "command", "command_private", "matter", "reporter"}
    assert not [line for line in plan if "Seq Scan" in line or "Merge" in line or "Hash" in line]
    assert sum("whistle_id = e.whistle_id" in line for line in plan) == 4


async def test_the_migration_seals_what_was_there_before_it(pool: Pool, owner_pool: Pool):
    """In SQL, once, by the same definition: Python finds nothing wrong with it."""
    await lived(pool, "lived")
    await Desk.registered(pool, external_id="another", reporter=None)
    before = await heads(pool)
    text = (MIGRATIONS / "0008_seal.sql").read_text("utf-8")
    up = text.partition("-- migrate:up")[2].partition("-- migrate:down")[0]
    async with owner_pool.acquire() as owner:
        undo = owner.transaction()
        await undo.start()
        await owner.execute(OFF)
        await owner.execute("alter table event drop column hash, drop column commitments")
        await owner.execute("alter table whistle drop column head")
        for table in ("command_private", "matter", "reporter"):
            await owner.execute(f"alter table {table} drop column salt")
        await owner.execute("drop index event_first")
        await owner.execute(ON)
        await owner.execute(up)
        found = [one async for page in verify(_Only(owner)) for one in page]
        await undo.rollback()
    assert [flaw for one in found for flaw in one.flaws] == []
    assert sum(one.vouched for one in found) == 5
    assert {one.whistle_id for one in found} == before.keys()
    assert all(before[one.whistle_id] != one.head for one in found), "new salts, new hashes"


async def heads(pool: Pool) -> dict[str, str]:
    """Read every head."""
    return {row["whistle_id"]: row["head"].hex() for row in await pool.fetch("select whistle_id, head from whistle")}


class _Only:
    """Gives out the one connection that sees an open transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def acquire(self) -> "_Only":
        return self

    async def __aenter__(self) -> Any:
        return _Within(self._connection)

    async def __aexit__(self, *_error: object) -> None:
        return


class _Within:
    """A connection on which a transaction runs already, so that none of its own can be begun."""

    def __init__(self, connection: Any) -> None:
        self.fetch = connection.fetch

    def transaction(self, **_how: Any) -> _Only:
        return _Only(self)


def test_the_migration_names_the_form_that_is_sealed():
    """A second form would need a migration of its own."""
    assert re.search(r"'form', 'whistle-trail/1'", (MIGRATIONS / "0008_seal.sql").read_text("utf-8"))

"""Registering: one matter of one source becomes one whistle, for ever."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import (
    IdempotencyConflictError,
    InvalidError,
    NotYourOrganisationError,
    RoleNotAllowedError,
)
from domain.vocabulary import State
from storage.events import trail
from storage.lists import WhistleFilter, list_whistles
from storage.pool import Pool
from storage.registrations import Registered, mark_started, register, unstarted
from storage.whistles import matter_of, reporter_of, value_of
from tests.integration.desk import Desk, folded, row_counts
from tests.life import TUESDAY_MORNING, actor, registration


async def test_a_registration_stores_whistle_matter_reporter_and_first_event(pool: Pool):
    """All of it in one transaction; personal data in tables of their own."""
    stored = await Desk.register(pool, evidence=[{"url": "https://example.org/1.jpg", "kind": "BEFORE"}])
    assert stored == Registered(
        whistle_id="12345:20261124000123", serial="JHH-2026-000001", title="盗采砂石", created=True, started=False
    )
    desk = Desk(pool, stored.whistle_id)
    whistle = await value_of(pool, stored.whistle_id)
    assert whistle == folded(await desk.records())
    assert whistle is not None
    assert (whistle.state, whistle.serial, whistle.sequence) == (State.SOURCED, stored.serial, 1)
    matter, reporter = await matter_of(pool, stored.whistle_id), await reporter_of(pool, stored.whistle_id)
    assert matter is not None
    assert (matter.description, matter.place.address, len(matter.evidence)) == (
        "夜间有人用挖掘机盗采砂石",
        "海子村东",
        1,
    )
    assert reporter is not None
    assert (reporter.name, reporter.confidential) == ("王女士", False)
    counts = await row_counts(pool)
    assert (counts["command"], counts["clock"]) == (1, 1)
    assert counts["outbox"] > 0


async def test_personal_data_lies_in_its_own_tables_only(pool: Pool):
    """Neither events nor values nor notices hold any of it."""
    await Desk.register(pool)
    for query in (
        "select value::text || title from whistle",
        "select data::text || summary from event",
        "select text from outbox",
    ):
        found = " ".join(str(row[0]) for row in await pool.fetch(query))
        for secret in ("王女士", "13800000000", "夜间有人", "海子村东"):
            assert secret not in found


async def test_the_same_registration_again_finds_the_first(pool: Pool):
    """Whenever it comes, and also after the whistle has moved on."""
    first = await Desk.register(pool)
    desk = Desk(pool, first.whistle_id)
    await desk.blown()
    before = await row_counts(pool)
    again = await register(pool, registration(), actor("source@12345"), TUESDAY_MORNING + timedelta(days=400))
    assert again == first.model_copy(update={"created": False})
    assert await row_counts(pool) == before


async def test_other_content_under_the_same_external_id_conflicts(pool: Pool):
    """Personal data is content too."""
    await Desk.register(pool)
    before = await row_counts(pool)
    for other in ({"title": "另一件事"}, {"reporter": None}, {"description": "说法不同"}):
        with pytest.raises(IdempotencyConflictError):
            await Desk.register(pool, **other)
    assert await row_counts(pool) == before


async def test_fifty_identical_registrations_at_once_make_one_whistle(pool: Pool):
    """One is created, all learn the same serial number."""
    outcomes = await asyncio.gather(*(Desk.register(pool) for _ in range(50)))
    assert sum(o.created for o in outcomes) == 1
    assert {o.serial for o in outcomes} == {"JHH-2026-000001"}
    assert (await row_counts(pool))["whistle"] == 1


async def test_of_fifty_differing_registrations_at_once_one_wins(pool: Pool):
    """All others conflict, and none of their content is stored."""
    calls = [Desk.register(pool, title=f"第{i}种说法") for i in range(50)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    won = [o for o in outcomes if isinstance(o, Registered)]
    assert len(won) == 1
    assert sum(isinstance(o, IdempotencyConflictError) for o in outcomes) == 49
    assert await pool.fetchval("select title from whistle") == won[0].title
    assert (await row_counts(pool))["event"] == 1


async def test_serial_numbers_count_by_township_and_year_without_gaps(pool: Pool):
    """The year is Beijing's, where it begins eight hours earlier."""

    async def serial(external_id: str, now: datetime, **fields: str) -> str:
        matter = registration(external_id=external_id, **fields)
        return (await register(pool, matter, actor("source@12345"), now)).serial

    new_year = datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert await serial("1", new_year - timedelta(seconds=1)) == "JHH-2026-000001"
    assert await serial("2", new_year) == "JHH-2027-000001"
    with pytest.raises(InvalidError):
        await serial("3", new_year, township="water")
    assert await serial("4", new_year) == "JHH-2027-000002"
    assert await serial("5", new_year, township="mafang") == "MF-2027-000001"


async def test_concurrent_registrations_of_one_township_get_numbers_without_gaps(pool: Pool):
    """A counter row is locked until its number is stored."""
    outcomes = await asyncio.gather(*(Desk.register(pool, external_id=str(i)) for i in range(30)))
    assert sorted(o.serial for o in outcomes) == [f"JHH-2026-{n:06d}" for n in range(1, 31)]


@pytest.mark.parametrize(
    ("by", "fields", "error"),
    [
        ("platform", {}, RoleNotAllowedError),
        ("source@12389", {}, NotYourOrganisationError),
        ("source@12345", {"township": "water"}, InvalidError),
        ("source@12345", {"township": "nowhere"}, InvalidError),
    ],
)
async def test_a_refused_registration_stores_nothing(
    pool: Pool, by: str, fields: dict[str, str], error: type[Exception]
):
    """No row, and no serial number either."""
    with pytest.raises(error):
        await Desk.register(pool, by=by, **fields)
    assert not any((await row_counts(pool)).values())


async def test_a_whistle_whose_start_was_not_acknowledged_is_found_again(pool: Pool):
    """A crash between the row and the workflow start is healed."""
    stored = await Desk.register(pool)
    assert await unstarted(pool, timedelta(days=9999)) == []
    waiting = await unstarted(pool, timedelta(days=-9999))
    assert [w.whistle_id for w in waiting] == [stored.whistle_id]
    await mark_started(pool, stored.whistle_id)
    await mark_started(pool, stored.whistle_id)
    assert await unstarted(pool, timedelta(days=-9999)) == []
    assert (await Desk.register(pool)).started


async def test_the_trail_of_a_registration_shows_its_matter_only_when_asked(pool: Pool):
    """The caller decides who may see it; the reporter is never in it."""
    stored = await Desk.register(pool)
    assert (await trail(pool, stored.whistle_id))[0].private is None
    private = (await trail(pool, stored.whistle_id, with_private=True))[0].private
    assert private == {"description": "夜间有人用挖掘机盗采砂石", "place": {"address": "海子村东"}, "evidence": []}


async def test_a_gateway_of_the_release_before_registers_on_the_new_schema(pool: Pool, owner_pool: Pool):
    """Until it is replaced: what it writes of a title has a place in the order of searches too."""
    desk = await Desk.registered(pool)
    title = await owner_pool.fetchrow("delete from whistle_title where whistle_id = $1 returning *", desk.whistle_id)
    assert title is not None
    before = "insert into whistle_title (whistle_id, title, serial) values ($1, $2, $3)"
    await pool.execute(before, desk.whistle_id, title["title"], title["serial"])
    found = await list_whistles(pool, WhistleFilter(q=title["title"]))
    assert [row.whistle_id for row in found.items] == [desk.whistle_id]

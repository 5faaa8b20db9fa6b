"""Lists, tasks, trails, keys, catalogues and the outbox on a real PostgreSQL."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest

import catalogues as shipped
from domain.catalogue_files import CatalogueInvalidError
from domain.errors import InvalidError
from domain.vocabulary import Phase, Role, State, WhistleKind
from storage import keys, lists, outbox
from storage.catalogues import import_catalogue, rules
from storage.events import trail
from storage.lists import WhistleFilter, list_whistles
from storage.notices import Addressed, address
from storage.pool import Pool
from storage.tasks import tasks_of
from tests.integration.desk import Desk
from tests.life import actor

EARLY = "2026-11-01T00:00:00+00:00"


def encoded(key: object) -> str:
    """Write anything as if it were a cursor."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


async def test_lists_filter_and_page_without_losing_or_repeating(pool: Pool):
    """The newest first, by a key that is unique also where times are equal."""
    ids = [(await Desk.registered(pool, external_id=str(i), title=f"第{i}件")).whistle_id for i in range(7)]
    pages: list[str] = []
    cursor = None
    while True:
        page = await list_whistles(pool, WhistleFilter(), cursor, 3)
        pages += [row.whistle_id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == sorted(ids, reverse=True)


async def test_each_filter_finds_its_whistles(pool: Pool):
    """What the columns say is what the value says."""
    plain = await Desk.registered(pool, external_id="plain", title="树木倒伏")
    called = await (await Desk.registered(pool, external_id="called")).assembling("water", "power")
    while not any(r.overdue for r in (await called.whistle()).report_ins):
        await called.strike()

    async def found(**fields: Any) -> list[str]:
        return [row.whistle_id for row in (await list_whistles(pool, WhistleFilter(**fields))).items]

    assert await found(state=State.SOURCED) == [plain.whistle_id]
    assert await found(responder="power") == [called.whistle_id]
    assert await found(kind=WhistleKind.DAILY) == [called.whistle_id]
    assert await found(overdue=True) == [called.whistle_id]
    assert await found(overdue=False) == [plain.whistle_id]
    assert await found(township="mafang") == []
    for word, whistle in (("树", plain), ("木倒", plain), ("砂石", called), ("盗采砂石", called)):
        assert await found(q=word) == [whistle.whistle_id]
    assert await found(q="砂盗") == []
    assert await found(q="%") == []
    for number in (called.whistle_id, "5:called", "alle", "CALLED", (await called.whistle()).serial.lower()):
        assert await found(q=number) == [called.whistle_id]
    assert await found(q="12345:") == [plain.whistle_id, called.whistle_id]
    assert await found(q="led") == await found(q="lled\nJHH") == []


@pytest.mark.parametrize("party", [None, "jinhaihu"])
@pytest.mark.parametrize("walked", [0, 2, 15_000])
async def test_a_search_gives_the_same_pages_however_far_it_looks_before_it_asks_the_index(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, walked: int, party: str | None
):
    """By titles alone, within one's own, and beside another filter."""
    for name in ("_TITLES_WALKED", "_OWN_TITLES_WALKED", "_ROWS_WALKED"):
        monkeypatch.setattr(lists, name, walked)
    titles = ("占道经营", "路灯不亮", "占道停车", "井盖缺失", "占道堆物")
    for number, title in enumerate(titles):
        await Desk.registered(pool, external_id=f"{number}", title=title)
    for fields in ({}, {"state": State.SOURCED}, {"township": "jinhaihu"}):
        found, cursor = list[str](), None
        for _ in titles:
            page = await list_whistles(pool, WhistleFilter(q="占道", party=party, **fields), cursor, 1)
            found += [row.title for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == ["占道堆物", "占道停车", "占道经营"]
    assert (await list_whistles(pool, WhistleFilter(q="占道", party="gas"))).items == ()


async def test_a_responder_s_whistles_are_seen_by_parties_alone(pool: Pool):
    """A list of one responder's, from the side of another."""
    both = await (await Desk.registered(pool, external_id="both")).assembling("water", "power")
    await (await Desk.registered(pool, external_id="one")).assembling("water")
    page = await list_whistles(pool, WhistleFilter(responder="water", party="power"))
    assert [row.whistle_id for row in page.items] == [both.whistle_id]
    assert len((await list_whistles(pool, WhistleFilter(responder="water", party="water"))).items) == 2


async def test_a_row_of_a_list_carries_what_the_value_says(pool: Pool):
    """Version, deadline, lead and responders."""
    desk = await (await Desk.registered(pool)).assembling()
    row = (await list_whistles(pool, WhistleFilter())).items[0]
    whistle = await desk.whistle()
    assert (row.version, row.state, row.lead) == (whistle.sequence, whistle.state, whistle.lead)
    assert row.responders == whistle.responders
    assert row.next_deadline is not None
    assert row.next_deadline > row.registered_at


async def test_a_title_amended_on_the_way_is_found(pool: Pool):
    """A resubmitted whistle is searched by its new title."""
    desk = await (await Desk.registered(pool)).blown()
    await desk.do("platform", "return_whistle", reason="INCOMPLETE")
    await desk.do("clerk@jinhaihu", "resubmit", title="夜间盗采河沙")
    assert len((await list_whistles(pool, WhistleFilter(q="河沙"))).items) == 1
    assert (await list_whistles(pool, WhistleFilter(q="砂石"))).items == ()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ÄÄ",
        *map(encoded, ([], None, 123, ["2026-11-01", "x"], ["0001-01-01T00:00+08:00", "x"], [EARLY, "\0"], [EARLY])),
    ],
)
async def test_what_is_no_cursor_is_refused(pool: Pool, cursor: str):
    """A cursor of nothing, of another list, or of no list at all."""
    with pytest.raises(InvalidError, match="cursor"):
        await list_whistles(pool, WhistleFilter(), cursor)


async def test_tasks_await_the_office_and_role_that_can_end_them(pool: Pool):
    """The earliest due first, and gone once they are done."""
    desk = await Desk.registered(pool)

    async def phases(who: str) -> list[Phase | None]:
        return [task.phase for task in (await tasks_of(pool, actor(who))).items]

    assert await phases("clerk@jinhaihu") == [Phase.REVIEW]
    assert await phases("leader@jinhaihu") == await phases("clerk@mafang") == []
    await desk.blown("water", "power")
    assert (await phases("clerk@jinhaihu"), await phases("platform")) == ([], [Phase.ACCEPT])
    await desk.do("platform", "accept", lead="water", cooperating=["power"])
    assert {Phase.SIGN, Phase.ARRIVE} <= set(await phases("department@water"))
    assert await phases("department@police") == await phases("platform") == await phases("admin") == []
    await desk.do("department@water", "sign", responder="water")
    assert Phase.SIGN not in await phases("department@water")


async def test_a_supervision_is_a_task_until_it_is_answered(pool: Pool):
    """For the organisation supervised, whichever level."""
    desk = await (await Desk.registered(pool)).assembling("water")
    await desk.do("supervisor", "supervise", level="SUPERVISE", responder="water", reason="进展太慢")
    tasks = (await tasks_of(pool, actor("department@water"))).items
    assert [t.supervision_level for t in tasks if t.phase is None] == ["SUPERVISE"]
    await desk.do("department@water", "answer_supervision", reply="今日到场")
    assert all(t.phase for t in (await tasks_of(pool, actor("department@water"))).items)


async def test_tasks_page_without_losing_or_repeating(pool: Pool):
    """Also where many are due at one moment."""
    for i in range(5):
        await (await Desk.registered(pool, external_id=str(i))).assembling("water")
    whole = (await tasks_of(pool, actor("department@water"))).items
    shown, cursor = [], None
    while True:
        page = await tasks_of(pool, actor("department@water"), cursor, 3)
        shown += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert tuple(shown) == whole
    assert len(whole) >= 10


async def test_the_trail_speaks_chinese_and_pages(pool: Pool):
    """Each event with who, when, and one line in the words of the field."""
    desk = await (await Desk.registered(pool)).assembling("water")
    whole = await trail(pool, desk.whistle_id)
    assert [e.sequence for e in whole] == list(range(1, desk.known + 1))
    assert await trail(pool, desk.whistle_id, after=2, limit=2) == whole[2:4]
    assert any("区水务局" in e.summary for e in whole)
    assert (whole[0].actor, whole[0].type) == (actor("source@12345"), "WhistleRegistered")


async def test_a_key_is_found_by_its_hash_until_it_is_revoked(pool: Pool):
    """The key itself is nowhere in the database."""
    await keys.put_key(pool, "clerk@jinhaihu", Role.TOWNSHIP_CLERK, "jinhaihu", "secret-1")
    await keys.put_key(pool, "clerk@jinhaihu", Role.TOWNSHIP_CLERK, "jinhaihu", "secret-2")
    assert await keys.principal_of(pool, "secret-1") is None
    found = await keys.principal_of(pool, "secret-2")
    assert found is not None
    assert found.actor == actor("clerk@jinhaihu")
    assert "secret" not in str(await pool.fetch("select * from api_key"))
    await keys.revoke_key(pool, "clerk@jinhaihu")
    assert await keys.principal_of(pool, "secret-2") is None


async def test_rules_come_from_the_catalogues_in_force(pool: Pool):
    """An import is seen by the next command, the same file again changes nothing."""
    before = await rules(pool, "default")
    assert before is await rules(pool, "default")
    assert before.limits.rules
    assert before.calendar.official_until.year >= 2026
    changed = shipped.read("organisations.csv").replace("金海湖镇", "金海湖新镇")
    report = await import_catalogue(pool, "organisations", changed)
    assert report.changed
    assert (await rules(pool, "default")).organisations.name_of("jinhaihu") == "金海湖新镇"
    assert (await rules(pool, "demo")).limits.profile == "demo"
    again = await import_catalogue(pool, "organisations", changed)
    assert (again.changed, again.version) == (False, report.version)


async def test_a_faulty_catalogue_changes_nothing(pool: Pool):
    """Every fault is named, and the old one stays in force."""
    before = await rules(pool, "default")
    with pytest.raises(CatalogueInvalidError):
        await import_catalogue(pool, "organisations", "code,name,type,parent,initials\n!,x,TOWNSHIP,,\n")
    assert await rules(pool, "default") is before


async def test_importing_one_profile_or_year_leaves_the_others(pool: Pool):
    """Limits go by profile, the calendar by year."""
    limits = [line for line in shipped.read("limits.csv").splitlines() if not line.startswith("demo")]
    await import_catalogue(pool, "limits", "\n".join(limits))
    assert (await rules(pool, "demo")).limits.rules
    await import_catalogue(pool, "calendar", "date,workday,note,source\n2027-01-04,false,元旦,通知\n")
    calendar = (await rules(pool, "default")).calendar
    assert {day.year for day in calendar.days} >= {2026, 2027}


async def test_a_notice_is_claimed_by_one_deliverer_at_a_time(pool: Pool):
    """Urgent ones first; what is not addressed within its lease comes again."""
    await (await Desk.registered(pool)).assembling()
    (first,) = await outbox.claim(pool, limit=1, lease=timedelta(0))
    claimed = await asyncio.gather(*(outbox.claim(pool, limit=3) for _ in range(20)))
    ids = [item.id for items in claimed for item in items]
    assert len(ids) == len(set(ids)) == await outbox.pending(pool)
    assert await outbox.claim(pool) == []
    assert [item.attempts for items in claimed for item in items if item.id == first.id] == [2]
    await address(pool, [], [Addressed(id=number) for number in ids])
    assert await outbox.pending(pool) == 0


async def test_whoever_listens_hears_of_a_new_notice(pool: Pool):
    """When it is committed, so that what is claimed next is there."""
    desk = await Desk.registered(pool)
    async with outbox.listening(pool) as heard:
        assert not heard.is_set()
        await desk.blown()
        async with asyncio.timeout(5):
            await heard.wait()
        assert await outbox.claim(pool)


async def test_whoever_listens_is_woken_when_the_connection_is_lost(pool: Pool, owner_pool: Pool):
    """Silence must never be mistaken for nothing to do."""
    async with outbox.listening(pool) as heard:
        await owner_pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where usename = 'whistle_app' and datname = current_database()"
        )
        async with asyncio.timeout(5):
            await heard.wait()

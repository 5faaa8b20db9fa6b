"""The daily digest: each organisation's own morning, once a day, through the outbox."""

from datetime import UTC, date, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.digest import DigestActivities
from domain.digest import answered_before, digest_text
from domain.working_time import WorkCalendar
from starter.calendar_seed import official_days
from storage.digests import digest_of
from storage.pool import Pool
from tests.integration.desk import Desk
from tests.life import TUESDAY_MORNING

TODAY = date(2026, 11, 24)
MIDNIGHT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
CLOCKS = """
update clock set due_at = case phase when 'ARRIVE' then $1::timestamptz when 'SIGN' then $2 else $3 end
"""


async def called(pool: Pool) -> Desk:
    """A whistle whose signature is overdue and whose arrival is due today, and nothing else."""
    desk = await Desk.registered(pool)
    await desk.assembling("water", "police")
    morning = TUESDAY_MORNING
    later = morning + timedelta(days=30)
    await pool.execute(CLOCKS, morning + timedelta(hours=3), morning - timedelta(hours=3), later)
    return desk


async def test_a_digest_tells_what_is_overdue_and_what_is_due_before_midnight(pool: Pool) -> None:
    """Of one organisation alone; what is due later is for another day."""
    desk = await called(pool)
    digest = await digest_of(pool, "water", TUESDAY_MORNING, MIDNIGHT, MIDNIGHT)
    assert (digest.overdue.count, digest.due_today.count, digest.awaiting_evaluation.count) == (1, 1, 0)
    serial = (await desk.whistle()).serial
    assert digest_text(digest, TODAY, str.upper).splitlines() == [
        "WATER 11月24日:逾期 1 件,今日到期 1 件",
        "逾期:",
        f"  {serial} 盗采砂石(WATER签收 11月24日 07:00:00)",
        "今日到期:",
        f"  {serial} 盗采砂石(WATER报到 11月24日 13:00:00)",
    ]
    assert (await digest_of(pool, "gas", TUESDAY_MORNING, MIDNIGHT, MIDNIGHT)).first is None


async def test_an_evaluation_that_is_awaited_stands_in_its_townships_digest(pool: Pool) -> None:
    """Whenever it is due."""
    desk = await Desk.registered(pool)
    await desk.assembling("water")
    officers = [{"name": "李明", "certificate_no": "京平 001"}]
    await desk.do("department@water", "arrive", responder="water", officers=officers)
    await desk.do("department@water", "report_handling", responder="water", result="RESOLVED", summary="已清运")
    await desk.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    digest = await digest_of(pool, "jinhaihu", TUESDAY_MORNING, MIDNIGHT, MIDNIGHT)
    assert digest.awaiting_evaluation.count == 1


async def test_a_source_s_own_limit_is_reminded_a_working_day_ahead_until_it_is_answered(pool: Pool) -> None:
    """来单时限, whatever clock runs: on Friday what is due by Monday night; a pause puts it off, an answer ends it."""
    friday, monday_night = date(2026, 11, 27), datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    assert answered_before(WorkCalendar.of(official_days()), friday) == monday_night
    due = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    desk = await Desk.registered(pool, source_due_at=due.isoformat())
    await Desk.registered(pool, external_id="later", source_due_at=(due + timedelta(days=1)).isoformat())

    async def owed(at: datetime) -> list[datetime]:
        digest = await digest_of(pool, "jinhaihu", TUESDAY_MORNING, MIDNIGHT, at)
        return [item.due_at for item in digest.source_due.items]

    assert await owed(monday_night - timedelta(days=1)) == []
    assert await owed(monday_night) == [due]
    digest = await digest_of(pool, "jinhaihu", TUESDAY_MORNING, MIDNIGHT, monday_night)
    serial = (await desk.whistle()).serial
    assert f"  {serial} 盗采砂石(来单时限 11月30日 17:00:00,尚未答复)" in digest_text(digest, friday, str).splitlines()
    await desk.assembling("water")
    await desk.do("platform", "suspend", reason="待批复", review_at=(desk.now + timedelta(days=30)).isoformat())
    assert await owed(monday_night) == []
    desk.now += timedelta(days=5)
    await desk.do("platform", "resume")
    assert await owed(monday_night) == []
    assert await owed(monday_night + timedelta(days=5)) == [due + timedelta(days=1), due + timedelta(days=5)]
    officers = [{"name": "李明", "certificate_no": "京平 001"}]
    await desk.do("department@water", "arrive", responder="water", officers=officers)
    await desk.do("department@water", "report_handling", responder="water", result="RESOLVED", summary="已清运")
    await desk.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    await desk.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    assert await owed(monday_night + timedelta(days=5)) == [due + timedelta(days=1)]


async def test_a_long_section_is_counted_and_only_its_first_are_named(pool: Pool) -> None:
    """A hundred overdue whistles are no message."""
    for n in range(12):
        desk = await Desk.registered(pool, external_id=f"many-{n}")
        await desk.blown("water")
    await pool.execute("update clock set due_at = $1", TUESDAY_MORNING - timedelta(hours=1))
    digest = await digest_of(pool, "platform", TUESDAY_MORNING, MIDNIGHT, MIDNIGHT)
    text = digest_text(digest, TODAY, str.upper)
    assert digest.overdue.count == 12
    assert text.endswith("……另有 2 件")
    assert text.count("JHH-") == 10


async def test_an_organisation_gets_one_digest_a_day_however_often_it_is_sent(pool: Pool) -> None:
    """A schedule that is triggered twice tells nobody twice; the next day is another."""
    await called(pool)
    activities = DigestActivities(pool, "default")
    first = await ActivityEnvironment().run(activities.send_digests, TODAY)
    again = await ActivityEnvironment().run(activities.send_digests, TODAY)
    assert first >= 2
    assert again == 0
    assert await ActivityEnvironment().run(activities.send_digests, TODAY + timedelta(days=1)) == first
    rows = await pool.fetch("select audience, template, text, fields from outbox where kind = 'DailyDigest'")
    assert len(rows) == 2 * first
    assert {row["template"] for row in rows} == {"digest"}
    assert {"water", "police"} <= {row["audience"] for row in rows}
    assert all(row["fields"]["text"].startswith(row["text"]) for row in rows)
    assert all("盗采" in row["fields"]["text"] and "盗采" not in row["text"] for row in rows)


async def test_a_day_is_a_working_day_by_the_calendar_in_force(pool: Pool) -> None:
    """National day is off, a make-up Saturday is worked."""
    activities = DigestActivities(pool, "default")
    assert not await ActivityEnvironment().run(activities.is_working_day, date(2026, 10, 1))
    assert await ActivityEnvironment().run(activities.is_working_day, date(2026, 10, 10))
    assert not await ActivityEnvironment().run(activities.is_working_day, date(2026, 11, 21))

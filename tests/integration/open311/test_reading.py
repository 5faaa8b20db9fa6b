"""Who reads what, and which requests a list finds."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.working_time import BEIJING
from storage.open311 import Noted, note
from storage.registrations import register
from tests.integration.open311.conftest import REQUESTS, Resident
from tests.life import actor, registration

ANYONE = None
PLACE = {"address": "某某胡同 3 号", "lng": 117.31, "lat": 40.18}


async def views(resident: Resident, whistle_id: str) -> list[str]:
    """List who was shown the private part of a whistle."""
    rows = await resident.pool.fetch("select subject from private_view where whistle_id = $1 order by id", whistle_id)
    return [row["subject"] for row in rows]


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (ANYONE, 404),
        ("source@12345", 200),
        ("clerk@jinhaihu", 200),
        ("grid@jinhaihu", 200),
        ("platform", 200),
        ("supervisor", 200),
        ("clerk@binhe", 404),
        ("department@water", 404),
    ],
)
async def test_what_came_in_by_another_way_is_read_only_with_a_key_that_may(
    resident: Resident, who: str | None, status: int
) -> None:
    """One by one and in lists alike."""
    whistle_id = await resident.register_elsewhere()
    assert (await resident.read(whistle_id, who)).status_code == status
    assert (whistle_id in await resident.ids(who)) is (status == 200)
    assert (whistle_id in await resident.ids(who, service_request_id=whistle_id)) is (status == 200)


async def test_what_came_in_by_another_way_is_shown_as_the_fallback_service(resident: Resident) -> None:
    """With what was told and where for whoever may read that, and a note in the audit each time."""
    whistle_id = await resident.register_elsewhere(place=PLACE)
    seen = await resident.one(whistle_id, "clerk@jinhaihu")
    assert (seen["service_code"], seen["service_name"]) == ("other", "其他诉求")
    assert (seen["description"], seen["address"]) == ("热线反映的内容", "某某胡同 3 号")
    assert await views(resident, whistle_id) == ["clerk@jinhaihu"]
    await resident.ids("platform", service_request_id=whistle_id)
    assert await views(resident, whistle_id) == ["clerk@jinhaihu", "platform"]


async def test_whoever_only_oversees_sees_that_it_is_there(resident: Resident) -> None:
    """But neither what nor where."""
    whistle_id = await resident.register_elsewhere(place=PLACE)
    seen = await resident.one(whistle_id, "supervisor")
    assert (seen["description"], seen["address"], seen["lat"]) == (None, None, None)
    assert await views(resident, whistle_id) == []


async def test_a_confidential_request_is_open_but_says_neither_what_nor_where(resident: Resident) -> None:
    """The source and the township read it in full, and that is noted."""
    posted = await resident.report(media_url="https://p.example/house.jpg", **{"attribute[confidential]": "true"})
    hidden = await resident.one(posted)
    names = ("description", "address", "lat", "long", "media_url")
    assert [hidden[name] for name in names] == [None] * 5
    assert hidden["service_name"] == "暴露垃圾"
    assert posted in await resident.ids()
    stranger = await resident.one(posted, "clerk@binhe")
    assert [stranger[name] for name in names] == [None] * 5
    in_full = await resident.one(posted, "source@12345")
    assert (in_full["description"], in_full["lat"]) == ("路边堆放建筑垃圾 <b>&", 40.180123)
    assert await views(resident, posted) == ["source@12345"]


async def test_reading_what_is_open_to_everyone_is_not_noted(resident: Resident) -> None:
    """With a key or without."""
    posted = await resident.report()
    await resident.one(posted, "clerk@jinhaihu")
    assert await views(resident, posted) == []


async def test_a_jurisdiction_narrows_the_list_and_must_fit_the_request(resident: Resident) -> None:
    """A request of another township is not found there."""
    here, there = await resident.report(), await resident.report(jurisdiction_id="binhe")
    found = await resident.ids(jurisdiction_id="binhe")
    assert there in found
    assert here not in found
    answer = await resident.http.get(f"{REQUESTS}/{here}.json", params={"jurisdiction_id": "binhe"})
    assert answer.status_code == 404


async def test_named_requests_override_every_other_argument(resident: Resident) -> None:
    """Comma delimited, what is not there left out."""
    others = {"status": "closed", "service_code": "gas", "start_date": "2001-01-01", "end_date": "2002-01-01"}
    first, second = await resident.report(), await resident.report()
    named = f"{first},12345:none,{second}"
    found = await resident.ids(service_request_id=named, jurisdiction_id="atlantis", **others)
    assert sorted(found) == sorted([first, second])


async def test_requests_are_filtered_by_service(resident: Resident) -> None:
    """One or several codes; a code that nobody knows finds nothing."""
    gas, tree = await resident.report(service_code="gas"), await resident.report(service_code="street-tree")
    assert gas in await resident.ids(service_code="gas")
    assert tree not in await resident.ids(service_code="gas")
    assert {gas, tree} <= set(await resident.ids(service_code="gas,street-tree"))
    assert await resident.ids(service_code="nobody-knows") == []


async def test_codes_of_the_catalogue_find_nothing_that_came_in_by_another_way(resident: Resident) -> None:
    """But the fallback's does."""
    whistle_id = await resident.register_elsewhere()
    assert whistle_id not in await resident.ids("platform", service_code="gas")
    assert whistle_id in await resident.ids("platform", service_code="other")


async def test_requests_are_filtered_by_the_time_they_were_made(resident: Resident) -> None:
    """Both ends belong to the range, to the second."""
    posted = await resident.report()
    made = datetime.fromisoformat((await resident.one(posted))["requested_datetime"])
    at, later = made.isoformat(), (made + timedelta(seconds=1)).isoformat()
    before = (made - timedelta(seconds=1)).isoformat()
    assert posted in await resident.ids(start_date=at, end_date=at)
    assert posted not in await resident.ids(start_date=later)
    assert posted not in await resident.ids(end_date=before)


async def test_requests_older_than_ninety_days_are_found_only_by_their_dates(resident: Resident) -> None:
    """The default range is the most recent ninety days."""
    made = datetime.now(UTC) - timedelta(days=100)
    matter = registration(external_id=uuid4().hex, received_at=made)
    noted = Noted(
        whistle_id=matter.whistle_id,
        content_hash=matter.hash,
        service_code="sand-mining",
        confidential=False,
        received_at=made,
    )
    await note(resident.pool, noted)
    await register(resident.pool, matter, actor("source@12345"), made)
    day = made.astimezone(BEIJING).date().isoformat()
    assert matter.whistle_id not in await resident.ids()
    assert matter.whistle_id in await resident.ids(start_date=day)
    assert await resident.ids(start_date=day, end_date=day) == [matter.whistle_id]


async def test_pages_follow_each_other_newest_first(resident: Resident) -> None:
    """Over both kinds of requests that a key sees."""
    made = [await resident.report(jurisdiction_id="zhenluoying") for _ in range(2)]
    made.append(await resident.register_elsewhere(township="zhenluoying"))
    made.append(await resident.report(jurisdiction_id="zhenluoying"))
    pages = [
        await resident.ids("platform", jurisdiction_id="zhenluoying", page=page, page_size=1) for page in range(1, 6)
    ]
    assert pages == [[whistle_id] for whistle_id in reversed(made)] + [[]]
    assert await resident.ids(jurisdiction_id="zhenluoying", page_size=2) == [made[3], made[1]]


@pytest.mark.parametrize("who", [ANYONE, "clerk@mafang", "platform"])
async def test_nothing_is_listed_twice_or_left_out(resident: Resident, who: str | None) -> None:
    """What is open to everyone is seen by whoever has a part in it once."""
    posted = await resident.report(jurisdiction_id="mafang", **{"attribute[external_id]": uuid4().hex})
    found = await resident.ids(who, jurisdiction_id="mafang")
    assert found.count(posted) == 1

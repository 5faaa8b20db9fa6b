"""A report becomes one whistle, once, whatever happens between the client and the store."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from starter.gateway.open311.forms import Form
from starter.gateway.open311.intake import Report
from starter.gateway.open311.reporting import _noted
from starter.gateway.open311.services import ServiceCatalogue, service_catalogue
from storage import registrations
from storage.whistles import matter_of, reporter_of, value_of
from tests.integration.open311.conftest import REQUESTS, Resident, faults, served
from tests.life import actor

SOURCE = actor("source@12345")


@pytest.fixture
def batch_of_heating(resident: Resident) -> Iterator[None]:
    """Let reports on heating be answered with tokens."""
    catalogue = service_catalogue()
    services = [s.model_copy(update={"type": "batch"} if s.code == "heating" else {}) for s in catalogue.services]
    changed = ServiceCatalogue.model_validate(catalogue.model_dump() | {"services": [s.model_dump() for s in services]})
    resident.app.dependency_overrides[service_catalogue] = lambda: changed
    yield
    del resident.app.dependency_overrides[service_catalogue]


async def interrupted(resident: Resident, external_id: str, **changes: Any) -> Any:
    """Note a report and stop, as a gateway that is killed before it registers it; gives the registration."""
    form = resident.form(**changes)
    fields = {name: value for name, value in form.items() if not name.startswith("attribute")}
    report = Report(
        Form(fields, {"external_id": (external_id,)}),
        service_catalogue().by_code["exposed-garbage"],
        service_catalogue(),
        "jinhaihu",
    )
    _, matter = await _noted(resident.app.state.context.door, report, SOURCE, external_id, datetime.now(UTC))
    return matter


async def test_a_report_is_a_whistle_like_any_other(resident: Resident) -> None:
    """Of its source, in its township, with all that was told in the store."""
    posted = await resident.report(
        last_name="王", first_name="小明", phone="13800000000", media_url="https://p.example/a.jpg"
    )
    whistle, matter = await value_of(resident.pool, posted), await matter_of(resident.pool, posted)
    assert whistle
    assert matter
    assert (whistle.source_system, whistle.township, whistle.channel) == ("12345", "jinhaihu", "APP_WECHAT")
    assert (whistle.title, whistle.kind, whistle.demand_type) == ("暴露垃圾", "DAILY", "REQUEST")
    assert (matter.description, matter.place.address) == ("路边堆放建筑垃圾 <b>&", "海子村村口")
    assert matter.place.crs == "GCJ02"
    reporter = await reporter_of(resident.pool, posted)
    assert reporter
    assert (reporter.name, reporter.phone) == ("王小明", "13800000000")
    description = await resident.app.state.context.door.temporal.get_workflow_handle(f"whistle:{posted}").describe()
    assert description.id == f"whistle:{posted}"


@pytest.mark.parametrize("way", ["external_id", "header"])
async def test_the_same_report_again_is_the_same_request(resident: Resident, way: str) -> None:
    """By the source's own number, or by an Idempotency-Key; other content under it is a conflict."""
    name = uuid4().hex
    changes: dict[str, Any] = (
        {"attribute[external_id]": name} if way == "external_id" else {"headers": {"Idempotency-Key": name}}
    )
    first, again = await resident.post(**changes), await resident.post(**changes)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    for other in ({"description": "别的"}, {"service_code": "gas"}, {"attribute[confidential]": "true"}):
        refused = await resident.post(**(changes | other))
        assert refused.status_code == 409
        assert faults(refused) == [409]
    assert (await resident.one(first.json()[0]["service_request_id"]))["description"] == "路边堆放建筑垃圾 <b>&"


async def test_the_sources_own_number_is_the_second_part_of_the_id(resident: Resident) -> None:
    """service_request_id = whistle_id."""
    assert await resident.report(**{"attribute[external_id]": "GD-2026.1_a"}) == "12345:GD-2026.1_a"


async def test_without_a_number_or_key_every_report_is_a_new_request(resident: Resident) -> None:
    """As most endpoints of the standard do."""
    assert await resident.report() != await resident.report()


async def test_fifty_reports_at_once_make_one_request(resident: Resident) -> None:
    """Exactly one of them creates it."""
    headers = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(*(resident.post(headers=headers) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.text for answer in answers}) == 1


async def test_a_gateway_killed_before_it_registered_is_healed_by_the_retry(resident: Resident) -> None:
    """The note alone is nothing that anybody can read; the retry registers what the first attempt would have."""
    name = uuid4().hex
    matter = await interrupted(resident, name)
    assert (await resident.read(f"12345:{name}")).status_code == 404
    answer = await resident.post(**{"attribute[external_id]": name})
    assert answer.status_code == 201
    stored = await value_of(resident.pool, f"12345:{name}")
    assert stored
    assert stored.received_at == matter.received_at
    assert (await resident.read(f"12345:{name}")).status_code == 200


async def test_a_gateway_killed_before_it_started_the_workflow_is_healed_by_the_retry(resident: Resident) -> None:
    """Already everyone's to read, since the row and its mark stand."""
    name = uuid4().hex
    matter = await interrupted(resident, name)
    await registrations.register(resident.pool, matter, SOURCE, datetime.now(UTC))
    assert (await resident.read(f"12345:{name}")).status_code == 200
    assert (await resident.post(**{"attribute[external_id]": name})).status_code == 200
    started = await resident.pool.fetchval("select started_at from whistle where whistle_id = $1", f"12345:{name}")
    assert started is not None


async def test_a_note_never_opens_what_came_in_by_another_way(resident: Resident) -> None:
    """Noted, then registered under the same id by the hotline: it stays closed, and a retry is a conflict."""
    name = uuid4().hex
    await interrupted(resident, name)
    elsewhere = await resident.register_elsewhere(external_id=name)
    assert (await resident.read(elsewhere)).status_code == 404
    assert elsewhere not in await resident.ids()
    assert faults(await resident.post(**{"attribute[external_id]": name})) == [409]
    assert (await resident.read(elsewhere)).status_code == 404


async def test_a_report_under_a_number_that_the_hotline_used_is_a_conflict(resident: Resident) -> None:
    """And opens nothing."""
    elsewhere = await resident.register_elsewhere()
    answer = await resident.post(**{"attribute[external_id]": elsewhere.partition(":")[2]})
    assert (answer.status_code, faults(answer)) == (409, [409])
    assert (await resident.read(elsewhere)).status_code == 404


@pytest.mark.usefixtures("batch_of_heating")
async def test_a_batch_service_answers_with_a_token_that_leads_to_the_id(resident: Resident) -> None:
    """Never with the id beside it; the same again gives the same token."""
    headers = {"Idempotency-Key": uuid4().hex}
    answer = await resident.post(service_code="heating", headers=headers)
    [accepted] = answer.json()
    assert list(accepted) == ["token", "service_notice", "account_id"]
    assert (await resident.post(service_code="heating", headers=headers)).json() == [accepted]
    found = await resident.http.get(f"/open311/v2/tokens/{accepted['token']}.json")
    [led] = found.json()
    assert list(led) == ["service_request_id", "token"]
    assert (await resident.one(led["service_request_id"]))["service_code"] == "heating"


async def test_while_temporal_is_away_the_answer_is_503_and_the_retry_tells_the_truth(resident: Resident) -> None:
    """With the time after which to come again; the same report is not made twice."""
    headers = {"Idempotency-Key": uuid4().hex}
    settings = resident.app.state.context.settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    async with served(settings) as (app, http):
        away = await resident._replace(app=app, http=http).post(headers=headers)
    assert (away.status_code, faults(away)) == (503, [503])
    assert int(away.headers["retry-after"]) >= 1
    assert (await resident.post(headers=headers)).status_code == 200


async def test_too_many_requests_come_as_the_standards_error_list(resident: Resident) -> None:
    """With the time after which to come again."""
    context = resident.app.state.context
    limiter, context.limiter = context.limiter, type(context.limiter)(1)
    try:
        answers = [await resident.http.get(f"{REQUESTS}.json") for _ in range(3)]
    finally:
        context.limiter = limiter
    over = answers[-1]
    assert over.status_code == 429
    assert faults(over) == [429]
    assert int(over.headers["retry-after"]) >= 1

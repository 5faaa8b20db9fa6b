"""Field by field against https://wiki.open311.org/GeoReport_v2, over the wire, in both formats."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.integration.open311.conftest import REQUESTS, Resident, faults, parsed

BASE = "/open311/v2"
SERVICE_FIELDS = ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
ATTRIBUTE_FIELDS = [
    "variable",
    "code",
    "datatype",
    "required",
    "datatype_description",
    "order",
    "description",
    "values",
]
REQUEST_FIELDS = [
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
]


async def both(resident: Resident, path: str, **query: Any) -> tuple[httpx.Response, httpx.Response]:
    """Ask for the same in XML and JSON."""
    xml = await resident.http.get(f"{BASE}/{path}.xml", params=query)
    return xml, await resident.http.get(f"{BASE}/{path}.json", params=query)


async def test_discovery_names_the_endpoint_and_its_formats(resident: Resident) -> None:
    """Every field of the service discovery specification, in its order, and one that leads back here."""
    xml, json = await both(resident, "discovery")
    root = parsed(xml)
    assert [root.tag, *(child.tag for child in root)] == [
        "discovery",
        "changeset",
        "contact",
        "key_service",
        "endpoints",
    ]
    assert [child.tag for child in root[3][0]] == ["specification", "url", "changeset", "type", "formats"]
    assert [f.text for f in root.iter("format")] == ["text/xml", "application/json"]
    [endpoint] = json.json()["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"http://whistle.test{BASE}"
    assert endpoint["type"] in ("production", "test")


@pytest.mark.parametrize("township", [None, "jinhaihu"])
async def test_the_services_are_listed_without_a_key(resident: Resident, township: str | None) -> None:
    """For the district, and for each township the same."""
    xml, json = await both(resident, "services", **({"jurisdiction_id": township} if township else {}))
    root = parsed(xml)
    assert root.tag == "services"
    assert {child.tag for child in root} == {"service"}
    assert [child.tag for child in root[0]] == SERVICE_FIELDS
    assert [list(service) for service in json.json()] == [SERVICE_FIELDS] * len(root)
    assert json.json()[0]["metadata"] is True
    assert root[0].findtext("metadata") == "true"


async def test_a_service_is_defined_by_its_attributes(resident: Resident) -> None:
    """The same as XML and JSON."""
    xml, json = await both(resident, "services/illegal-construction", jurisdiction_id="jinhaihu")
    root = parsed(xml)
    assert [root.tag, *(child.tag for child in root)] == ["service_definition", "service_code", "attributes"]
    attribute = root.find("attributes/attribute")
    assert attribute is not None
    assert [child.tag for child in attribute] == ATTRIBUTE_FIELDS
    assert [child.tag for child in attribute.find("values/value") or ()] == ["key", "name"]
    assert list(json.json()) == ["service_code", "attributes"]
    assert [list(a) for a in json.json()["attributes"]] == [ATTRIBUTE_FIELDS] * len(root[1])
    assert json.json()["attributes"][0]["required"] is True


async def test_a_report_is_answered_with_its_id_and_notice(resident: Resident) -> None:
    """service_request_id, service_notice, account_id; never a token beside the id."""
    answer = await resident.post(account_id="u-7")
    assert answer.status_code == 201
    [created] = answer.json()
    assert list(created) == ["service_request_id", "service_notice", "account_id"]
    assert created["service_request_id"].startswith("12345:")
    assert created["account_id"] == "u-7"
    root = parsed(await resident.post(suffix=".xml"))
    assert [root.tag, root[0].tag] == ["service_requests", "request"]
    assert [child.tag for child in root[0]] == list(created)


async def test_a_request_is_read_back_as_it_was_reported(resident: Resident) -> None:
    """By a path of its own and in a list, without a key, in both formats."""
    posted = await resident.report(media_url="https://p.example/1.jpg", phone="13812345678", last_name="王")
    xml, json = await both(resident, f"requests/{posted}")
    [found] = json.json()
    assert list(found) == REQUEST_FIELDS
    assert (found["status"], found["service_code"], found["service_name"]) == ("open", "exposed-garbage", "暴露垃圾")
    assert found["description"] == "路边堆放建筑垃圾 <b>&"
    assert (found["address"], found["lat"], found["long"]) == ("海子村村口", 40.180123, 117.310456)
    assert (found["address_id"], found["zipcode"]) == (None, None)
    assert found["media_url"] == "https://p.example/1.jpg"
    assert found["agency_responsible"] == "金海湖镇"
    root = parsed(xml)
    assert [root.tag, root[0].tag, *(child.tag for child in root[0])] == [
        "service_requests",
        "request",
        *REQUEST_FIELDS,
    ]
    assert root[0].findtext("description") == found["description"]
    assert root[0].findtext("lat") == "40.180123"
    listed = await resident.http.get(f"{REQUESTS}.json", params={"service_request_id": posted})
    assert listed.json() == [found]


async def test_every_moment_has_its_time_zone(resident: Resident) -> None:
    """In W3C format, to the second."""
    found = await resident.one(await resident.report())
    for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
        at = datetime.fromisoformat(found[name])
        assert at.utcoffset() is not None
        assert at.isoformat() == found[name]


async def test_nothing_of_the_reporter_is_ever_shown(resident: Resident) -> None:
    """To nobody, with or without a key."""
    person = {
        "first_name": "翠花",
        "last_name": "诸葛",
        "phone": "13899990000",
        "email": "zg@b.cn",
        "device_id": "dev-9",
    }
    posted = await resident.report(**person)
    for who in (None, "source@12345", "clerk@jinhaihu", "platform", "admin"):
        text = (await resident.read(posted, who)).text
        assert not [value for value in person.values() if value in text]


@pytest.mark.parametrize("path", ["services", "services/gas", "requests", "requests/12345:none", "tokens/none"])
async def test_without_a_suffix_the_answer_is_xml(resident: Resident, path: str) -> None:
    """The required format; JSON for whoever accepts nothing else."""
    plain = await resident.http.get(f"{BASE}/{path}")
    assert parsed(plain).tag in ("services", "service_definition", "service_requests", "errors")
    accepting = await resident.http.get(f"{BASE}/{path}", headers={"accept": "application/json"})
    assert accepting.headers["content-type"] == "application/json; charset=utf-8"
    assert accepting.status_code == plain.status_code


@pytest.mark.parametrize(
    ("path", "query", "codes"),
    [
        ("services", {"jurisdiction_id": "atlantis"}, [404]),
        ("services", {"jurisdiction_id": "water"}, [404]),
        ("services/none", {}, [404]),
        ("services/gas", {"jurisdiction_id": "atlantis"}, [404]),
        ("services/gas", {"api_key": "wk_not_a_key_of_ours"}, [403]),
        ("requests", {"jurisdiction_id": "atlantis"}, [404]),
        ("requests", {"status": "pending", "page": "0"}, [400, 400]),
        ("requests", {"start_date": "2026-01-01", "end_date": "2026-12-01"}, [400]),
        ("requests", {"api_key": "wk_not_a_key_of_ours"}, [403]),
        ("requests/12345:none", {}, [404]),
        ("requests/not-an-id", {}, [404]),
        ("requests/12345:none", {"jurisdiction_id": "atlantis"}, [404]),
        ("tokens/none", {}, [404]),
        ("tokens/none", {"jurisdiction_id": "atlantis"}, [404]),
        ("nothing", {}, [404]),
        ("services/gas/more", {}, [404]),
    ],
)
async def test_a_question_that_cannot_be_answered_has_the_status_of_the_specification(
    resident: Resident, path: str, query: dict[str, str], codes: list[int]
) -> None:
    """404 for what does not exist, 403 for the key, 400 for the rest, as lists in both formats."""
    xml, json = await both(resident, path, **query)
    assert json.status_code == xml.status_code == codes[0]
    assert faults(json) == codes
    root = parsed(xml)
    assert [root.tag, root[0].tag, *(child.tag for child in root[0])] == ["errors", "error", "code", "description"]


@pytest.mark.parametrize(
    ("changes", "status", "codes"),
    [
        ({"api_key": None}, 403, [403]),
        ({"api_key": "wk_not_a_key_of_ours"}, 403, [403]),
        ({"jurisdiction_id": None}, 400, [400]),
        ({"service_code": None}, 400, [400]),
        ({"jurisdiction_id": None, "service_code": None}, 400, [400, 400]),
        ({"jurisdiction_id": "atlantis"}, 404, [404]),
        ({"service_code": "none"}, 404, [404]),
        ({"jurisdiction_id": "atlantis", "service_code": "none"}, 404, [404, 404]),
        ({"lat": None, "long": None, "address_string": None}, 400, [400]),
        ({"lat": None}, 400, [400]),
        ({"address_id": "545483"}, 400, [400]),
        ({"service_code": "illegal-construction"}, 400, [400]),
        ({"attribute[stranger]": "1", "lat": "x", "media_url": "x"}, 400, [400, 400, 400]),
    ],
)
async def test_a_report_that_is_refused_says_why_and_leaves_nothing(
    resident: Resident, changes: dict[str, Any], status: int, codes: list[int]
) -> None:
    """Every fault at once."""
    before = await resident.pool.fetchval("select count(*) from open311_request")
    answer = await resident.post(**changes)
    assert answer.status_code == status
    assert sorted(faults(answer)) == sorted(codes)
    assert await resident.pool.fetchval("select count(*) from open311_request") == before


@pytest.mark.parametrize("who", ["clerk@jinhaihu", "department@water", "platform", "admin"])
async def test_only_a_source_reports(resident: Resident, who: str) -> None:
    """The api_key is a source's."""
    answer = await resident.post(api_key=resident.keys[who])
    assert answer.status_code == 403
    assert faults(answer) == [403]


async def test_a_key_may_come_in_the_query_or_as_a_bearers(resident: Resident) -> None:
    """Beside the form's field."""
    key = resident.keys["source@12345"]
    form = resident.form(api_key=None, jurisdiction_id=None)
    query = {"api_key": key, "jurisdiction_id": "jinhaihu"}
    assert (await resident.http.post(f"{REQUESTS}.json", data=form, params=query)).status_code == 201
    bearer = {"authorization": f"Bearer {key}"}
    assert (await resident.post(api_key=None, headers=bearer)).status_code == 201


@pytest.mark.parametrize(
    "path", ["requests.json", "requests", "services.xml", "requests/12345:1.json", "discovery.json"]
)
async def test_other_methods_are_refused_with_those_that_are_answered(resident: Resident, path: str) -> None:
    """In the standard's own error list."""
    answer = await resident.http.delete(f"{BASE}/{path}")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "405" in answer.text


async def test_the_openapi_document_describes_every_operation(resident: Resident) -> None:
    """With an example of a report that is in order."""
    paths = (await resident.http.get("/openapi.json")).json()["paths"]
    own = {path: operations for path, operations in paths.items() if path.startswith(BASE)}
    assert len(own) == 12
    described = own[f"{BASE}/requests.json"]
    content = described["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    [example] = [e["value"] for e in content["examples"].values()]
    answer = await resident.http.post(f"{REQUESTS}.json", data=example | {"api_key": resident.keys["source@12345"]})
    assert answer.status_code == 201
    assert {p["name"] for p in described["get"]["parameters"]} >= {"status", "start_date", "page_size", "api_key"}

"""Input that means harm is refused or kept as text, and never an error of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from starter.gateway.open311.services import service_catalogue
from tests.integration.open311.conftest import REQUESTS, Resident, faults, parsed, served

INJECTION = "]]></description><status>closed</status><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;"
HOSTILE_IDS = [
    "12345:..%2F..%2Fetc",
    "%00",
    "12345:%00",
    "a'%20or%20'1'='1",
    "12345:x%0d%0aSet-Cookie:a",
    "哨" * 50,
    "x" * 3000,
]


async def test_markup_is_kept_as_text(resident: Resident) -> None:
    """In every field that comes back."""
    posted = await resident.report(description=INJECTION, address_string=INJECTION, account_id=INJECTION)
    root = parsed(await resident.http.get(f"{REQUESTS}/{posted}.xml"))
    assert root.findtext("request/description") == INJECTION
    assert root.findtext("request/address") == INJECTION
    assert [e.text for e in root.iter("status")] == ["open"]


async def test_an_account_of_control_characters_is_refused(resident: Resident) -> None:
    """It would stand in the reporter's name."""
    assert faults(await resident.post(account_id="a\0b\x1b[2J")) == [400]


@pytest.mark.parametrize(
    "field", ["service_code", "jurisdiction_id", "api_key", "description", "lat", "media_url", "phone"]
)
@pytest.mark.parametrize("value", ["\0", "\x1b]0;x\x07", "'; drop table whistle; --", "\ud7ff\ufffe", "九" * 5000])
async def test_no_value_of_a_field_is_an_error_of_ours(resident: Resident, field: str, value: str) -> None:
    """Refused with the standard's statuses, or kept."""
    answer = await resident.post(suffix=".xml", **{field: value})
    assert answer.status_code in (201, 400, 403, 404)
    parsed(answer)


@pytest.mark.parametrize("name", HOSTILE_IDS)
@pytest.mark.parametrize("kind", ["requests", "services", "tokens"])
async def test_no_id_in_a_path_is_an_error_of_ours(resident: Resident, kind: str, name: str) -> None:
    """Not found, in XML that can be parsed."""
    answer = await resident.http.get(f"/open311/v2/{kind}/{name}.xml")
    assert answer.status_code == 404
    ET.fromstring(answer.content)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "name", ["service_request_id", "service_code", "start_date", "status", "page", "jurisdiction_id", "api_key"]
)
async def test_no_argument_is_an_error_of_ours(resident: Resident, name: str) -> None:
    """Whatever stands in the query."""
    for value in ("%00", "%ff%fe", "%27%22%3c%26", "9" * 400, "%F0%9F%98%80", ",,,", "-1"):
        answer = await resident.http.get(f"{REQUESTS}.json?{name}={value}")
        assert answer.status_code in (200, 400, 403, 404), value
        json.loads(answer.content)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded", 400),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"attribute[a%d]=1" % n for n in range(5000)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"<request/>", "text/xml", 415),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    resident: Resident, body: bytes, content_type: str, status: int
) -> None:
    """With the standard's error list."""
    answer = await resident.http.post(f"{REQUESTS}.json", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert faults(answer) == [status]


async def test_a_huge_description_is_refused(resident: Resident) -> None:
    """Beyond the 4,000 characters of the standard, whatever its size."""
    assert faults(await resident.post(description="长" * 4001)) == [400]
    assert (await resident.post(description="长" * 1_700_000)).status_code in (400, 413)


@pytest.mark.parametrize("suffix", [".json", ".xml"])
async def test_what_no_route_answers_is_an_error_list_too(resident: Resident, suffix: str) -> None:
    """Too large, too slow, or a fault of ours: the form is the standard's all the same."""

    async def never_ending() -> AsyncIterator[bytes]:
        yield b"description="
        await asyncio.Event().wait()

    def broken() -> None:
        raise RuntimeError(INJECTION)

    path = f"{REQUESTS}{suffix}"
    settings = resident.app.state.context.settings.model_copy(update={"read_within": timedelta(milliseconds=100)})
    async with served(settings) as (app, http):
        app.dependency_overrides[service_catalogue] = broken
        answers = [
            await http.post(path, content=b"a" * 1_048_577),
            await http.post(path, content=never_ending()),
            await http.post(path, content=b"a=b"),
        ]
    for answer, status in zip(answers, (413, 408, 500), strict=True):
        assert answer.status_code == status
        assert "status" not in answer.text
        found = faults(answer) if suffix == ".json" else [int(e.text or "") for e in parsed(answer).iter("code")]
        assert found == [status]


async def test_a_host_of_ones_own_choosing_stays_text(resident: Resident) -> None:
    """Discovery repeats the address that it was asked under."""
    answer = await resident.http.get("/open311/v2/discovery.xml", headers={"host": "evil.example"})
    assert parsed(answer).findtext("endpoints/endpoint/url") == "http://evil.example/open311/v2"

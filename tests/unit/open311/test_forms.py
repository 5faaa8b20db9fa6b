"""From a posted body to a registration: every field of the specification, and everything that may be wrong with one."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.registration import Registration
from starter.gateway.open311.faults import Open311Error
from starter.gateway.open311.forms import Form, read_form
from starter.gateway.open311.intake import Report, external_id_of, registration_of
from starter.gateway.open311.services import service_catalogue

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
CATALOGUE = service_catalogue()
TYPE = "application/x-www-form-urlencoded; charset=utf-8"


def form(pairs: dict[str, Any] | list[tuple[str, str]]) -> Form:
    """Encode fields as a client does, and read them."""
    return read_form(TYPE, urlencode(pairs).encode())


def matter(service: str = "exposed-garbage", **fields: str) -> Registration:
    """Make a registration of a form; `attribute_x` stands for `attribute[x]`."""
    named = {
        f"attribute[{name.removeprefix('attribute_')}]" if name.startswith("attribute_") else name: value
        for name, value in ({"address_string": "海子村村口"} | fields).items()
    }
    report = Report(form(named), CATALOGUE.by_code[service], CATALOGUE, "jinhaihu")
    own = "external_id" in report.form.answers
    return registration_of(report, "12345", external_id_of(report.form, None) if own else "42", NOW)


def refused(service: str = "exposed-garbage", **fields: str) -> list[str]:
    """Give what a form is refused for."""
    with pytest.raises(Open311Error) as caught:
        matter(service, **fields)
    assert caught.value.status == 400
    return [fault.description for fault in caught.value.faults]


def test_the_example_of_the_specification_is_read_field_by_field() -> None:
    """Its body as it stands there, line breaks aside."""
    body = (
        "api_key=xyz&jurisdiction_id=city.gov&service_code=001&lat=37.76524078&long=-122.4212043"
        "&address_string=1234+5th+street&email=smit333%40sfgov.edu&device_id=tt222111&account_id=123456"
        "&first_name=john&last_name=smith&phone=111111111&description=A+large+sinkhole+is+destroying+the+street"
        "&media_url=http%3A%2F%2Ffarm3.static.flickr.com%2F2002%2F2212426634_5ed477a060.jpg"
        "&attribute[WHISPAWN]=123456&attribute[WHISDORN]=COISL001"
    )
    found = read_form(TYPE, body.encode())
    assert found.fields["email"] == "smit333@sfgov.edu"
    assert found.fields["address_string"] == "1234 5th street"
    assert found.fields["long"] == "-122.4212043"
    assert found.answers == {"WHISPAWN": ("123456",), "WHISDORN": ("COISL001",)}


def test_several_values_of_one_attribute_are_kept_in_order() -> None:
    """attribute[code][]=value, escaped or not."""
    found = read_form(TYPE, b"attribute[a][]=1&attribute%5Ba%5D%5B%5D=2&attribute[a][]=&attribute[b]=3")
    assert found.answers == {"a": ("1", "2"), "b": ("3",)}


def test_blank_fields_were_not_given() -> None:
    """The response is the same whether a parameter is empty or not passed at all."""
    assert form({"lat": "", "long": "  ", "phone": "1"}) == Form({"phone": "1"}, {})


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        (TYPE, b"description=\xff\xfe", 400),
        (TYPE, b"description=%ff%fe", 400),
        (TYPE, b"&".join(b"a%d=1" % n for n in range(201)), 400),
        (TYPE, b"lat=1&lat=2", 400),
        (TYPE, b"attribute[a b]=1", 400),
    ],
)
def test_a_body_that_is_no_form_is_refused(content_type: str, body: bytes, status: int) -> None:
    """Other media types, other encodings, too many fields, and two values for one field."""
    with pytest.raises(Open311Error) as caught:
        read_form(content_type, body)
    assert caught.value.status == status


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Never another error."""
    try:
        read_form(TYPE, body)
    except Open311Error as refusal:
        assert refusal.status == 400  # noqa: PT017 - both ends are good


def test_a_report_becomes_a_registration_of_its_source() -> None:
    """With the service's hints for the review and nothing else decided."""
    found = matter(description="一堆\r\n两堆", lat="40.18", long="117.31", media_url="https://p.example/1.jpg")
    assert (found.whistle_id, found.township, found.channel) == ("12345:42", "jinhaihu", "APP_WECHAT")
    assert (found.title, found.description) == ("暴露垃圾", "一堆\n两堆")
    assert (found.kind, found.urgency, found.demand_type) == ("DAILY", "NORMAL", "REQUEST")
    assert (found.place.lat, found.place.lng, found.place.crs) == (40.18, 117.31, "WGS84")
    assert [(e.url, e.kind) for e in found.evidence] == [("https://p.example/1.jpg", "BEFORE")]
    assert found.reporter is None
    assert found.received_at == NOW


def test_the_title_holds_nothing_that_the_resident_wrote() -> None:
    """Titles enter Temporal histories."""
    found = matter(description="李四家", address_string="某胡同 3 号", first_name="四", phone="13800000000")
    assert found.title == "暴露垃圾"


def test_without_a_description_the_service_is_what_is_told() -> None:
    """It is optional in the standard."""
    assert matter().description == "暴露垃圾"


def test_a_place_is_degrees_or_an_address() -> None:
    """Degrees alone are written as words too."""
    found = matter(address_string="", lat="40.18", long="117.31")
    assert found.place.address == "北纬 40.18、东经 117.31(WGS84)"
    assert matter().place.lat is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"address_string": ""}, "address_string"),
        ({"lat": "40"}, "long"),
        ({"long": "117"}, "lat"),
        ({"lat": "nan", "long": "117"}, "lat"),
        ({"lat": "91", "long": "117"}, "lat"),
        ({"lat": "40", "long": "181"}, "long"),
        ({"lat": "4e9", "long": "117"}, "lat"),
        ({"lat": "1e999", "long": "117"}, "lat"),
        ({"lat": "40,5", "long": "117"}, "lat"),
        ({"address_id": "545483"}, "address_id"),
        ({"address_string": "村" * 501}, "address_string"),
        ({"address_string": "村\0口"}, "address_string"),
        ({"description": "字" * 4001}, "description"),
        ({"description": "\x1b[2J"}, "description"),
        ({"media_url": "file:///etc/passwd"}, "media_url"),
        ({"media_url": "javascript:alert(1)"}, "media_url"),
        ({"media_url": "https://a b"}, "media_url"),
        ({"media_url": "https://" + "a" * 2000}, "media_url"),
        ({"phone": "1"}, "phone"),
        ({"phone": "1" * 41}, "phone"),
        ({"email": "a" * 200}, "email"),
        ({"attribute_external_id": "a/b"}, "attribute[external_id]"),
        ({"attribute_stranger": "1"}, "attribute[stranger]"),
        ({"attribute_confidential": "maybe"}, "attribute[confidential]"),
        ({"attribute_demand_type": "WISH"}, "attribute[demand_type]"),
    ],
)
def test_what_is_wrong_is_named_by_the_field_of_the_standard(fields: dict[str, str], named: str) -> None:
    """In Chinese and English, and never a word of the field's content."""
    [description] = refused(**fields)
    assert named in description


def test_answers_are_told_in_the_description_by_their_names() -> None:
    """Whoever handles the matter reads them there."""
    pairs = [
        ("address_string", "河滩"),
        ("description", "夜里有车"),
        ("attribute[machinery][]", "excavator"),
        ("attribute[machinery][]", "truck"),
        ("attribute[plates]", "京A12345"),
        ("attribute[seen_at]", "2026-11-24T22:30:00+08:00"),
        ("attribute[demand_type]", "COMPLAINT"),
    ]
    report = Report(form(pairs), CATALOGUE.by_code["sand-mining"], CATALOGUE, "jinhaihu")
    found = registration_of(report, "12345", "42", NOW)
    lines = ["夜里有车", "【发现时间】2026-11-24T22:30:00+08:00", "【现场机械车辆】挖掘机、货车", "【车牌号】京A12345"]
    assert found.description.split("\n") == lines
    assert found.demand_type == "COMPLAINT"


@pytest.mark.parametrize(
    ("service", "fields", "named"),
    [
        ("illegal-construction", {}, "attribute[stage]"),
        ("illegal-construction", {"attribute_stage": "gone"}, "attribute[stage]"),
        ("illegal-construction", {"attribute_stage": "built", "attribute_floor_area": "大"}, "attribute[floor_area]"),
        ("illegal-construction", {"attribute_stage": "built", "attribute_floor_area": "1e9"}, "attribute[floor_area]"),
        ("sand-mining", {"attribute_seen_at": "昨天"}, "attribute[seen_at]"),
        ("sand-mining", {"attribute_plates": "京A\n京B"}, "attribute[plates]"),
        ("sand-mining", {"attribute_plates": "京" * 501}, "attribute[plates]"),
        ("sand-mining", {"attribute_machinery": "tank"}, "attribute[machinery]"),
    ],
)
def test_answers_must_be_of_their_datatype(service: str, fields: dict[str, str], named: str) -> None:
    """Required ones given, lists within their values."""
    [description] = refused(service, **fields)
    assert named in description


@pytest.mark.parametrize(
    ("fields", "name", "phone"),
    [
        ({"last_name": "王", "first_name": "小明", "phone": "13800000000"}, "王小明", "13800000000"),
        ({"last_name": "smith", "first_name": "john"}, "john smith", "未留电话"),
        ({"email": "a@b.cn"}, "未留姓名(a@b.cn)", "未留电话"),
        ({"last_name": "王", "email": "a@b.cn", "account_id": "u-1"}, "王(a@b.cn、u-1)", "未留电话"),
        ({"phone": "13800000000"}, "未留姓名", "13800000000"),
    ],
)
def test_whoever_can_be_called_back_is_the_reporter(fields: dict[str, str], name: str, phone: str) -> None:
    """All that was told of the person stays in the one place for it."""
    reporter = matter(**fields).reporter
    assert reporter
    assert (reporter.name, reporter.phone, reporter.confidential) == (name, phone, False)


def test_a_device_alone_is_nobody() -> None:
    """And is not kept."""
    found = matter(device_id="tt222111")
    assert found.reporter is None
    assert "tt222111" not in found.model_dump_json()


def test_a_confidential_report_has_a_confidential_reporter() -> None:
    """As in every other way in."""
    reporter = matter(phone="13800000000", attribute_confidential="true").reporter
    assert reporter
    assert reporter.confidential


def test_the_sources_own_number_names_the_request() -> None:
    """Before any Idempotency-Key."""
    assert external_id_of(Form({}, {"external_id": ("A-1",)}), "key") == "A-1"


def test_a_key_names_one_request_and_cannot_be_mistaken_for_a_number() -> None:
    """Without either every post is a new request."""
    nothing = Form({}, {})
    assert external_id_of(nothing, "key") == external_id_of(nothing, "key")
    assert external_id_of(nothing, "key") != external_id_of(nothing, "KEY")
    assert external_id_of(nothing, "key").startswith("o311-")
    assert external_id_of(nothing, None) != external_id_of(nothing, None)


@pytest.mark.parametrize("key", ["", "a" * 256, "a\nb", "é"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """Bounded and printable."""
    with pytest.raises(Open311Error, match="Idempotency-Key"):
        external_id_of(Form({}, {}), key)


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_is_registered_or_refused(description: str, address: str) -> None:
    """Whatever unicode holds."""
    try:
        body = f"description={quote(description, errors='replace')}&address_string={quote(address, errors='replace')}"
        report = Report(read_form(TYPE, body.encode()), CATALOGUE.by_code["other"], CATALOGUE, "jinhaihu")
        registration_of(report, "12345", "42", NOW)
    except Open311Error as refusal:
        assert refusal.status == 400  # noqa: PT017 - both ends are good

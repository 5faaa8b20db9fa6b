"""The two formats: what the specification calls XML and JSON, of any value at all."""

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.gateway.open311.documents import Document, Format, as_json, as_xml

HOSTILE = "</description><script>alert(1)</script>]]><!ENTITY x SYSTEM 'file:///etc/passwd'>&x;&amp;"


def test_a_list_is_wrapped_in_xml_and_bare_in_json() -> None:
    """Spark convention: the container names the items in XML and vanishes in JSON."""
    value = [{"code": 400, "description": "缺少"}, {"code": 404, "description": "未找到"}]
    root = ET.fromstring(as_xml("errors", value))
    assert root.tag == "errors"
    assert [child.tag for child in root] == ["error", "error"]
    assert [child.findtext("code") for child in root] == ["400", "404"]
    assert json.loads(as_json("errors", value)) == value


def test_xml_starts_with_its_declaration_and_has_no_namespace() -> None:
    """The root element must be preceded by the declaration with the encoding."""
    text = as_xml("services", [])
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<services')
    assert "xmlns" not in text


def test_what_is_missing_is_an_empty_element_and_null() -> None:
    """As the specification's examples show it."""
    value = [{"account_id": None}]
    [account] = ET.fromstring(as_xml("service_requests", value)).iter("account_id")
    assert account.text is None
    assert as_json("service_requests", value) == '[{"account_id":null}]'


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (1, "1"), (40.180123, "40.180123"), (0.000001, "0.000001")]
)
def test_plain_values_are_written_as_the_examples_write_them(value: object, text: str) -> None:
    """Booleans in lower case, degrees without an exponent."""
    assert ET.fromstring(as_xml("discovery", {"changeset": value})).findtext("changeset") == text


def test_markup_in_a_value_stays_text() -> None:
    """Nobody injects an element, an entity or the end of a section."""
    root = ET.fromstring(as_xml("service_requests", [{"description": HOSTILE}]))
    assert root.findtext("request/description") == HOSTILE
    assert len(list(root.iter())) == 3


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_every_text_gives_well_formed_xml_and_json_in_utf_8(text: str) -> None:
    """Also controls, lone surrogates and characters that XML cannot hold."""
    value = [{"description": text}]
    xml = Document("service_requests", value, Format.XML)
    ET.fromstring(xml.body)
    document = Document("service_requests", value, Format.JSON)
    assert len(json.loads(document.body)) == 1
    assert document.headers["content-type"] == "application/json; charset=utf-8"
    assert xml.headers["content-type"] == "text/xml; charset=utf-8"

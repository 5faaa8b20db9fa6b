"""The seal: RFC 8785 to the letter, one hash for one content, and the example of the specification."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seal import NOTHING_BEFORE, canonical, commitment, moment, seal

SPECIFICATION = Path(__file__).parents[2] / "docs" / "reference" / "audit-trail.md"
NUMBERS = [
    (0.0, "0"),
    (-0.0, "0"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (295147905179352825856.0, "295147905179352830000"),
    (1e21, "1e+21"),
    (9.999999999999997e22, "9.999999999999997e+22"),
    (999999999999999868928.0, "999999999999999900000"),
    (1e-6, "0.000001"),
    (1e-7, "1e-7"),
    (333333333.3333332, "333333333.3333332"),
    (117.0, "117"),
    (-117.32, "-117.32"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ROW = {
    "whistle_id": "12345:1",
    "sequence": 2,
    "type": "WhistleBlown",
    "at": "2026-11-24T02:00:00.000000Z",
    "actor": {"subject": "leader@jinhaihu", "role": "TOWNSHIP_LEADER", "organisation": "jinhaihu"},
    "command_id": "k",
    "summary": "街乡吹哨",
    "data": {},
    "commitments": {},
}


@pytest.mark.parametrize(("number", "written"), NUMBERS)
def test_numbers_are_written_as_the_standard_writes_them(number: float, written: str):
    """The samples of RFC 8785, appendix B, and a longitude."""
    assert canonical(number) == written


def test_keys_are_sorted_by_utf_16_and_text_is_escaped_no_more_than_it_must():
    """The samples of RFC 8785, section 3.2.2 and 3.2.3."""
    sample = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    assert list(json.loads(canonical(sample)).values()) == [2, 4, 6, 7, 1, 5, 3]
    assert canonical('\u20ac$\x0f\nA\'B"\\\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@given(JSON)
def test_what_is_written_reads_back_the_same_and_has_one_form(value: object):
    """Neither the order of keys nor a way through JSON changes it."""
    written = canonical(value)
    assert json.loads(written) == value
    assert canonical(json.loads(json.dumps(value, indent=1))) == written


@pytest.mark.parametrize("name", ROW)
def test_every_field_of_a_row_is_sealed(name: str):
    """A change of any of them gives another hash."""
    assert seal(ROW | {name: "other"}, NOTHING_BEFORE) != seal(ROW, NOTHING_BEFORE)


def test_the_row_before_is_sealed_too():
    """So that none can be left out or put between."""
    assert seal(ROW, "00") != seal(ROW, NOTHING_BEFORE)


def test_a_time_is_written_in_one_way():
    """Whatever its zone and however round."""
    at = datetime(2026, 11, 24, 10, 0, tzinfo=timezone(timedelta(hours=8)))
    assert moment(at) == moment(at.astimezone(UTC)) == "2026-11-24T02:00:00.000000Z"


def test_without_its_salt_a_commitment_says_nothing():
    """The same fields are committed to differently each time."""
    assert commitment("a", {"text": "同意"}) != commitment("b", {"text": "同意"})


def test_the_example_of_the_specification_is_true():
    """Both of its rows, and the commitment of the first."""
    text = SPECIFICATION.read_text("utf-8")
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    private, *rows = blocks
    head = NOTHING_BEFORE
    assert commitment(private["salt"], private["fields"]) == rows[0]["commitments"]["matter"]
    for row in rows:
        head = seal(row, head)
        assert f"`{head}`" in text

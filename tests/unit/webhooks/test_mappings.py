"""Mappings: checked whole when they are loaded, and in the source's own words when they are applied."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidError
from domain.mapped import fits, registration_of
from domain.mappings import MappingInvalidError, mapping_of
from domain.registration import Registration
from starter.mappings import SHIPPED, MappingShelf, load_mappings, read_mapping
from tests.life import rules

DOCUMENT = {"id": 7, "at": 1795483865000, "t": "题", "d": "述", "town": "jinhaihu", "a": {"list": ["处", "二"]}}


def content(**fields: Any) -> dict[str, Any]:
    """A small mapping that works, with anything in it changed; None takes a field away."""
    small = {
        "external_id": {"from": "id"},
        "channel": {"value": "OTHER"},
        "received_at": {"from": "at", "dates": "unix_ms"},
        "title": {"from": "t"},
        "description": {"from": "d"},
        "township": {"from": "town", "organisation": True},
        "place.address": {"from": "a.list.0"},
    }
    changed = {name: rule for name, rule in (small | fields).items() if rule is not None}
    return {"name": "small", "source_systems": ["app"], "fields": changed}


def applied(document: dict[str, Any], **fields: Any) -> Registration:
    """A document as that mapping reads it."""
    return registration_of(mapping_of("small", content(**fields)), document, "app", rules().organisations)


def faults(document: dict[str, Any], **fields: Any) -> dict[str, str]:
    """What that mapping finds wrong with a document."""
    with pytest.raises(InvalidError) as refused:
        applied(document, **fields)
    return {error["field"]: error["message"] for error in refused.value.errors}


def test_paths_go_through_objects_and_lists_and_numbers_become_text():
    """A time in milliseconds is one of UTC."""
    registration = applied(DOCUMENT)
    assert (registration.whistle_id, registration.place.address) == ("app:7", "处")
    assert registration.received_at == datetime(2026, 11, 24, 1, 31, 5, tzinfo=UTC)


def test_of_several_paths_the_first_that_holds_something_counts():
    """An empty text holds nothing."""
    registration = applied(DOCUMENT | {"short": " ", "long": "长"}, title={"from": ["short", "long", "t"]})
    assert registration.title == "长"


def test_a_line_without_anything_to_say_is_left_out():
    """The others are put under each other."""
    registration = applied(DOCUMENT, description={"lines": ["起因:{d}", "经过:{none}", "{t}/{none}"]})
    assert registration.description == "起因:述\n题/"


def test_parts_cuts_and_tables():
    """Coordinates in one text, long titles, codes."""
    registration = applied(
        DOCUMENT | {"xy": "117.3, 40.1", "t": "长" * 300, "u": 3},
        **{
            "title": {"from": "t", "cut": 200},
            "place.lng": {"from": "xy", "part": 0},
            "place.lat": {"from": "xy", "part": 1},
            "urgency": {"from": "u", "table": {"3": "CRITICAL"}},
        },
    )
    assert (len(registration.title), registration.urgency) == (200, "CRITICAL")
    assert (registration.place.lng, registration.place.lat) == (117.3, 40.1)


def test_a_time_without_a_zone_is_one_of_the_mappings_zone():
    """Beijing's unless the mapping says otherwise; the first form that fits counts."""
    forms = ["%Y/%m/%d %H:%M", "iso"]
    local = applied(DOCUMENT | {"at": "2026/11/24 10:00"}, received_at={"from": "at", "dates": forms})
    offset = applied(DOCUMENT | {"at": "2026-11-24T03:00:00+01:00"}, received_at={"from": "at", "dates": forms})
    assert local.received_at == offset.received_at == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_name_of_an_organisation_becomes_its_code():
    """So a mapping needs no list of the townships."""
    assert applied(DOCUMENT | {"town": "金海湖镇"}).township == "jinhaihu"
    assert "no organisation" in faults(DOCUMENT | {"town": "某镇"})["town"]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"id": None}, "id", "missing"),
        ({"id": "a/b"}, "id", "external_id"),
        ({"at": "x"}, "at", "no time"),
        ({"at": 10**30}, "at", "no time"),
        ({"t": []}, "t", "a text or number"),
        ({"t": "\x00"}, "t", "control characters"),
        ({"a": 1}, "a.list.0", "missing"),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_source(change: dict[str, Any], field: str, said: str):
    """By the path where it stands, with our name for it beside."""
    assert said in faults(DOCUMENT | change)[field]


def test_a_title_of_several_lines_becomes_one():
    """What an operator typed into a field of several lines is no fault of the source."""
    assert applied(DOCUMENT | {"t": "占道\r\n经营"}).title == "占道 经营"


def test_every_fault_is_told_at_once():
    """Nobody repairs a message one field at a time."""
    assert set(faults(DOCUMENT | {"at": "x", "town": "某镇"})) == {"at", "town"}


def test_a_mapping_may_ask_which_messages_it_is_for():
    """By values at paths."""
    mapping = mapping_of("small", content() | {"when": {"kind.code": ["1", "2"]}})
    assert fits(mapping, {"kind": {"code": 2}})
    assert not fits(mapping, {"kind": {"code": 3}})
    assert not fits(mapping, {})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": None}, "fields.title: it is needed"),
        ({"titel": {"from": "t"}}, "fields.titel: there is no such field"),
        ({"title": {"from": "t", "value": "x"}}, "fields.title: give one of"),
        ({"title": {}}, "fields.title: give one of"),
        ({"title": {"form": "t"}}, "fields.title.form"),
        ({"channel": {"value": "HOTLINE"}}, "fields.channel: 'HOTLINE' does not fit"),
        ({"urgency": {"from": "u", "table": {"1": "NORMAL", "2": "FAST"}}}, "fields.urgency: 'FAST' does not fit"),
        ({"title": {"from": "t", "otherwise": "x"}}, "belong to a table"),
        ({"received_at": {"from": "at", "dates": "YYYY-MM-DD"}}, "'YYYY-MM-DD' is no form of a time"),
        ({"place.lng": {"value": 200.0}}, "fields.place.lng: 200.0 does not fit"),
        ({"source_system": {"value": "12345"}}, "fields.source_system: there is no such field"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_when_it_is_loaded(fields: dict[str, Any], said: str):
    """With the field and the reason, not with the first message."""
    with pytest.raises(MappingInvalidError, match=r"^small\.toml: ") as refused:
        mapping_of("small.toml", content(**fields))
    assert any(said in problem for problem in refused.value.problems), refused.value.problems


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "the file"),
        ({"name": "x"}, "source_systems"),
        (content() | {"time_zone": "Mars/Olympus"}, "time_zone: it is no time zone"),
        (content() | {"evidence": {"from": "x", "fields": {"uri": {"from": "."}}}}, "evidence.fields.uri"),
    ],
)
def test_a_file_of_another_shape_is_refused(given: object, said: str):
    """Whatever it holds."""
    with pytest.raises(MappingInvalidError) as refused:
        mapping_of("x", given)
    assert said in str(refused.value)


def test_the_shipped_mappings_are_good():
    """One for a work order of the hotline, one for a grid event."""
    loaded = load_mappings(Path("/nowhere"))
    assert loaded.bad == ()
    assert {source for one in loaded.good for source in one.source_systems} == {"12345", "grid"}
    assert all(read_mapping(file) for file in SHIPPED.glob("*.toml"))


def test_a_file_of_the_data_folder_takes_the_place_of_the_shipped_one(tmp_path: Path):
    """One that is broken is left out and named; the others stay."""
    folder = tmp_path / "mappings"
    folder.mkdir()
    own = content() | {"source_systems": ["12345"]}
    (folder / "12345-work-order.json").write_text(json.dumps(own), "utf-8")
    (folder / "broken.toml").write_text("x = [", "utf-8")
    (folder / "notes.md").write_text("x", "utf-8")
    loaded = load_mappings(tmp_path)
    assert {one.name for one in loaded.good if "12345" in one.source_systems} == {"small"}
    assert [error.name for error in loaded.bad] == ["broken.toml"]
    with pytest.raises(MappingInvalidError, match="a mapping is a"):
        read_mapping(folder / "notes.md")


def test_a_mapping_that_is_put_there_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a restart."""
    monkeypatch.setattr("starter.mappings._LOOKS_EVERY_S", 0.0)
    shelf = MappingShelf(tmp_path)
    assert shelf.current().of("app", DOCUMENT) is None
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "app.json").write_text(json.dumps(content()), "utf-8")
    assert shelf.current().of("app", DOCUMENT) is not None

"""What the command line makes of `--field value`, before the command's own model looks at it."""

import pytest

from domain.commands import COMMANDS
from domain.errors import InvalidError
from domain.registration import Registration
from domain.submission import parse
from starter.cli.fields import UnreadableFieldsError, read_fields

ACTOR = {"subject": "someone", "role": "DEPARTMENT", "organisation": "water"}


def fields(command: str, *words: str) -> dict[str, object]:
    """Read words for one command."""
    return read_fields(words, COMMANDS[command])


def test_kebab_and_snake_names_are_the_same_field() -> None:
    """A name is written as shells or as Python write it."""
    assert (
        fields("accept", "--change-reason", "换") == fields("accept", "--change_reason=换") == {"change_reason": "换"}
    )


def test_a_list_is_given_by_commas_or_by_repetition_or_as_json() -> None:
    """Every way to write a list gives the same list, Chinese commas too."""
    expected = {"cooperating": ["water", "police"]}
    assert fields("accept", "--cooperating", "water,police") == expected
    assert fields("accept", "--cooperating", "water、police") == expected
    assert fields("accept", "--cooperating", "water", "--cooperating", "police") == expected
    assert fields("accept", "--cooperating", '["water", "police"]') == expected


def test_an_empty_list_can_be_written() -> None:
    """Nothing between the commas is no item."""
    assert fields("accept", "--cooperating", "") == {"cooperating": []}


def test_structured_fields_are_json() -> None:
    """Lists of objects and single objects come as JSON."""
    assert fields("arrive", "--officers", '[{"name": "李明"}]') == {"officers": [{"name": "李明"}]}
    assert fields("arrive", "--officers", '{"name": "李明"}') == {"officers": [{"name": "李明"}]}
    assert fields("evaluate", "--scores", '{"cooperation": 90, "result": 80}') == {
        "scores": {"cooperation": 90, "result": 80}
    }


def test_a_bare_word_fills_the_one_needed_field_of_an_object() -> None:
    """An officer needs a name alone, so names alone are enough."""
    assert fields("arrive", "--officers", "李明,王强") == {"officers": [{"name": "李明"}, {"name": "王强"}]}


def test_dotted_names_fill_an_object() -> None:
    """Each part of an object may be given by itself, and added to a whole one."""
    location = fields("arrive", "--location.lng", "117.1", "--location.lat", "40.1")
    assert location == {"location": {"lng": "117.1", "lat": "40.1"}}
    place = read_fields(["--place", "将军关村", "--place.lng=117.3"], Registration)
    assert place == {"place": {"address": "将军关村", "lng": "117.3"}}


def test_a_truth_is_a_flag_or_a_word() -> None:
    """--passed, --no-passed and --passed true all say whether."""
    assert fields("check", "--passed") == {"passed": "true"}
    assert fields("check", "--no-passed", "--reason", "未清理") == {"passed": "false", "reason": "未清理"}
    assert fields("check", "--passed", "通过") == {"passed": "true"}
    assert parse("check", {**fields("check", "--passed", "false"), "actor": ACTOR, "command_id": "c"})


def test_enumerations_are_known_by_label_and_in_any_case() -> None:
    """A clerk may write the Chinese word."""
    words = ("--decision", "whistle", "--kind", "应急哨", "--level", "督办")
    assert read_fields(words, COMMANDS["review"]) == {"decision": "WHISTLE", "kind": "EMERGENCY", "level": "督办"}
    assert fields("supervise", "--level", "督办") == {"level": "SUPERVISE"}


def test_a_time_without_zone_is_beijing_time() -> None:
    """The time on the wall is Beijing's; a zone that is given stays."""
    assert fields("suspend", "--review-at", "2026-12-01 09:00") == {"review_at": "2026-12-01T09:00:00+08:00"}
    assert fields("suspend", "--review-at", "2026-12-01T09:00:00Z") == {"review_at": "2026-12-01T09:00:00+00:00"}
    assert fields("suspend", "--review-at", "soon") == {"review_at": "soon"}


def test_text_is_never_read_as_json() -> None:
    """A note that looks like JSON stays a note, and one with commas one note."""
    assert fields("blow", "--note", '{"a": 1}, [2]') == {"note": '{"a": 1}, [2]'}


def test_a_value_that_begins_with_dashes_is_given_with_an_equals_sign() -> None:
    """Nothing is lost that a shell can pass."""
    assert fields("blow", "--note=--急--") == {"note": "--急--"}
    assert fields("arrive", "--location.lng", "-117.1") == {"location": {"lng": "-117.1"}}


def test_an_unknown_field_is_left_to_the_model_to_refuse() -> None:
    """A misspelt field gives the same named error as over HTTP."""
    read = fields("sign", "--responder", "water", "--respnder", "x")
    with pytest.raises(InvalidError) as refused:
        parse("sign", {**read, "actor": ACTOR, "command_id": "c"})
    assert [e["field"] for e in refused.value.errors] == ["respnder"]


def test_json_that_cannot_be_read_is_refused_by_its_field() -> None:
    """A broken object names its field."""
    with pytest.raises(InvalidError) as refused:
        fields("evaluate", "--scores", "{cooperation: 90}")
    assert [e["field"] for e in refused.value.errors] == ["scores"]


@pytest.mark.parametrize("words", [("water",), ("--responder",), ("--",), ("--responder", "water", "police")])
def test_words_that_pair_with_nothing_are_a_usage_error(words: tuple[str, ...]) -> None:
    """A stray word or a field without its value is not guessed at."""
    with pytest.raises(UnreadableFieldsError):
        fields("sign", *words)


def test_every_command_is_read_in_the_shape_of_its_model() -> None:
    """Text for each plain field of each command is accepted in the right place."""
    for name, model in COMMANDS.items():
        words = [word for field in model.model_fields for word in (f"--{field.replace('_', '-')}", "[]")]
        assert set(read_fields(words, model)) == set(model.model_fields), name

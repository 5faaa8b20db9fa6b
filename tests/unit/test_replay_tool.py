"""`whistle replay` on single files: what is no history is named, and an encrypted one opens with its key."""

import json
from pathlib import Path

import pytest

from starter.encryption.conversion import converter_with
from starter.replay import replay_file
from tests.replay.corpus import Edition
from tests.unit.encryption.keys import key, reading

ENCRYPTED = Path(__file__).parents[1] / "replay" / "encrypted_histories" / "closed.json"
"""The story of a closed whistle, recorded under encryption by `python -m tests.replay.encrypted`."""


@pytest.mark.parametrize(
    ("text", "said"), [("", "Expecting value"), ("[]", "not a history"), ('{"events": []}', "it has no events")]
)
async def test_a_file_that_is_no_history_is_named(tmp_path: Path, text: str, said: str) -> None:
    """And does not hold up the others."""
    file = tmp_path / "history.json"
    file.write_text(text, encoding="utf-8")
    told = await replay_file(file, converter_with())
    assert not told.replays
    assert said in (told.error or "")


async def test_a_stored_encrypted_history_replays_with_its_key() -> None:
    """Also beside newer keys; without it, the key is named."""
    old, new = key("corpus-2026"), key("other")
    assert (await replay_file(ENCRYPTED, converter_with(reading(new, old)))).replays
    for converter in (converter_with(reading(new)), converter_with()):
        told = await replay_file(ENCRYPTED, converter)
        assert not told.replays
        assert "a payload is encrypted with the key corpus-2026" in (told.error or "")


async def test_a_payload_of_another_whistle_does_not_replay(tmp_path: Path) -> None:
    """Two histories that exchanged a payload are not what they were."""
    story = json.loads(ENCRYPTED.read_text(encoding="utf-8"))
    story["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"] = "whistle:12345:another"
    file = tmp_path / "closed.json"
    file.write_text(json.dumps(story), encoding="utf-8")
    told = await replay_file(file, converter_with(reading(key("corpus-2026"))))
    assert "PayloadMisplacedError" in (told.error or "")


async def test_a_history_from_before_the_keys_replays_with_them() -> None:
    """Turning encryption on leaves nothing behind."""
    plain = Edition.of().folder / "closed.json"
    assert (await replay_file(plain, converter_with(reading(key("corpus-2026"))))).replays

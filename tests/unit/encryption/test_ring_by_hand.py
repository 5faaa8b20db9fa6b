"""`whistle payload-keys`: a ring is begun, extended, put to use and cleared, and never shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from settings import Settings, variable_of
from starter.cli.app import run
from starter.cli.output import DONE, REFUSED, USAGE
from starter.encryption.ring_file import read_ring


class Terminal:
    """The command line on a data folder of its own."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = data_dir / "payload-keys.json"
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, Any, str]:
        """Run `whistle payload-keys …`; gives exit code, what was answered and what was said."""
        code = run(["payload-keys", *words, "--json"])
        out, err = self._capsys.readouterr()
        return code, json.loads(out) if out else None, err


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Nothing is set but the data folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)
    monkeypatch.setenv("WHISTLE_DATA_DIR", str(tmp_path))
    return Terminal(tmp_path, capsys)


def test_a_ring_begins_with_its_first_key(terminal: Terminal) -> None:
    """Which encrypts at once; before, there is none."""
    assert terminal("list") == (DONE, {"current": None, "items": [], "missing": {}}, "")
    code, made, _ = terminal("add")
    assert code == DONE
    assert read_ring(terminal.file).ids == (made["id"],)
    assert terminal("list")[1]["current"] == made["id"]


def test_a_key_decrypts_before_it_encrypts(terminal: Terminal) -> None:
    """So that every process can be given it first; then it is put to use, and the old one may go."""
    first, second = terminal("add")[1]["id"], terminal("add", "--cipher", "sm4-gcm")[1]["id"]
    assert read_ring(terminal.file).current == first
    assert terminal("use", second)[0] == DONE
    assert read_ring(terminal.file).current == second
    assert terminal("remove", first, "--force")[0] == DONE
    assert read_ring(terminal.file).ids == (second,)


def test_encryption_ends_by_using_no_key(terminal: Terminal) -> None:
    """What was encrypted stays readable."""
    first = terminal("add")[1]["id"]
    assert terminal("use", "--none")[0] == DONE
    ring = read_ring(terminal.file)
    assert (ring.current, ring.ids) == (None, (first,))


def test_what_would_harm_is_refused(terminal: Terminal) -> None:
    """By name, and the ring stays as it was."""
    assert terminal("use", "20260101-aaaa")[0] == REFUSED
    first = terminal("add")[1]["id"]
    for words, said in (
        (("use", "20260101-aaaa"), f"is not in the ring; there are {first}"),
        (("use",), "name a key of the ring, or say --none"),
        (("use", first, "--none"), "name a key of the ring, or say --none"),
        (("remove", first, "--force"), "put another to use first"),
        (("remove", "20260101-aaaa", "--force"), "is not in the ring"),
    ):
        code, _, err = terminal(*words)
        assert code == REFUSED
        assert said in err
    assert read_ring(terminal.file).ids == (first,)


def test_a_key_is_not_removed_on_hearsay(terminal: Terminal) -> None:
    """Where Temporal cannot be asked whether it is needed, it stays."""
    first, second = terminal("add")[1]["id"], terminal("add")[1]["id"]
    terminal("use", second)
    code, _, err = terminal("remove", first)
    assert code not in (DONE, USAGE)
    assert "no stack runs on" in err
    assert read_ring(terminal.file).ids == (second, first)


def test_a_ring_in_the_environment_is_changed_there(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """No second one is begun beside it."""
    terminal("add")
    text = terminal.file.read_text("utf-8")
    terminal.file.unlink()
    monkeypatch.setenv("WHISTLE_PAYLOAD_KEYS", text)
    code, _, err = terminal("add")
    assert code == USAGE
    assert "WHISTLE_PAYLOAD_KEYS: the key ring is in the environment" in err
    assert not terminal.file.exists()
    assert terminal("list")[1]["current"] == json.loads(text)["current"]


def test_no_key_is_ever_shown(terminal: Terminal) -> None:
    """Neither when it is made nor afterwards."""
    told = repr([terminal("add"), terminal("add"), terminal("list")])
    for key in read_ring(terminal.file).keys:
        assert key.id in told
        assert json.loads(key.model_dump_json())["key"] not in told

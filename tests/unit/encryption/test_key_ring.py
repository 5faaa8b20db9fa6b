"""The key ring: what it must be, where it is found, and that nobody else may read it."""

import json
from pathlib import Path

import pytest

from settings import Settings, SettingsInvalidError, read_settings
from starter.encryption.errors import PayloadKeysInvalidError
from starter.encryption.key_ring import CipherName, KeyRing, PayloadKey
from starter.encryption.ring_file import ensured_ring, read_ring, ring_reader, write_ring
from tests.unit.encryption.keys import SM4, key, ring

GOOD = PayloadKey.fresh()
SECRET = GOOD.model_dump(mode="json")["key"]


def written(**changes) -> str:
    """Write a ring of one key, changed."""
    one = {"id": "a", "cipher": "AES-256-GCM", "key": SECRET} | changes
    return json.dumps({"current": "a", "keys": [one]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Invalid JSON"),
        ("{}", "current: Field required"),
        ('{"current": null, "keys": []}', "has no keys"),
        (written(key="!!"), "keys.0.key: is not base64"),
        (written(key=SECRET[:-4]), "keys.0: AES-256-GCM takes 32 bytes in base64, not 30"),
        (written(cipher="SM4-GCM"), "keys.0: SM4-GCM takes 16 bytes in base64, not 32"),
        (written(cipher="DES"), "keys.0.cipher: Input should be 'AES-256-GCM' or 'SM4-GCM'"),
        (written(id="a b"), "keys.0.id: String should match pattern"),
        (written(id="b"), "current names none of its keys"),
        (written(secret=1), "keys.0.secret: Extra inputs are not permitted"),
        (json.dumps({"current": "a", "keys": 2 * json.loads(written())["keys"]}), "two keys have the same id"),
    ],
)
def test_a_ring_that_makes_no_sense_is_refused_in_words(text: str, said: str) -> None:
    """They say where and what, and quote nothing of a key."""
    with pytest.raises(PayloadKeysInvalidError) as refused:
        KeyRing.parsed(text, "WHISTLE_PAYLOAD_KEYS")
    assert str(refused.value).startswith("WHISTLE_PAYLOAD_KEYS: ")
    assert said in str(refused.value)
    assert SECRET[:12] not in str(refused.value)
    assert SECRET[:12] not in repr(refused.value.__context__ or "")


def test_a_ring_that_was_written_is_read_again(tmp_path: Path) -> None:
    """Every cipher, every date; by its owner alone."""
    file, whole = tmp_path / "ring.json", KeyRing(current=GOOD.id, keys=(GOOD, PayloadKey.fresh(SM4)))
    write_ring(file, whole)
    assert read_ring(file) == whole
    assert file.stat().st_mode & 0o777 == 0o600
    write_ring(file, ring(key("a"), current=None))
    assert read_ring(file).current is None
    assert list(tmp_path.iterdir()) == [file]


def test_a_ring_shows_no_key() -> None:
    """Neither in a log nor in a traceback."""
    shown = f"{GOOD!r} {KeyRing(current=None, keys=(GOOD,))!r} {Settings(payload_keys=SECRET)!r}"
    assert GOOD.id in shown
    assert SECRET not in shown
    assert repr(GOOD.key) not in shown


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o602, 0o601, 0o660, 0o620, 0o644, 0o777])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    file = tmp_path / "ring.json"
    write_ring(file, ring(key("a")))
    file.chmod(mode)
    with pytest.raises(PayloadKeysInvalidError, match=rf"mode {mode:04o} lets others at it .*: chmod 600 {file}"):
        read_ring(file)


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A ring that is asked for and not there is no reason to go on without one."""
    with pytest.raises(PayloadKeysInvalidError, match="cannot be read"):
        read_ring(tmp_path / name)


def test_a_ring_is_looked_for_in_three_places(tmp_path: Path) -> None:
    """In the environment, in the file it names, in the data folder; nowhere else."""
    assert ring_reader(Settings(data_dir=tmp_path)) is None
    write_ring(tmp_path / "payload-keys.json", ring(key("in-data-folder")))
    write_ring(tmp_path / "other.json", ring(key("in-file")))
    inline = ring(key("inline")).model_dump_json()
    for settings, name in (
        (Settings(data_dir=tmp_path), "in-data-folder"),
        (Settings(data_dir=tmp_path, payload_keys_file=tmp_path / "other.json"), "in-file"),
        (Settings(data_dir=tmp_path, payload_keys=inline), "inline"),
    ):
        read = ring_reader(settings)
        assert read is not None
        assert read().current == name


def test_a_ring_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A typing error in a path does not turn encryption off."""
    read = ring_reader(Settings(data_dir=tmp_path, payload_keys_file=tmp_path / "absent.json"))
    assert read is not None
    with pytest.raises(PayloadKeysInvalidError, match="No such file"):
        read()


def test_two_rings_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could say which one encrypts."""
    monkeypatch.setenv("WHISTLE_PAYLOAD_KEYS", "{}")
    monkeypatch.setenv("WHISTLE_PAYLOAD_KEYS_FILE", "ring.json")
    with pytest.raises(SettingsInvalidError, match="WHISTLE_PAYLOAD_KEYS and WHISTLE_PAYLOAD_KEYS_FILE are both set"):
        read_settings()


@pytest.mark.parametrize("cipher", CipherName)
def test_a_fresh_key_fits_its_cipher_and_is_like_no_other(cipher: CipherName) -> None:
    """It is named after the day it was made."""
    first, second = PayloadKey.fresh(cipher), PayloadKey.fresh(cipher)
    assert len(first.key) == cipher.key_bytes
    assert first.key != second.key
    assert first.created_at is not None
    assert first.id.startswith(f"{first.created_at:%Y%m%d}-")


@pytest.mark.parametrize("cipher", CipherName)
def test_a_ring_is_made_where_encryption_is_wanted_and_there_is_none(tmp_path: Path, cipher: CipherName) -> None:
    """Once, readable by its owner alone; afterwards it is used, wanted or not."""
    wanted = Settings(data_dir=tmp_path, payload_encryption=cipher.value)
    made = ensured_ring(wanted)
    assert made is not None
    assert [key.cipher for key in made.keys] == [cipher]
    assert (tmp_path / "payload-keys.json").stat().st_mode & 0o777 == 0o600
    assert ensured_ring(wanted) == ensured_ring(Settings(data_dir=tmp_path)) == made


def test_nothing_is_made_where_nothing_is_wanted(tmp_path: Path) -> None:
    """Encryption is off by default."""
    assert ensured_ring(Settings(data_dir=tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_ring_with_another_cipher_than_the_one_wanted_is_no_silent_matter(tmp_path: Path) -> None:
    """Who asks for SM4 and would get AES is told how to change it."""
    ensured_ring(Settings(data_dir=tmp_path, payload_encryption="AES-256-GCM"))
    with pytest.raises(PayloadKeysInvalidError, match="asks for SM4-GCM, but the key ring encrypts by AES-256-GCM"):
        ensured_ring(Settings(data_dir=tmp_path, payload_encryption="SM4-GCM"))

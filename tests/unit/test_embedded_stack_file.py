"""`stack.json`, its lock, and how settings are completed from them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from settings import STACK_FILE, load_settings, running_stack
from starter.embedded.errors import StackAlreadyRunningError
from starter.embedded.stack_file import Pids, StackRecord, hold_lock, remove_record, write_record


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the data folder that the environment names, and nothing else from the environment."""
    for name in ("DATABASE_DSN", "DATABASE_OWNER_DSN", "HTTP_PORT", "LIMITS", "WEBHOOK_ALLOW"):
        monkeypatch.delenv(f"WHISTLE_{name}", raising=False)
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WHISTLE_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def record(data_dir: Path) -> StackRecord:
    """Give what a running stack writes."""
    return StackRecord(
        temporal_address="127.0.0.1:7233",
        temporal_namespace="pinggu",
        task_queue="pinggu-whistle",
        database_dsn="postgresql://app",
        database_owner_dsn="postgresql://owner",
        log_folder=data_dir / "logs",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        pids=Pids(up=1),
    )


def test_the_record_holds_the_keys_of_the_contract_and_is_private(data_dir: Path, record: StackRecord) -> None:
    """Other programs rely on these names, and passwords are nobody else's business."""
    write_record(data_dir, record)
    written = json.loads((data_dir / STACK_FILE).read_text("utf-8"))
    assert {"gateway_url", "temporal_address", "temporal_ui_url", "database_dsn", "pids"} <= set(written)
    assert set(written["pids"]) == {"up", "postgres", "temporal", "worker", "gateway"}
    assert (data_dir / STACK_FILE).stat().st_mode & 0o777 == 0o600


def test_the_record_never_prints_its_passwords(record: StackRecord) -> None:
    """A log line with the record in it gives nothing away."""
    assert "postgresql://" not in repr(record)


def test_a_second_holder_of_a_folder_is_refused_by_name(data_dir: Path) -> None:
    """Two stacks on one folder would ruin it."""
    with hold_lock(data_dir), pytest.raises(StackAlreadyRunningError, match=r"process \d+"), hold_lock(data_dir):
        pass


def test_a_folder_is_free_again_after_its_holder(data_dir: Path) -> None:
    """A stop leaves nothing that blocks the next start."""
    for _ in range(2):
        with hold_lock(data_dir):
            pass


def test_settings_take_from_a_running_stack_what_the_environment_leaves_out(
    data_dir: Path, record: StackRecord
) -> None:
    """A second terminal finds the stack of the first."""
    with hold_lock(data_dir):
        write_record(data_dir, record)
        settings = load_settings()
    assert settings.database_dsn == "postgresql://app"
    assert settings.database_owner_dsn == "postgresql://owner"
    assert settings.temporal_address == "127.0.0.1:7233"
    assert (settings.temporal_namespace, settings.task_queue) == ("pinggu", "pinggu-whistle")


def test_the_environment_wins_over_a_running_stack(
    data_dir: Path, record: StackRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user says explicitly holds, and no owner's DSN of another database is mixed in."""
    monkeypatch.setenv("WHISTLE_DATABASE_DSN", "postgresql://mine")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    with hold_lock(data_dir):
        write_record(data_dir, record)
        settings = load_settings()
    assert settings.database_dsn == "postgresql://mine"
    assert settings.database_owner_dsn is None
    assert settings.temporal_address == "temporal.example:7233"
    assert (settings.temporal_namespace, settings.task_queue) == ("default", "whistle")


def test_the_record_of_a_killed_stack_is_not_believed(data_dir: Path, record: StackRecord) -> None:
    """A file without its lock tells of a stack that is no more."""
    with hold_lock(data_dir):
        write_record(data_dir, record)
    assert running_stack(data_dir) is None
    assert load_settings().temporal_address is None


def test_removing_a_record_twice_is_harmless(data_dir: Path, record: StackRecord) -> None:
    """Stopping is idempotent."""
    write_record(data_dir, record)
    remove_record(data_dir)
    remove_record(data_dir)
    assert not (data_dir / STACK_FILE).exists()

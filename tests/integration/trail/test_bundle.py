"""An exported history is complete in itself: verified without a database, by ours and by a stranger's Python."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.verification import FlawKind
from starter.bundle import MANIFEST, PRIVATE, TRAIL, Export, check_bundle, write_bundle
from starter.exporting import History, export_of
from storage.pool import Pool
from storage.trails import whole_trail
from tests.integration.desk import Desk

PHONE = "13800000000"
Files = dict[str, bytes]


async def exported(pool: Pool, *, with_private: bool) -> tuple[Export, bytes]:
    """Export a whistle that went through all steps."""
    desk = await Desk.registered(pool, place={"address": "海子村东", "lng": 117.0, "lat": 1e-7})
    await desk.closed()
    trail = await whole_trail(pool, desk.whistle_id)
    assert trail is not None
    export = export_of(History(trail, None), "clerk@jinhaihu", with_private=with_private)
    return export, packed(export)


def packed(export: Export) -> bytes:
    """Pack an export."""
    file = io.BytesIO()
    write_bundle(file, export)
    return file.getvalue()


def unpacked(content: bytes) -> Files:
    """Read every file of a bundle."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}


def write(file: Path, files: Files) -> Path:
    """Pack files that may have been changed."""
    with zipfile.ZipFile(file, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return file


def by_a_stranger(folder: Path, files: Files) -> subprocess.CompletedProcess[str]:
    """Run the lines that the README shows, with nothing but Python's standard library."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    [script] = re.findall(r"^```python\n(.*?)^```", files["README.md"].decode(), re.DOTALL | re.MULTILINE)
    (folder / "stranger.py").write_text(f"import sys; sys.path.insert(0, '.')\n{script}")
    words = (sys.executable, "-I", "-S", "stranger.py")
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("with_private", [False, True])
async def test_a_history_verifies_by_itself(pool: Pool, tmp_path: Path, *, with_private: bool):
    """Ours and the stranger's come to the same head; who was not shown personal data finds none in it."""
    export, content = await exported(pool, with_private=with_private)
    files = unpacked(content)
    found = check_bundle(write(tmp_path / "history.zip", files))
    assert (found.flaws, found.events, found.head) == ((), len(export.rows), export.rows[-1].hash)
    assert (found.vouched > 0, found.withheld > 0) == (with_private, not with_private)
    assert (PHONE.encode() in b"".join(files.values())) is with_private
    ran = by_a_stranger(tmp_path, files)
    assert (ran.returncode, ran.stdout.split()[-1:]) == (0, [found.head]), ran.stderr


async def test_the_same_export_gives_the_same_bytes(pool: Pool):
    """So that two who export at the same moment can compare files."""
    export, content = await exported(pool, with_private=True)
    assert packed(export) == content
    assert packed(export.model_copy(update={"at": datetime(2027, 1, 1, tzinfo=UTC)})) != content


def changed_row(files: Files) -> None:
    """Write another summary into the third row."""
    rows = files[TRAIL].splitlines(keepends=True)
    rows[2] = json.dumps(json.loads(rows[2]) | {"summary": "另一回事"}).encode() + b"\n"
    files[TRAIL] = b"".join(rows)


def cut_off(files: Files) -> None:
    """Leave the last row out."""
    files[TRAIL] = b"".join(files[TRAIL].splitlines(keepends=True)[:-1])


def changed_private(files: Files) -> None:
    """Write another telephone number."""
    files[PRIVATE] = files[PRIVATE].replace(PHONE.encode(), b"13900000000")


def without_a_file(files: Files) -> None:
    """Leave what Temporal told out."""
    del files["engine.jsonl"]


def of_another(files: Files) -> None:
    """Say that it is another whistle's."""
    manifest = json.loads(files[MANIFEST]) | {"whistle_id": "12345:other"}
    files[MANIFEST] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (changed_row, FlawKind.SEAL),
        (cut_off, FlawKind.GAP),
        (changed_private, FlawKind.PRIVATE),
        (without_a_file, FlawKind.BUNDLE),
        (of_another, FlawKind.STRAY),
    ],
)
async def test_a_bundle_that_was_changed_is_found_out(
    pool: Pool, tmp_path: Path, change: Callable[[Files], Any], kind: FlawKind
):
    """Also where its manifest was made to fit again."""
    _, content = await exported(pool, with_private=True)
    files = unpacked(content)
    change(files)
    found = check_bundle(write(tmp_path / "history.zip", files))
    assert kind in {flaw.kind for flaw in found.flaws}
    if change in (changed_row, changed_private):
        assert by_a_stranger(tmp_path, files).returncode == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_a_file_that_is_no_bundle_is_a_flaw_and_no_crash(tmp_path: Path, content: bytes):
    """Whatever is handed in."""
    file = tmp_path / "history.zip"
    file.write_bytes(content)
    assert [flaw.kind for flaw in check_bundle(file).flaws] == [FlawKind.BUNDLE]
    assert [f.kind for f in check_bundle(write(file, {"x": b""})).flaws] == [FlawKind.BUNDLE]
    assert [f.kind for f in check_bundle(tmp_path / "nowhere.zip").flaws] == [FlawKind.BUNDLE]

"""A whistle's history in one file, complete in itself: the trail, what Temporal told, and how to check both.

A zip of UTF-8 text: trail.jsonl, notices.jsonl, engine.jsonl, whistle.json, private.jsonl for those who may see it,
seal.py, which is domain/seal.py as it is, README.md, and manifest.json with the SHA-256 of each.
"""

import hashlib
import inspect
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from pydantic import AwareDatetime, ValidationError

from domain import seal
from domain.seal import moment
from domain.values import Frozen
from domain.verification import Flaw, FlawKind, PrivatePart, TrailCheck, TrailRow
from domain.whistle import Whistle
from domain.working_time import BEIJING

FORM = "whistle-history/1"
TRAIL, NOTICES, ENGINE, PRIVATE, VALUE, MANIFEST = (
    "trail.jsonl",
    "notices.jsonl",
    "engine.jsonl",
    "private.jsonl",
    "whistle.json",
    "manifest.json",
)
README = """\
# 哨单历史 History of whistle {whistle_id}

{local} 由 {by} 导出:{events} 条留痕,链头 `{head}`。
Exported on {local} (Beijing) by {by}: {events} events, the head of their hash chain is `{head}`.

| 文件 file | 内容 content |
| --- | --- |
| `trail.jsonl` | 全程留痕,每行一条,含哈希 the audit trail, a row a line, each with its hash |
| `notices.jsonl` | 通知及每次投递 what was told to whom, with every attempt, as far as who exported it may see |
| `engine.jsonl` | 流程引擎事件 what Temporal told of it; empty where it was not asked |
| `private.jsonl` | 私密内容及其盐值 private fields with their salts; only in exports for those who may see them |
| `whistle.json` | 哨单现值 the whistle as these events have made it |
| `seal.py` | 存证算法,仅用 Python 标准库 the seal: Python's standard library alone |
| `manifest.json` | 各文件的 SHA-256 of each file |

## 校验 How to verify

With Whistle: `whistle verify FILE.zip`. With nothing but Python 3, in this folder:

```python
import json, seal
head, rows = seal.NOTHING_BEFORE, {{}}
for line in open("trail.jsonl", encoding="utf-8"):
    row = json.loads(line)
    kept = row.pop("hash")
    head = seal.seal(row, head)
    assert head == kept, f"row {{row['sequence']}} is not what was sealed"
    rows[row["sequence"]] = row
for line in open("private.jsonl", encoding="utf-8"):
    part = json.loads(line)
    made = seal.commitment(part["salt"], part["fields"])
    assert made == rows[part["sequence"]]["commitments"][part["part"]], f"row {{part['sequence']}}: {{part['part']}}"
print(len(rows), "rows verified, head", head)
```

Compare the head with one that was kept elsewhere (`whistle verify --heads`), or ask the service: the events of
`GET /v1/whistles/{whistle_id}/events` show the same hashes. 链头须与另处留存的一致,方能证明末尾未被截去。
"""


class Manifest(Frozen):
    """What a bundle holds: how far its trail goes, and the hash of each file."""

    form: str = FORM
    whistle_id: str
    at: AwareDatetime
    by: str
    events: int
    head: str
    files: dict[str, str]


class Export(Frozen):
    """What goes into a bundle."""

    whistle: Whistle
    at: AwareDatetime
    by: str
    rows: tuple[TrailRow, ...]
    notices: tuple[dict[str, Any], ...] = ()
    engine: tuple[dict[str, Any], ...] = ()
    private: tuple[dict[str, Any], ...] = ()


class Checked(Frozen):
    """What a bundle was found to be."""

    whistle_id: str
    events: int
    head: str
    vouched: int
    withheld: int
    flaws: tuple[Flaw, ...]


def write_bundle(file: IO[bytes], export: Export) -> Manifest:
    """Write an export as a bundle; the same export gives the same bytes."""
    about = {
        "whistle_id": export.whistle.whistle_id,
        "at": moment(export.at),
        "by": export.by,
        "events": len(export.rows),
        "head": export.rows[-1].hash if export.rows else seal.NOTHING_BEFORE,
    }
    files = {
        "README.md": README.format(**about, local=f"{export.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"),
        TRAIL: _lines(row.sealed | {"hash": row.hash} for row in export.rows),
        NOTICES: _lines(export.notices),
        ENGINE: _lines(export.engine),
        PRIVATE: _lines(export.private),
        VALUE: export.whistle.model_dump_json(exclude_defaults=True) + "\n",
        "seal.py": inspect.getsource(seal),
    }
    manifest = Manifest.model_validate(about | {"files": {n: _digest(t.encode()) for n, t in files.items()}})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in (files | {MANIFEST: manifest.model_dump_json(indent=2) + "\n"}).items():
            # A fixed date: zip keeps local times, and none would be of use.
            packed.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return manifest


def check_bundle(file: Path) -> Checked:
    """Check a bundle by itself, without a database; whatever is wrong with it becomes a flaw."""
    try:
        with zipfile.ZipFile(file) as packed:
            return _check({name: packed.read(name) for name in packed.namelist()}, file.name)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        return _broken(file.name, f"it cannot be read: {error}")


def _check(files: dict[str, bytes], name: str) -> Checked:
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST])
        rows = [TrailRow.model_validate_json(line) for line in files[TRAIL].splitlines()]
        value = Whistle.model_validate_json(files[VALUE])
        private = _private(files[PRIVATE])
    except KeyError as missing:
        return _broken(name, f"{missing.args[0]} is missing")
    except (ValidationError, ValueError, TypeError) as error:
        return _broken(name, f"it is no history: {type(error).__name__}")
    check = TrailCheck(manifest.whistle_id)
    for changed in _changed(files, manifest):
        check.note(FlawKind.BUNDLE, None, changed)
    for row in rows:
        if row.whistle_id != manifest.whistle_id:
            check.note(FlawKind.STRAY, row.sequence, f"the row is of {row.whistle_id}")
        check.add(row, private.get(row.sequence))
    check.end(value, manifest.head)
    return Checked(
        whistle_id=manifest.whistle_id,
        events=len(rows),
        head=check.head,
        vouched=check.vouched,
        withheld=check.withheld,
        flaws=tuple(check.flaws),
    )


def _changed(files: dict[str, bytes], manifest: Manifest) -> Iterator[str]:
    for name, digest in manifest.files.items():
        if name not in files:
            yield f"{name} is missing"
        elif _digest(files[name]) != digest:
            yield f"{name} is not what was exported"


def _private(text: bytes) -> dict[int, dict[str, PrivatePart]]:
    found: dict[int, dict[str, PrivatePart]] = {}
    for line in text.splitlines():
        part = json.loads(line)
        found.setdefault(part["sequence"], {})[part["part"]] = PrivatePart(part["salt"], part["fields"])
    return found


def _broken(name: str, detail: str) -> Checked:
    flaw = Flaw(kind=FlawKind.BUNDLE, whistle_id=name, detail=detail)
    return Checked(whistle_id=name, events=0, head="", vouched=0, withheld=0, flaws=(flaw,))


def _lines(items: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

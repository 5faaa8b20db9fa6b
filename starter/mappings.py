"""The mappings in force: those that are shipped, and in their place or beside them those of the data folder."""

import json
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import structlog

import catalogues
from domain.mapped import fits
from domain.mappings import Mapping, MappingInvalidError, mapping_of

FOLDER = "mappings"
SHIPPED = Path(catalogues.__file__).with_name(FOLDER)
_LOOKS_EVERY_S = 2.0
_SUFFIXES = {".json": json.loads, ".toml": tomllib.loads}

log = structlog.get_logger("mappings")


class Mappings(NamedTuple):
    """Every mapping that can be used, and what is wrong with the others."""

    good: tuple[Mapping, ...] = ()
    bad: tuple[MappingInvalidError, ...] = ()

    def of(self, source_system: str, document: dict[str, Any]) -> Mapping | None:
        """Find the first mapping of a source that a message fits."""
        return next((one for one in self.good if source_system in one.source_systems and fits(one, document)), None)


def load_mappings(data_dir: Path) -> Mappings:
    """Load every mapping; a file of the data folder takes the place of the shipped one of its name."""
    files = {file.stem: file for folder in (SHIPPED, data_dir / FOLDER) for file in _files(folder)}
    good, bad = [], []
    for _, file in sorted(files.items()):
        try:
            good.append(read_mapping(file))
        except MappingInvalidError as error:
            log.warning("mapping_invalid", file=file.name, problems=error.problems)
            bad.append(error)
    return Mappings(tuple(good), tuple(bad))


class MappingShelf:
    """The mappings of one process: a file that changes is in force within two seconds."""

    def __init__(self, data_dir: Path) -> None:
        """Read from this data folder when first asked."""
        self._data_dir = data_dir
        self._stamp: object = None
        self._looked_at = -_LOOKS_EVERY_S
        self._loaded = Mappings()

    def current(self) -> Mappings:
        """Give what is in force."""
        if time.monotonic() - self._looked_at < _LOOKS_EVERY_S:
            return self._loaded
        self._looked_at = time.monotonic()
        stamp = [(file, file.stat().st_mtime_ns) for file in _files(self._data_dir / FOLDER)]
        if stamp != self._stamp:
            self._stamp, self._loaded = stamp, load_mappings(self._data_dir)
        return self._loaded


def read_mapping(file: Path) -> Mapping:
    """Read one file, JSON or TOML; raises MappingInvalidError."""
    read = _SUFFIXES.get(file.suffix)
    if read is None:
        raise MappingInvalidError(file.name, ["a mapping is a .json or a .toml file"])
    try:
        content = read(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise MappingInvalidError(file.name, [f"it cannot be read: {error}"]) from None
    return mapping_of(file.name, content)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix in _SUFFIXES)

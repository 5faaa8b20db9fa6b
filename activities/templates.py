"""The templates in force: the shipped ones, or those of the data folder, read anew within seconds of a change."""

import time
from pathlib import Path

import structlog

import catalogues
from domain.notice_templates import Templates, TemplatesInvalidError, parse_templates

FILE = "notice_templates.toml"
_LOOKS_EVERY_S = 2.0

log = structlog.get_logger("notices")


class TemplateShelf:
    """The templates of one process; a faulty file is logged, and the last good one stays in force."""

    def __init__(self, data_dir: Path | None) -> None:
        """Look into this data folder when first asked."""
        self._file = data_dir / FILE if data_dir else None
        self._stamp: float | None = None
        self._looked_at = -_LOOKS_EVERY_S
        self._loaded = parse_templates(catalogues.read(FILE))

    def current(self) -> Templates:
        """Give what is in force."""
        if time.monotonic() - self._looked_at >= _LOOKS_EVERY_S:
            self._looked_at = time.monotonic()
            self._look()
        return self._loaded

    def _look(self) -> None:
        stamp = _changed_at(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            text = self._file.read_text("utf-8-sig") if self._file and stamp else catalogues.read(FILE)
            self._loaded = parse_templates(text)
        except (OSError, UnicodeDecodeError, TemplatesInvalidError) as error:
            log.error("notice_templates_invalid", file=str(self._file), problems=str(error))  # noqa: TRY400


def _changed_at(file: Path | None) -> float | None:
    try:
        return file.stat().st_mtime if file else None
    except OSError:
        return None

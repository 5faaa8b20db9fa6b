"""The templates in force: the shipped ones, or those of the data folder, read anew within seconds of a change."""

from pathlib import Path

import structlog

import catalogues
from activities.watched_file import WatchedFile
from domain.notice_templates import Templates, TemplatesInvalidError, parse_templates

FILE = "notice_templates.toml"

log = structlog.get_logger("notices")


class TemplateShelf:
    """The templates of one process; a faulty file is logged, and the last good one stays in force."""

    def __init__(self, data_dir: Path | None) -> None:
        """Look into this data folder when first asked."""
        self._file = WatchedFile(data_dir / FILE if data_dir else None)
        self._loaded = parse_templates(catalogues.read(FILE))

    def current(self) -> Templates:
        """Give what is in force."""
        if self._file.has_changed():
            self._read()
        return self._loaded

    def _read(self) -> None:
        file = self._file.path if self._file.is_there else None
        try:
            self._loaded = parse_templates(file.read_text("utf-8-sig") if file else catalogues.read(FILE))
        except (OSError, UnicodeDecodeError, TemplatesInvalidError) as error:
            log.error("notice_templates_invalid", file=str(file), problems=str(error))  # noqa: TRY400

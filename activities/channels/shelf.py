"""The channels in force: those of `channels.toml`, followed while we work. A fault in one section silences no other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from activities.channels.opening import LOG
from activities.channels.sections import ChannelsInvalidError, LogSection, Section, sound_sections
from activities.watched_file import WatchedFile
from domain.addresses import Network

log = structlog.get_logger("notices")


class ChannelShelf:
    """The sections of one process; what is faulty is logged, and stays as it last was in order."""

    def __init__(self, file: Path | None, listed: Sequence[Network] = ()) -> None:
        """Look at this file when first asked; the log is always there."""
        self.listed = tuple(listed)
        self._file = WatchedFile(file)
        self._sections: dict[str, Section] = {LOG: LogSection()}

    def current(self) -> Mapping[str, Section]:
        """Give what is in force, by name."""
        if self._file.has_changed():
            self._read()
        return self._sections

    def _read(self) -> None:
        file = self._file.path if self._file.is_there else None
        try:
            found = sound_sections(file) if file else None
        except ChannelsInvalidError as error:
            # What is meant for the others waits for a file that can be read.
            log.error("channels_invalid", problems=str(error))  # noqa: TRY400
            return
        before = self._sections
        self._sections = {LOG: LogSection()}
        if found:
            for problem in found.problems.values():
                log.error("channel_invalid", problem=problem)
            kept = {name: before[name] for name in found.problems if name in before}
            self._sections |= kept | found.sound
        if self._sections != before:
            log.info("channels_in_force", channels=sorted(self._sections))

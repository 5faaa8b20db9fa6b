"""A file that somebody may change while we work: looked at every other second, read only when it is another."""

import time
from pathlib import Path

LOOKS_EVERY_S = 2.0
_Stamp = tuple[int, int, int]


class WatchedFile:
    """One file; it need not be there."""

    def __init__(self, path: Path | None) -> None:
        """Look at it when first asked."""
        self.path = path
        self._stamp: _Stamp | None = None
        self._looked_at: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether there was a file at the last look."""
        return self._stamp is not None

    def has_changed(self) -> bool:
        """Tell whether it is another than at the look before; at the first look it is."""
        now, first = time.monotonic(), self._looked_at is None
        if self._looked_at is not None and now - self._looked_at < LOOKS_EVERY_S:
            return False
        before, self._stamp, self._looked_at = self._stamp, _stamp(self.path), now
        return first or self._stamp != before


def _stamp(path: Path | None) -> _Stamp | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)

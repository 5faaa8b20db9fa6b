"""Heads of trails, kept elsewhere: what shows that the end of a trail was cut off or a whole one rewritten."""

import hashlib
import json
from typing import NamedTuple

from pydantic import AwareDatetime

from domain.values import Frozen

FORM = "whistle-heads/1"


class Head(NamedTuple):
    """How far a trail went, and the hash of its last row then."""

    whistle_id: str
    sequence: int
    hash: str

    @property
    def line(self) -> str:
        """Write it as exports hold it, its newline included."""
        return json.dumps(list(self), separators=(",", ":")) + "\n"


class Anchor(Frozen):
    """All heads of one moment in one line; `position` is the place in the feed up to which events counted."""

    form: str = FORM
    at: AwareDatetime
    position: int
    whistles: int
    digest: str


class Digest:
    """Adds heads up, in the order of their registration, to what an anchor tells."""

    def __init__(self) -> None:
        """Begin with none."""
        self.whistles = 0
        self._hash = hashlib.sha256()

    def add(self, head: Head) -> None:
        """Add the next head."""
        self.whistles += 1
        self._hash.update(head.line.encode())

    @property
    def value(self) -> str:
        """The SHA-256 over all lines so far."""
        return self._hash.hexdigest()

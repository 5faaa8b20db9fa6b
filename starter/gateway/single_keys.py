"""JSON in which an object holds a key twice, refused: each reader takes another of the two, and nobody says which."""

import json
from collections.abc import Sequence
from contextlib import suppress

from domain.errors import FieldError, InvalidError

_MOST_NAMED = 50


def must_hold_each_key_once(raw: bytes) -> None:
    """Raise InvalidError that names each key which stands more than once in one object, at any depth.

    What is no JSON passes: whoever reads it says so.
    """
    repeated: dict[str, None] = {}

    def note(pairs: Sequence[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated[key] = None
            seen.add(key)

    with suppress(ValueError, RecursionError):
        json.loads(raw, object_pairs_hook=note)
    if repeated:
        named = list(repeated)[:_MOST_NAMED]
        raise InvalidError([FieldError(field=key, message="it is given more than once") for key in named])

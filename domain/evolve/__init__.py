"""How each event changes the whistle: the only way its value changes, and all that replay runs.

A change here alters what running whistles replay to: guard it with `workflow.patched` in the
shell and keep the stored histories of every release passing.
"""

from domain import events as e
from domain.evolve import closing, dispatch, oversight, report_in, review
from domain.evolve.base import HANDLERS, changed
from domain.evolve.review import registered
from domain.records import Record
from domain.whistle import Whistle

ROOMS = (closing, dispatch, oversight, report_in, review)


def evolve(whistle: Whistle | None, record: Record) -> Whistle:
    """Apply one stored event; the first must be WhistleRegistered.

    Raises ValueError when the sequence has a gap or the event none to apply to.
    """
    if isinstance(record.event, e.WhistleRegistered):
        return registered(record.event, record)
    if whistle is None or record.sequence != whistle.sequence + 1:
        message = f"event {record.sequence} does not follow {whistle and whistle.sequence}"
        raise ValueError(message)
    handler = HANDLERS.get(type(record.event))
    moved = handler(whistle, record.event, record) if handler else whistle
    if names := record.event.names:
        moved = changed(moved, names={**moved.names, **names})
    return changed(moved, sequence=record.sequence)

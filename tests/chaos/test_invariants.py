"""The checker is checked: it finds nothing amiss in a sound whistle, and each thing that was planted in another."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.clocks import running
from domain.events import ClockStruck
from domain.evolve import evolve
from domain.ledger import Answer
from domain.notices import notices
from domain.view import view
from tests.chaos.invariants import (
    Claims,
    Found,
    Noticed,
    Stored,
    Told,
    answers_stand,
    breaches,
    clocks_strike_once_and_never_early,
    every_event_belongs_to_one_command,
    notices_are_delivered_once,
    notices_are_written_once_and_addressed,
    trail_is_gap_free,
    unlogged,
    value_is_the_fold_of_the_trail,
    what_is_due_has_struck,
    workflow_equals_the_store,
)
from tests.life import Life


def sound() -> tuple[Found, Claims]:
    """A whistle in whose life clocks struck, with each event under a command of its own."""
    life = Life().assembling()
    life.wait(days=3)
    records = tuple(r.model_copy(update={"command_id": named(r.sequence, r.event)}) for r in life.trail)
    whistle = life.whistle
    clocks = tuple((c.phase, c.responder or "", c.clock.struck, c.clock.next_point) for c in running(whistle))
    outbox = tuple(outbox_of(life))
    found = Found(
        whistle_id=whistle.whistle_id,
        records=records,
        value=whistle,
        commands=tuple(Stored(r.command_id, r.sequence, r.sequence, "BLOWN") for r in records),
        clocks=tuple((phase, responder, struck, point and point[0]) for phase, responder, struck, point in clocks),
        outbox=outbox,
        deliveries=tuple(Told(n.id, n.id, n.audience, "DELIVERED") for n in outbox),
        logged=Counter((n.id, n.audience) for n in outbox),
        told=view(whistle).model_dump(mode="json"),
        visible_version=whistle.sequence,
        looked_at=life.now,
    )
    sent = frozenset(r.command_id for r in records)
    return found, Claims({records[1].command_id: Answer(sequence=2, state="BLOWN", version=2)}, sent)


def named(sequence: int, event: Any) -> str:
    """Name the command of an event."""
    return f"strike/{sequence}" if isinstance(event, ClockStruck) else f"somebody:{sequence}"


def outbox_of(life: Life) -> list[Noticed]:
    """Write the notices of a life."""
    written, whistle = [], None
    for record in life.trail:
        whistle = evolve(whistle, record)
        written += [(record.sequence, n) for n in notices(record, whistle, str)]
    return [Noticed(i, s, n.kind, n.audience, n.template, addressed=True) for i, (s, n) in enumerate(written, 1)]


def without_last_row(f: Found) -> Found:
    """Lose the last event."""
    return f._replace(records=f.records[:-1])


def with_gap(f: Found) -> Found:
    """Lose an event in the middle."""
    return f._replace(records=(*f.records[:1], *f.records[2:]))


def strike_of(f: Found) -> int:
    """Find the first strike."""
    return next(i for i, r in enumerate(f.records) if isinstance(r.event, ClockStruck))


def struck_twice(f: Found) -> Found:
    """Have a clock strike again."""
    i = strike_of(f)
    again = f.records[i].model_copy(update={"sequence": f.records[-1].sequence + 1, "at": f.records[-1].at})
    return f._replace(records=(*f.records, again))


def struck_early(f: Found) -> Found:
    """Have a clock strike a second before it is due."""
    i = strike_of(f)
    early = f.records[i].model_copy(update={"at": f.records[i].event.due_at - timedelta(seconds=1)})
    return f._replace(records=(*f.records[:i], early, *f.records[i + 1 :]))


PLANTED: list[tuple[Callable[..., Any], Callable[[Found], Found]]] = [
    (trail_is_gap_free, with_gap),
    (value_is_the_fold_of_the_trail, without_last_row),
    (value_is_the_fold_of_the_trail, lambda f: f._replace(clocks=f.clocks[1:])),
    (workflow_equals_the_store, lambda f: f._replace(told={**f.told, "version": 1})),
    (workflow_equals_the_store, lambda f: f._replace(visible_version=1)),
    (answers_stand, lambda f: f._replace(commands=(f.commands[0], *f.commands[2:]))),
    (answers_stand, lambda f: f._replace(commands=(*f.commands, f.commands[1]))),
    (answers_stand, lambda f: f._replace(commands=(f.commands[0], f.commands[1]._replace(last=7), *f.commands[2:]))),
    (every_event_belongs_to_one_command, lambda f: f._replace(commands=f.commands[:-1])),
    (every_event_belongs_to_one_command, lambda f: f._replace(commands=(*f.commands, Stored("x", None, 3, "BLOWN")))),
    (clocks_strike_once_and_never_early, struck_twice),
    (clocks_strike_once_and_never_early, struck_early),
    (what_is_due_has_struck, lambda f: f._replace(looked_at=f.looked_at + timedelta(days=900))),
    (notices_are_written_once_and_addressed, lambda f: f._replace(outbox=f.outbox[1:])),
    (notices_are_written_once_and_addressed, lambda f: f._replace(outbox=(*f.outbox, f.outbox[0]))),
    (notices_are_written_once_and_addressed, lambda f: f._replace(deliveries=f.deliveries[1:])),
    (notices_are_delivered_once, lambda f: f._replace(logged=dict.fromkeys(f.logged, 2))),
    (notices_are_delivered_once, lambda f: f._replace(deliveries=(f.deliveries[0]._replace(state="PENDING"),))),
]


def test_a_sound_whistle_breaks_nothing() -> None:
    """No rule finds anything, and clocks did strike."""
    found, claims = sound()
    assert breaches(found, claims) == []
    assert unlogged(found) == []
    assert strike_of(found)


@pytest.mark.parametrize(
    ("rule", "plant"), PLANTED, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in enumerate(PLANTED)]
)
def test_each_rule_finds_what_breaks_it(rule: Callable[..., Any], plant: Callable[[Found], Found]) -> None:
    """What is planted is told by the very rule that forbids it."""
    found, claims = sound()
    assert list(rule(plant(found), claims))


def test_a_notice_without_its_line_is_told() -> None:
    """Whoever knows that nobody was killed may ask for every line."""
    found, _ = sound()
    assert len(unlogged(found._replace(logged={}))) == len(found.deliveries)

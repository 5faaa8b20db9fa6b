"""The checker is checked from outside too: callers and peers know better than a whistle that was tampered with."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.events import ClockStruck
from domain.values import ENGINE
from starter.replay import replay_file
from tests.chaos.invariants import Found, Stored
from tests.chaos.storm.letterbox import ROBOT, SMS, Letter, Receipt, Sent, misdelivered
from tests.chaos.test_invariants import sound, strike_of
from tests.chaos.testimony import (
    Trouble,
    Witness,
    acknowledged_once,
    contradictions,
    latenesses,
    no_deadline_is_overtaken,
    refused_never_stored,
)

HISTORIES = Path(__file__).parents[1] / "replay" / "histories"
CALM, RECOVERY = timedelta(), timedelta(seconds=10)
TO_WATER = Letter("water", "JHH-2026-000001", "assemble")
TO_POLICE = TO_WATER._replace(address="police")


def known() -> tuple[Found, Witness]:
    """A sound whistle, of which two callers know something true."""
    found, _ = sound()
    records, owner = [], ""
    for record in found.records:
        owner = record.command_id if record.actor != ENGINE or isinstance(record.event, ClockStruck) else owner
        records.append(record.model_copy(update={"command_id": owner}))
    found, second = found._replace(records=tuple(records)), records[1]
    return found, Witness({second.command_id: second.sequence}, frozenset({"somebody:refused"}))


def with_refused(f: Found) -> Found:
    """Store what was refused."""
    return f._replace(commands=(*f.commands, Stored("somebody:refused", None, 3, "BLOWN")))


def without_strike(f: Found) -> Found:
    """Have somebody's command stand where a clock struck."""
    i = strike_of(f)
    other = f.records[i].model_copy(update={"command_id": "somebody:late"})
    return f._replace(records=(*f.records[:i], other, *f.records[i + 1 :]))


PLANTED: list[tuple[Callable[..., Any], Callable[[Found], Found]]] = [
    (acknowledged_once, lambda f: f._replace(commands=(f.commands[0], *f.commands[2:]))),
    (acknowledged_once, lambda f: f._replace(commands=(*f.commands, f.commands[1]))),
    (acknowledged_once, lambda f: f._replace(records=(f.records[0], *f.records[2:]))),
    (
        acknowledged_once,
        lambda f: f._replace(commands=(f.commands[0], f.commands[1]._replace(last=3), *f.commands[2:])),
    ),
    (refused_never_stored, with_refused),
    (no_deadline_is_overtaken, without_strike),
]


def test_what_callers_know_of_a_sound_whistle_contradicts_nothing() -> None:
    """Nothing is told of it, and its strikes were not late."""
    found, told = known()
    assert contradictions(found, told) == []
    assert {one.unexcused for one in latenesses(found, [], CALM)} == {timedelta()}


@pytest.mark.parametrize(
    ("rule", "plant"), PLANTED, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in enumerate(PLANTED)]
)
def test_each_rule_finds_what_contradicts_it(rule: Callable[..., Any], plant: Callable[[Found], Found]) -> None:
    """What is planted is told by the very rule that forbids it."""
    found, told = known()
    assert list(rule(plant(found), told))


def test_only_trouble_and_the_recovery_from_it_excuse_a_late_strike() -> None:
    """Forty seconds late, of which twenty were trouble and ten recovery."""
    found, _ = known()
    i = strike_of(found)
    due = found.records[i].event.due_at
    late = found._replace(records=(found.records[i].model_copy(update={"at": due + timedelta(seconds=40)}),))
    trouble = Trouble(due - timedelta(seconds=5), due + timedelta(seconds=20))
    (one,) = latenesses(late, [trouble, trouble], RECOVERY)
    assert (one.late, one.unexcused) == (timedelta(seconds=40), timedelta(seconds=10))


TOLD = [
    ([Sent(TO_WATER, SMS, "DELIVERED", 1)], [Receipt(TO_WATER, "n1"), Receipt(TO_WATER, "n1")]),
    ([Sent(TO_WATER, SMS, "DROPPED", 1)], []),
    ([Sent(TO_POLICE, ROBOT, "DELIVERED", 1)], [Receipt(TO_POLICE, None), Receipt(TO_POLICE, None)]),
    ([Sent(TO_POLICE, ROBOT, "DELIVERED", 1)], [Receipt(TO_POLICE, None)]),
]
MISTOLD = [
    ([Sent(TO_WATER, SMS, "DELIVERED", 0)], []),
    ([Sent(TO_WATER, SMS, "DELIVERED", 1)], [Receipt(TO_WATER, "n1"), Receipt(TO_WATER, "n2")]),
    ([Sent(TO_POLICE, ROBOT, "DELIVERED", 0)], [Receipt(TO_POLICE, None), Receipt(TO_POLICE, None)]),
    ([], [Receipt(TO_POLICE, None)]),
]


@pytest.mark.parametrize(("sent", "receipts"), TOLD)
def test_a_notice_may_come_again_where_its_doubt_is_on_record(sent: list[Sent], receipts: list[Receipt]) -> None:
    """Under the same key always, without a key once for each doubt."""
    assert list(misdelivered(sent, receipts)) == []


@pytest.mark.parametrize(("sent", "receipts"), MISTOLD)
def test_a_notice_that_was_lost_doubled_or_never_sent_is_told(sent: list[Sent], receipts: list[Receipt]) -> None:
    """Each is a sentence."""
    assert len(list(misdelivered(sent, receipts))) == 1


async def test_a_history_that_was_tampered_with_does_not_replay(tmp_path: Path) -> None:
    """The same history replays as long as nothing is missing in it."""
    whole = next(iter(sorted(HISTORIES.glob("*/*.json"))))
    told = json.loads(whole.read_text("utf-8"))
    markers = [e for e in told["events"] if e["eventType"] == "EVENT_TYPE_MARKER_RECORDED"]
    tampered = tmp_path / whole.name
    tampered.write_text(json.dumps(told | {"events": [e for e in told["events"] if e is not markers[-1]]}), "utf-8")
    assert (await replay_file(whole, pydantic_data_converter)).replays
    assert not (await replay_file(tampered, pydantic_data_converter)).replays

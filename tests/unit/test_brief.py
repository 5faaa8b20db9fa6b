"""The brief form in which histories keep the store's answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.brief import Brief, answer_of, brief, commits_of
from domain.ledger import Answer, RecordInput, RecordOutput
from domain.records import Commit
from domain.submission import STRIKE, StrikeClock
from domain.values import ENGINE, compact
from domain.vocabulary import Phase, Point, State
from tests.fakes import FakeLedger, shipped_rules
from tests.stage import CLERK, SOURCE, registration

NOW = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)
BLOWN: tuple[str, dict[str, Any]] = ("EmergencyRatified", {})


def request(name: str = "append", known: int = 1) -> RecordInput:
    """A command as the workflow sends it."""
    argument = {"text": "又来电", "kind": "REPEATED_CALL", "actor": compact(CLERK), "command_id": "clerk:1"}
    return RecordInput(whistle_id="12345:1", known_sequence=known, name=name, argument=argument, at=NOW)


def own_commit(sequence: int = 2) -> Commit:
    """The commit of that command."""
    return Commit(sequence=sequence, at=NOW, actor=CLERK, command_id="clerk:1", events=(BLOWN, BLOWN))


def others_commit() -> Commit:
    """A commit that somebody else left a moment before."""
    return Commit(sequence=2, at=NOW - timedelta(seconds=1), actor=SOURCE, command_id="source:1", events=(BLOWN,))


@pytest.mark.parametrize(
    "output",
    [
        RecordOutput(),
        RecordOutput(commits=(others_commit(),)),
        RecordOutput(commits=(own_commit(),), answer=Answer(sequence=3, state=State.SOURCED, version=3)),
        RecordOutput(
            commits=(others_commit(), own_commit(3)), answer=Answer(sequence=4, state=State.SOURCED, version=4)
        ),
        RecordOutput(answer=Answer(sequence=9, state=State.CLOSED, version=9)),
    ],
)
async def test_what_was_left_out_comes_back(output: RecordOutput) -> None:
    """Through the converter and back, the commits are whole again."""
    (payload,) = await pydantic_data_converter.encode([brief(output, request())])
    (told,) = await pydantic_data_converter.decode([payload], [Brief])
    assert commits_of(told, request()) == output.commits


def test_an_own_commit_says_only_what_is_new() -> None:
    """Sequence and events, and that it answers: sender, id and time stand in the update already."""
    output = RecordOutput(commits=(own_commit(),), answer=Answer(sequence=3, state=State.SOURCED, version=3))
    assert brief(output, request()).model_dump(mode="json") == {
        "commits": [{"sequence": 2, "events": [["EmergencyRatified", {}], ["EmergencyRatified", {}]]}],
        "answered": True,
    }


async def test_a_full_output_reads_as_a_brief_one() -> None:
    """A store of the longer form is understood too."""
    output = RecordOutput(commits=(own_commit(),), answer=Answer(sequence=3, state=State.SOURCED, version=3))
    (payload,) = await pydantic_data_converter.encode([output])
    (told,) = await pydantic_data_converter.decode([payload], [Brief])
    assert commits_of(told, request()) == output.commits
    assert answer_of(told, None) == output.answer


def test_an_answer_of_long_ago_is_told_as_it_was() -> None:
    """Where later rows follow, the first answer does not follow from the last commit and is kept."""
    first = Answer(sequence=2, state=State.SOURCED, version=2)
    told = brief(RecordOutput(commits=(others_commit(),), answer=first), request())
    assert answer_of(told, None) == first


def test_a_strike_is_the_engines() -> None:
    """The sender of a strike is the engine, its id that of the strike."""
    ledger = FakeLedger(shipped_rules())
    whistle_id = ledger.register(registration(NOW), SOURCE, NOW)
    due_at = ledger.values[whistle_id].clocks[Phase.REVIEW].deadline.remind_at[0]
    strike = StrikeClock(phase=Phase.REVIEW, point=Point.REMIND_HALF, due_at=due_at)
    asked = RecordInput(whistle_id=whistle_id, known_sequence=1, name=STRIKE, argument=compact(strike), at=due_at)
    output = ledger.store_behind(asked)
    told = brief(output, asked)
    assert told.answered
    assert told.commits[0].actor is None
    (commit,) = commits_of(told, asked)
    assert (commit.actor, commit.command_id) == (ENGINE, strike.command_id)

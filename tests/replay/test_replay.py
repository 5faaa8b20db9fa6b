"""Histories of earlier releases replay: whatever changed since stands behind `workflow.patched`."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.values import compact
from starter.encryption.conversion import converter_with
from tests.replay.corpus import HISTORIES, OURS, Edition, commands_of, editions, kept, read_sequences, write_sequences
from tests.replay.record import tell
from tests.replay.stories import STORIES
from workflows.account import Account
from workflows.roster import WORKFLOWS
from workflows.sandbox import workflow_runner

KEPT = [file for edition in editions() for file in edition.histories]
CHANGED = f"""the workflow gives other commands than {{kept}} says, first in line {{line}}: {{was!r}} became {{now!r}}.
A whistle that runs on an earlier release would stop there (NondeterminismError) or go another way.
- Not meant? Undo it.
- Meant: guard it with workflow.patched where an earlier release is in use (CONTRIBUTING.md, "What replay runs"); if
  {OURS} itself is released, raise the version in pyproject.toml. Then make histories, and read what commands.txt says.
"""
READ_OTHERWISE = """today's evolve makes another value of a history of {release}, in {fields}: running whistles would
change under their owners' hands, while the store keeps the old value. Let the new meaning follow from a new field of
the event, whose default is the old meaning (CONTRIBUTING.md, "What replay runs")."""


def replayer() -> Replayer:
    """A replayer with everything that the worker has."""
    return Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=converter_with())


def named(file: Path) -> str:
    """Give a history by release and story."""
    return str(file.relative_to(HISTORIES).with_suffix(""))


@pytest.mark.parametrize("file", KEPT, ids=named)
async def test_a_kept_history_replays_to_the_value_it_came_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of today makes of a kept history what was made of it when it was recorded."""
    accounts = watched(monkeypatch)
    await replayer().replay_workflow(kept(file))
    then, now = Edition(file.parent).values[file.stem], compact(accounts[-1].whistle)
    different = sorted(name for name in then if then[name] != now.get(name))
    assert not different, READ_OTHERWISE.format(release=file.parent.name, fields=", ".join(different))


def watched(monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    """Collect the accounts that workflows open."""
    accounts, opened = list[Account](), Account.__init__

    def open_account(self: Account, *told: Any, **named: Any) -> None:
        opened(self, *told, **named)
        accounts.append(self)

    monkeypatch.setattr(Account, "__init__", open_account)
    return accounts


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_makes_the_workflow_give_the_commands_of_this_release(name: str) -> None:
    """What replay compares is written down; who changes it must say so."""
    told, now = Edition.of().commands[name], commands_of((await tell(STORIES[name])).history)
    line = next((i for i, pair in enumerate(zip(told, now, strict=False)) if pair[0] != pair[1]), len(told))
    was, became = (lines[line] if line < len(lines) else "nothing" for lines in (told, now))
    message = CHANGED.format(kept=f"histories/{OURS}/commands.txt, # {name}", line=line + 1, was=was, now=became)
    assert told == now, message


def test_every_story_has_a_history_of_this_release() -> None:
    """No end and no turn goes unguarded, also once the version is raised: run `make histories`."""
    ours = Edition.of()
    assert {file.stem for file in ours.histories} == set(ours.commands) == set(ours.values) == set(STORIES)


def test_every_kept_history_has_its_value() -> None:
    """Whatever release it is of."""
    assert [named(file) for file in KEPT if file.stem not in Edition(file.parent).values] == []


def test_commands_are_read_as_they_were_written() -> None:
    """Also where a story gave none."""
    told = {"one": ["take review", "answer"], "none": [], "last": ["complete"]}
    assert read_sequences(write_sequences(told)) == told


async def test_a_history_that_was_tampered_with_does_not_replay() -> None:
    """The net holds: a history from which the timers are gone fails."""
    tampered = json.loads((Edition.of().folder / "closed.json").read_text(encoding="utf-8"))
    tampered["events"] = [e for e in tampered["events"] if not e["eventType"].startswith("EVENT_TYPE_TIMER")]
    history = WorkflowHistory.from_json("whistle:closed", tampered)
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is not None

"""`python -m tests.replay.record [STORY…]`: play the stories and keep what they leave as the corpus of this release."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.client import WorkflowHistory

from domain.values import compact
from domain.working_time import BEIJING, WorkCalendar
from tests.fakes import FakeLedger, shipped_rules
from tests.replay.corpus import OURS, Edition, commands_of, is_released
from tests.replay.stories import STORIES, Scene, Story
from tests.servers import RingReader, make_test_worker, time_skipping_server
from workflows import policies


class Told(NamedTuple):
    """What a story left: the history of its last run, and the value it came to."""

    history: WorkflowHistory
    value: dict[str, Any]


async def tell(story: Story, read_keys: RingReader | None = None) -> Told:
    """Play a story on a server of its own, from a Monday morning on without holidays: the same whenever it is told.

    With keys, all that it leaves in Temporal is encrypted.
    """
    ledger = FakeLedger(shipped_rules(WorkCalendar()))
    async with time_skipping_server(read_keys) as env, make_test_worker(env.client, ledger):
        now = (await env.get_current_time()).astimezone(BEIJING)
        monday = now.replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=8 - now.isoweekday())
        await env.sleep(monday - now)
        with unhurried():
            play = await story(Scene(env, ledger))
        return Told(await play.handle.fetch_history(), compact(ledger.values[play.whistle_id]))


@contextmanager
def unhurried() -> Iterator[None]:
    """Let the store take its time: on a slow machine a first attempt that is cut short would be another command."""
    usual = policies.STORE_AT_ONCE_WITHIN
    policies.STORE_AT_ONCE_WITHIN = timedelta(minutes=1)
    try:
        yield
    finally:
        policies.STORE_AT_ONCE_WITHIN = usual


async def main(names: Sequence[str]) -> int:
    """Record the named stories, or all of them; gives the exit code."""
    if is_released(OURS):
        print(f"{OURS} is released and whistles run on it: its histories stay. Raise the version in pyproject.toml,")  # noqa: T201
        print("give it a heading '(unreleased)' in CHANGELOG.md, run make setup, and record again.")  # noqa: T201
        return 1
    edition, sequences = Edition.of(), dict[str, list[str]]()
    for name in names or STORIES:
        told = await tell(STORIES[name])
        edition.keep_history(name, told.history)
        edition.keep_value(name, told.value)
        sequences[name] = commands_of(told.history)
        print(f"{OURS}/{name}: {len(told.history.events)} events, {len(sequences[name])} commands")  # noqa: T201
    edition.keep_commands(sequences)
    return 0


if __name__ == "__main__":
    code = asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(code)

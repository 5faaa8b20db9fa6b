"""`python -m tests.replay.record [STORY…]`: play the stories and keep their histories, for later releases to replay."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import WorkflowHistory

from tests.fakes import FakeLedger, shipped_rules
from tests.replay.stories import STORIES, Scene, Story
from tests.servers import make_test_worker, time_skipping_server

HISTORIES = Path(__file__).with_name("histories")


async def tell(story: Story) -> WorkflowHistory:
    """Play a story on a server of its own and fetch the history of its last run."""
    ledger = FakeLedger(shipped_rules())
    async with time_skipping_server() as env, make_test_worker(env.client, ledger):
        play = await story(Scene(env, ledger))
        return await play.handle.fetch_history()


async def main(names: Sequence[str]) -> None:
    """Record the named stories, or all of them."""
    HISTORIES.mkdir(exist_ok=True)
    for name in names or STORIES:
        history = await tell(STORIES[name])
        text = json.dumps(history.to_json_dict(), ensure_ascii=False, separators=(",", ":"))
        # Stack traces name the folder they were raised in, which is nobody's business here.
        text = text.replace(f"{HISTORIES.parents[2]}/", "")
        (HISTORIES / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        print(f"{name}: {len(history.events)} events")  # noqa: T201 - a program for people


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)

"""Histories of the workflows that never end, for later releases to replay: a run under way, and one that continued.

`python -m tests.replay.standing` plays them and keeps what they leave.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from temporalio import activity
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.delivery import Delivered, DeliveryRound
from domain.webhooks import Sent
from tests.replay.corpus import OURS, Edition, is_released
from tests.servers import time_skipping_server
from tests.stage import TASK_QUEUE
from workflows.outbox import OutboxWorkflow
from workflows.policies import DELIVERY_ROUNDS_BEFORE_CONTINUING
from workflows.sandbox import workflow_runner
from workflows.webhooks import WebhookWorkflow

HISTORIES = Path(__file__).with_name("standing_histories")


class Standing(NamedTuple):
    """One of them: its workflow, the activity that it keeps going, what a round gives, and what a run carries over."""

    run: Any
    activity: str
    round: Any
    carried: Any


class Story(NamedTuple):
    """How many rounds end before the one that goes on, and whether the run carries a count from one before."""

    standing: Standing
    rounds: int
    carries: bool = False


OUTBOX = Standing(OutboxWorkflow.run, "deliver_outbox", Delivered(notices=2, started=1), Delivered(notices=40))
WEBHOOKS = Standing(WebhookWorkflow.run, "deliver_webhooks", Sent(delivered=2, failed=1), Sent(delivered=40))
STORIES = {
    "outbox": Story(OUTBOX, 3, carries=True),
    "outbox_continued": Story(OUTBOX, DELIVERY_ROUNDS_BEFORE_CONTINUING),
    "webhooks": Story(WEBHOOKS, 3, carries=True),
    "webhooks_continued": Story(WEBHOOKS, DELIVERY_ROUNDS_BEFORE_CONTINUING),
}


class Rounds:
    """Rounds, and after the last one told another that goes on for ever."""

    def __init__(self, standing: Standing, rounds: int) -> None:
        """End so many."""
        self._standing = standing
        self._left = rounds
        self.goes_on = asyncio.Event()

    def activity(self) -> Callable[..., Any]:
        """Give it under its name."""

        @activity.defn(name=self._standing.activity)
        async def deliver(_round: DeliveryRound) -> Any:
            if not self._left:
                self.goes_on.set()
                await asyncio.Event().wait()
            self._left -= 1
            return self._standing.round

        return deliver


async def tell(story: Story) -> WorkflowHistory:
    """Play a story on a server of its own and fetch the history of its first run."""
    rounds = Rounds(story.standing, story.rounds)
    async with (
        time_skipping_server() as env,
        Worker(
            env.client,
            task_queue=TASK_QUEUE,
            workflows=[OutboxWorkflow, WebhookWorkflow],
            activities=[rounds.activity()],
            workflow_runner=workflow_runner(),
        ),
    ):
        return await _first_run(env, story, rounds)


async def _first_run(env: WorkflowEnvironment, story: Story, rounds: Rounds) -> WorkflowHistory:
    carried = [story.standing.carried] if story.carries else []
    begun = await env.client.start_workflow(story.standing.run, args=carried, id="standing-1", task_queue=TASK_QUEUE)
    with env.auto_time_skipping_disabled():
        await asyncio.wait_for(rounds.goes_on.wait(), 60)
    history = await env.client.get_workflow_handle("standing-1", run_id=begun.first_execution_run_id).fetch_history()
    await env.client.get_workflow_handle("standing-1").terminate()
    return history


async def main() -> int:
    """Record every story; gives the exit code."""
    if is_released(OURS):
        print(f"{OURS} is released: the histories of what never ends stay")  # noqa: T201 - a program for people
        return 1
    edition = Edition(HISTORIES / OURS)
    for name, story in STORIES.items():
        history = await tell(story)
        edition.keep_history(name, history)
        print(f"{OURS}/standing {name}: {len(history.events)} events")  # noqa: T201
    return 0


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)

"""Opening the workflow of a stored whistle, with the line by which admins know it."""

from typing import NamedTuple

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.whistle import Whistle
from settings import TASK_QUEUE
from starter.start import start_whistle
from storage.catalogues import rules
from storage.pool import Pool
from storage.registrations import mark_started

_SUMMARY_BYTES = 400
"""The server's limit for a summary (`limit.userMetadataSummarySize`), beyond which it refuses the start."""


class Opening(NamedTuple):
    """Where the workflows of a district are opened: its store, its namespace and task queue, its profile of limits."""

    pool: Pool
    temporal: Client
    limits: str = "default"
    task_queue: str = TASK_QUEUE

    async def open(
        self, whistle: Whistle, reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE
    ) -> None:
        """Start the workflow, once however often it is asked for, and note that it was started."""
        organisations = (await rules(self.pool, self.limits)).organisations
        summary = summary_of(whistle, organisations.name_of(whistle.township))
        await start_whistle(self.temporal, self.task_queue, whistle, summary, reuse)
        await mark_started(self.pool, whistle.whistle_id)


def summary_of(whistle: Whistle, township: str) -> str:
    """Write what lists of workflows show: 【应急】金海湖镇 盗采砂石."""
    kind = whistle.kind.label.removesuffix("哨") if whistle.kind else "哨源"
    summary = f"【{kind}】{township} {whistle.title}"
    encoded = summary.encode()
    if len(encoded) <= _SUMMARY_BYTES:
        return summary
    ellipsis = "…"
    return encoded[: _SUMMARY_BYTES - len(ellipsis.encode())].decode(errors="ignore") + ellipsis

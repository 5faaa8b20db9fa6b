"""Opening the workflow of a stored whistle, with what admins read of it before and beside its current details.

Neither the SDK nor the server lets a running workflow change its static summary and details: they say what was known
when it was started, and a run that continues as new has none. The current details open with the true headline.
"""

from typing import NamedTuple

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.converter import WorkflowSerializationContext

from domain.summaries import headline
from domain.whistle import Whistle
from settings import TASK_QUEUE
from starter.encryption.conversion import current_key
from starter.start import Metadata, start_whistle, workflow_id_of
from storage.catalogues import rules
from storage.pool import Pool
from storage.registrations import mark_started
from workflows.markdown import items, plain
from workflows.wording import both, when

_LENGTHS = 8
"""Bytes by which longer text lengthens the marks of its length, and compresses worse."""
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
        township = (await rules(self.pool, self.limits)).organisations.name_of(whistle.township)
        room = _SUMMARY_BYTES - await _taken_by_encryption(self.temporal, whistle.whistle_id)
        metadata = Metadata(summary=summary_of(whistle, township, room), details=details_of(whistle, township))
        await start_whistle(self.temporal, self.task_queue, whistle, metadata, reuse)
        await mark_started(self.pool, whistle.whistle_id)


def summary_of(whistle: Whistle, township: str, room: int = _SUMMARY_BYTES) -> str:
    """Write what the workflow is called at its start, in so many bytes: 【应急】金海湖镇 盗采砂石."""
    summary = plain(headline(whistle, township))
    encoded = summary.encode()
    if len(encoded) <= room:
        return summary
    ellipsis = "…"
    cut = encoded[: room - len(ellipsis.encode())].decode(errors="ignore")
    return cut.rstrip("\\") + ellipsis


def details_of(whistle: Whistle, township: str) -> str:
    """List, as Markdown, what is known from the start and never changes; no personal data."""
    grid = f" · 网格 grid `{whistle.grid}`" if whistle.grid else ""
    due = f" · 来单时限 due {when(whistle.source_due_at)}" if whistle.source_due_at else ""
    lines = (
        f"哨单 whistle {whistle.serial} `{whistle.whistle_id}`",
        f"来源 source {both(whistle.channel)}{due}",
        f"街乡 township {township} `{whistle.township}`{grid}",
        f"协同 chain {both(whistle.chain)}",
        f"登记 registered {when(whistle.registered_at)}",
    )
    return f"{items(lines)}\n\n登记时所知,不再变动。现状见 as registered; what holds now: **Current Details**"


async def _taken_by_encryption(temporal: Client, whistle_id: str) -> int:
    converter = temporal.data_converter
    if current_key(converter) is None:
        return 0
    context = WorkflowSerializationContext(namespace=temporal.namespace, workflow_id=workflow_id_of(whistle_id))
    (empty,) = await converter.with_context(context).encode([""])
    return empty.ByteSize() + _LENGTHS

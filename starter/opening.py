"""Opening the workflow of a stored whistle, with the line by which admins know it."""

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.whistle import Whistle
from starter.start import start_whistle
from storage.catalogues import rules
from storage.pool import Pool
from storage.registrations import mark_started

_SUMMARY_BYTES = 400
"""The server's limit for a summary (`limit.userMetadataSummarySize`), beyond which it refuses the start."""


async def open_workflow(
    pool: Pool,
    temporal: Client,
    whistle: Whistle,
    limits: str,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> None:
    """Start the workflow, once however often it is asked for, and note that it was started."""
    organisations = (await rules(pool, limits)).organisations
    summary = summary_of(whistle, organisations.name_of(whistle.township))
    await start_whistle(temporal, whistle.whistle_id, whistle.title, summary, reuse)
    await mark_started(pool, whistle.whistle_id)


def summary_of(whistle: Whistle, township: str) -> str:
    """Write what lists of workflows show: 【应急】金海湖镇 盗采砂石."""
    kind = whistle.kind.label.removesuffix("哨") if whistle.kind else "哨源"
    summary = f"【{kind}】{township} {whistle.title}"
    encoded = summary.encode()
    if len(encoded) <= _SUMMARY_BYTES:
        return summary
    ellipsis = "…"
    return encoded[: _SUMMARY_BYTES - len(ellipsis.encode())].decode(errors="ignore") + ellipsis

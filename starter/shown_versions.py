"""What workflows show of themselves in visibility, for a few whistles among many."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client

from starter.start import workflow_id_of
from workflows.presentation import ATTRIBUTE_KEYS
from workflows.search_attributes import WHISTLE_VERSION

AT_ONCE = 100
_WITHIN = timedelta(seconds=3)
_VERSION = ATTRIBUTE_KEYS[WHISTLE_VERSION]


async def shown_versions(temporal: Client, whistle_ids: Sequence[str]) -> dict[str, int]:
    """Give the highest version that the runs of each whistle show; whistles without a run are left out."""
    workflows = {workflow_id_of(one): one for one in whistle_ids}
    ids, shown = list(workflows), dict[str, int]()
    for first in range(0, len(ids), AT_ONCE):
        quoted = ", ".join(f"'{one}'" for one in ids[first : first + AT_ONCE])
        async for run in temporal.list_workflows(f"WorkflowId IN ({quoted})", rpc_timeout=_WITHIN):
            whistle_id = workflows[run.id]
            shown[whistle_id] = max(shown.get(whistle_id, 0), run.typed_search_attributes.get(_VERSION) or 0)
    return shown

"""What an encrypted payload says of itself to everybody, and how it is told from others."""

from temporalio.api.common.v1 import Payload

ENCODING, KEY, WORKFLOW = "encoding", "key", "workflow"
ENCRYPTED = b"binary/encrypted"
"""The name that Temporal's own samples and tools use."""


def is_encrypted(payload: Payload) -> bool:
    """Tell an encrypted payload from one that everybody may read."""
    return payload.metadata.get(ENCODING) == ENCRYPTED


def key_of(payload: Payload) -> str:
    """Name the key of an encrypted payload; "?" where it names none, which is then not of Whistle."""
    return payload.metadata.get(KEY, b"?").decode(errors="replace")


def workflow_of(payload: Payload) -> str | None:
    """Name the workflow that an encrypted payload was made for, if that was known then."""
    found = payload.metadata.get(WORKFLOW)
    return None if found is None else found.decode(errors="replace")

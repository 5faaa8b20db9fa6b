"""What schemathesis loads: offices of this district and printable words in place of random ones, every other time.

Else what it makes up would be refused before it reaches the domain, and no link would ever be followed.
"""

import itertools
import os
from typing import Any

import schemathesis
from schemathesis import HookContext

SOURCE_SYSTEM = "WHISTLE_FUZZED_SOURCE_SYSTEM"
REAL: dict[str, Any] = {
    "township": "jinhaihu",
    "received_at": "2026-11-24T10:00:00+08:00",
    "responder": "water",
    "lead": "water",
    "responders": ["water"],
    "failed_responders": ["water"],
    "proposed_responders": ["water", "police"],
    "cooperating": ["police"],
    "proposed_responder": "police",
    "reassign_to": "police",
    "transfer_to": "binhe",
    "url": "http://127.0.0.1:9/in",
    "events": ["*"],
    "place": {"address": "上宅村西"},
    "evidence": [],
}
LEFT_OUT = frozenset({"chain", "caller", "source_due_at", "secret", "organisation"})
_turn = itertools.count()


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:  # noqa: ARG001 - hooks are known by their signature
    """Put in what this district has."""
    if not isinstance(body, dict) or next(_turn) % 2:
        return body
    kept = {name: REAL.get(name, printable(value)) for name, value in body.items() if name not in LEFT_OUT}
    own = {"source_system": os.environ[SOURCE_SYSTEM]} if "source_system" in body else {}
    return kept | own


def printable(value: Any) -> Any:
    """Put a plain word in the place of a text that no field takes."""
    if isinstance(value, dict):
        return {name: printable(one) for name, one in value.items()}
    if isinstance(value, str) and not (value.isprintable() and value.strip()):
        return "渣土"
    return value

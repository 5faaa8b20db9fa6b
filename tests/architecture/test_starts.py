"""A start imports what it needs: what is asked for later, or by few, is imported then."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOW = "import json, sys; {}; print(json.dumps(sorted(sys.modules)))"
UNNEEDED = {
    "starter.gateway.server": {
        "cryptography",  # only an issuer's tokens, or encrypted payloads, are signed or sealed
        "httpx",
        "jwt",
        "openpyxl",  # Excel
        "temporalio.worker",
        "workflows.whistle",
    },
}


@pytest.mark.parametrize(("module", "unneeded"), UNNEEDED.items(), ids=list(UNNEEDED))
def test_a_start_imports_nothing_that_it_does_not_need(module: str, unneeded: set[str]):
    """A part that dies is back within five seconds, and most of them are imports."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(f"import {module}")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert unneeded & set(json.loads(done.stdout)) == set()

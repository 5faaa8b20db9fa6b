"""A start imports what it needs: what is asked for later, or by few, is imported then."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from starter.cli.app import run
from starter.cli.call import DONE, USAGE
from starter.cli.contents import CONTENTS

ROOT = Path(__file__).parents[2]
SHOW = "import json, sys; {}; print(json.dumps(sorted(sys.modules)))"
UNNEEDED = {
    "starter.cli.app": {"asyncio", "domain.values", "pydantic", "rich", "settings", "temporalio"},
    "starter.cli.processes": {"pydantic", "temporalio"},
    "starter.cli.reading": {
        "cryptography",
        "fastapi",
        "httpx",
        "jwt",
        "openpyxl",
        "prometheus_client",
        "temporalio.worker",
    },
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


def test_help_imports_no_command():
    """`whistle --help` is there in a tenth of a second."""
    words = ["-X", "importtime", "-c", "from starter.cli import main; main()", "--help"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "存证校验" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "starter.cli.contents" in imported
    assert {"pydantic", "temporalio", "starter.client", "starter.cli.reading"} & imported == set()


@pytest.mark.parametrize("name", CONTENTS)
def test_every_command_that_help_lists_can_be_asked_for_help(name: str, capsys: pytest.CaptureFixture[str]):
    """Its module is there, and says what it does in the words of the field or plainly."""
    assert run([name, "--help"]) == DONE
    assert f"whistle {name}" in capsys.readouterr().out


def test_a_command_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]):
    """With the names that come near."""
    assert run(["lsit"]) == USAGE
    assert "lsit" in capsys.readouterr().err

"""A command line starts fast: what encrypts is loaded only where there are keys."""

import subprocess
import sys


def test_the_command_line_starts_without_a_cipher() -> None:
    """Neither cryptography nor the web framework of the codec server."""
    script = "import sys, starter.cli.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "typer" in loaded
    assert not {"cryptography", "jwt"} & set(loaded)

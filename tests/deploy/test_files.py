"""The files of deploy/ name what exists: variables, commands, files; and systemd's own tools take them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from settings import Settings, variable_of
from starter.cli.contents import CONTENTS
from starter.embedded.temporal import _FLAGS

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
UNITS = sorted((DEPLOY / "systemd").iterdir())
OURS = re.compile(r"\b(?:WHISTLE|TEMPORAL|OTEL)_[A-Z0-9_]+\b")
OF_IMAGES = {
    "TEMPORAL_PASSWORD",
    "TEMPORAL_VERSION",
    "TEMPORAL_UI_VERSION",
    "WHISTLE_OWNER_PASSWORD",
    "WHISTLE_APP_PASSWORD",
    "WHISTLE_VERSION",
}
"""Variables of compose.yaml itself, which no process of ours reads."""
EXPOSURE = 2.0
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def test_every_variable_is_one_that_settings_read():
    """A misspelt one would be ignored in silence."""
    known = {variable_of(name) for name in Settings.model_fields} | OF_IMAGES
    named = {found for file in DEPLOY.rglob("*") if file.is_file() and "observability" not in file.parts
             for found in OURS.findall(file.read_text("utf-8"))}  # fmt: skip
    assert "WHISTLE_DATABASE_DSN" in named
    assert named <= known


def test_every_command_is_one_of_the_command_line():
    """In units and in compose.yaml."""
    units = {found for unit in UNITS for found in re.findall(r"whistle ([a-z-]+)", _commands_of(unit))}
    composed = {service["command"][0] for service in COMPOSE["services"].values() if service.get("build")}
    assert {"worker", "gateway", "migrate", "verify"} <= units | composed <= CONTENTS.keys()


def test_compose_mounts_and_depends_on_what_is_there():
    """Files beside it, services and volumes of its own."""
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
    asked = set(re.findall(r"\$\{([A-Z_]+):\?\}", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert asked == set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text("utf-8"), re.MULTILINE))
    assert services["worker"]["stop_grace_period"] == services["gateway"]["stop_grace_period"] == "45s"


def test_what_a_temporal_server_is_told_is_what_the_embedded_one_is_told():
    """Else a limit found in tests would come back in production."""
    told = yaml.safe_load((DEPLOY / "temporal" / "dynamicconfig.yaml").read_text("utf-8"))
    given = dict(flag.partition("value=")[2].split("=") for flag in _FLAGS if flag.startswith("--dynamic-config-value"))
    assert {name: str(held[0]["value"]).lower() for name, held in told.items()} == given


@needs_systemd
def test_the_units_are_such_as_systemd_takes(tmp_path: Path):
    """With the program where this test has it."""
    program = Path(__file__).parents[2]
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/whistle/current", str(program))
        (tmp_path / unit.name).write_text(text, "utf-8")
    (tmp_path / "whistle-worker@1.service").write_bytes((tmp_path / "whistle-worker@.service").read_bytes())
    ran = _systemd_analyze("verify", "--man=no", *map(str, sorted(tmp_path.iterdir())))
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    for name in ("whistle-worker@1.service", "whistle-gateway.service", "whistle-heads.service"):
        exposed = _systemd_analyze("security", "--offline=true", "--no-pager", str(tmp_path / name)).stdout
        assert float(re.findall(r"exposure level for \S+: ([\d.]+)", exposed)[0]) <= EXPOSURE


@needs_systemd
def test_the_timers_know_their_hour():
    """In Beijing."""
    for unit in UNITS:
        for when in re.findall(r"^OnCalendar=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
            assert when.endswith("Asia/Shanghai")
            assert _systemd_analyze("calendar", when).returncode == 0


def test_shell_scripts_are_such_as_a_shell_reads():
    """Without running them."""
    for script in DEPLOY.rglob("*.sh"):
        assert subprocess.run(["/bin/sh", "-n", str(script)], check=False).returncode == 0, script


def _commands_of(unit: Path) -> str:
    return "\n".join(line for line in unit.read_text("utf-8").splitlines() if line.startswith("Exec"))


def _systemd_analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)

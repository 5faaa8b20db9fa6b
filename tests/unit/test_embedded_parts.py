"""One part: readiness, restarts, stopping, and what becomes of it when its parent is killed."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from starter.embedded.errors import PartNotStartedError
from starter.embedded.logs import rotate_large_logs, rotate_logs
from starter.embedded.orphans import MARK, end_orphans, mark
from starter.embedded.parts import Launch, Part, said_if_heard

SHORT = timedelta(seconds=0.3)


def launch(folder: Path, *command: str) -> Launch:
    """Describe a part that runs `command`."""
    environment = {"PATH": os.defpath, MARK: mark(folder, "dummy")}
    return Launch("dummy", command or ("sleep", "1000"), folder / "dummy.log", environment)


async def test_a_part_that_dies_is_started_again_and_told(tmp_path: Path) -> None:
    """Nobody has to watch the parts."""
    said: list[str] = []
    changes: list[int | None] = []
    part = Part(launch(tmp_path), said.append, lambda: changes.append(part.pid))
    await part.start()
    first = part.signal(signal.SIGKILL)
    second = await part.until_replaced(first, timedelta(seconds=5))
    await part.stop(SHORT)
    assert first != second
    assert changes == [first, None, second, None]
    assert said == ["dummy ended with -9; starting it again", f"dummy runs again (process {second})"]


async def test_a_part_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """A stop has an end, children of the part included."""
    stubborn = "trap '' TERM; touch ready; sleep 1000 & wait; sleep 1000"

    async def is_ready(_pid: int) -> bool:
        return (tmp_path / "ready").exists()

    described = replace(launch(tmp_path, "sh", "-c", stubborn), folder=str(tmp_path), is_ready=is_ready)
    part = Part(described, print, lambda: None)
    await part.start()
    await part.stop(SHORT)
    assert part.pid is None
    assert await end_orphans({mark(tmp_path, "dummy")}, patience=timedelta(seconds=2)) == []


async def test_a_part_that_ends_while_starting_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    """The reason stands in the message, not only in a log file."""

    async def never(_pid: int) -> bool:
        return False

    part = Part(replace(launch(tmp_path, "sh", "-c", "echo no disk; exit 3"), is_ready=never), print, lambda: None)
    with pytest.raises(PartNotStartedError, match="ended with 3: no disk"):
        await part.start()


async def test_a_part_that_is_not_ready_in_time_is_an_error_and_is_ended(tmp_path: Path) -> None:
    """A part that hangs does not hang the stack."""

    async def never(_pid: int) -> bool:
        return False

    part = Part(replace(launch(tmp_path), is_ready=never, ready_within=SHORT), print, lambda: None)
    with pytest.raises(PartNotStartedError, match="not ready"):
        await part.start()
    assert await end_orphans({mark(tmp_path, "dummy")}, patience=timedelta(seconds=2)) == []


async def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    """A wrong command is named."""
    with pytest.raises(PartNotStartedError, match="no-such-program"):
        await Part(launch(tmp_path, "/no-such-program"), print, lambda: None).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_a_part_ends_with_its_killed_parent(tmp_path: Path) -> None:
    """No part outlives the stack, however that ends."""
    script = f"""
import asyncio
from pathlib import Path
from tests.unit.test_embedded_parts import Part, launch

async def main():
    await Part(launch(Path({str(tmp_path)!r})), print, lambda: None).start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    root = Path(__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=root, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 10) == b"ready\n"
    parent.kill()
    await parent.wait()
    assert await end_orphans({mark(tmp_path, "dummy")}, patience=timedelta(seconds=2)) == []


async def test_an_orphan_that_stays_is_killed(tmp_path: Path) -> None:
    """The next start is not at the mercy of what the last one left."""
    described = launch(tmp_path)
    orphan = await asyncio.create_subprocess_exec(*described.command, env=dict(described.environment))
    killed = await end_orphans({mark(tmp_path, "dummy")}, patience=SHORT)
    assert killed == [orphan.pid]
    assert await orphan.wait() == -signal.SIGKILL


def test_a_closed_terminal_does_not_stop_the_supervision() -> None:
    """Telling is a courtesy; keeping the parts running is not."""

    def broken(_line: str) -> None:
        raise BrokenPipeError

    said_if_heard(broken)("anything")


def test_one_previous_log_is_kept(tmp_path: Path) -> None:
    """What the last start said can still be read."""
    log = tmp_path / "worker.log"
    for text in ("first", "second"):
        log.write_text(text, "utf-8")
        rotate_logs(tmp_path)
    assert not log.exists()
    assert (tmp_path / "worker.log.1").read_text("utf-8") == "second"


def test_a_log_that_grew_too_large_is_emptied_under_its_writer(tmp_path: Path) -> None:
    """A stack that runs for months does not fill the disk."""
    log = tmp_path / "worker.log"
    with log.open("a", encoding="utf-8") as writer:
        writer.write("x" * 100)
        writer.flush()
        rotate_large_logs(tmp_path, largest_bytes=50)
        writer.write("on")
    assert log.read_text("utf-8") == "on"
    assert len((tmp_path / "worker.log.1").read_text("utf-8")) == 100

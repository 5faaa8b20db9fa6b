"""`make demo`: one emergency whistle through all seven steps, with one department late, on a stack of its own."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from domain.errors import WhistleError
from domain.values import Actor
from domain.vocabulary import SupervisionLevel
from settings import Settings, settings_of_process
from starter.cli.operating import addresses
from starter.cli.output import DONE, INTERRUPTED, REFUSED, draw
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack, EmbeddedStackError, embedded_stack, erase_stack
from starter.identity import actor_named
from starter.preparation import GATEWAY, WORKER, Preparation
from starter.rendering import Story, timeline, whistle_panel

LATE = "police"
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.2
ROOM = 120
URGED = SupervisionLevel.URGE.rank

SOURCE, CLERK, LEADER, PLATFORM = "source@12345", "clerk@jinhaihu", "leader@jinhaihu", "platform"
Act = tuple[str, str, dict[str, Any]]

REVIEW_AND_DISPATCH: tuple[Act, ...] = (
    (
        CLERK,
        "review",
        {
            "decision": "WHISTLE",
            "kind": "EMERGENCY",
            "urgency": "CRITICAL",
            "tier": "EMERGENCY_RESPONSE",
            "proposed_responders": ["planning", "water", LATE],
            "assembly_place": "金海湖镇上宅村西砂坑",
        },
    ),
    (PLATFORM, "accept", {"lead": "planning", "cooperating": ["water", LATE]}),
    (LEADER, "ratify", {}),
    ("department@planning", "arrive", {"responder": "planning", "officers": [{"name": "李明"}]}),
    ("department@water", "sign", {"responder": "water"}),
    ("department@water", "arrive", {"responder": "water", "officers": [{"name": "王强"}]}),
)
ACTION: tuple[Act, ...] = (
    (f"department@{LATE}", "arrive", {"responder": LATE, "officers": [{"name": "赵磊"}]}),
    (
        "department@water",
        "report_handling",
        {"responder": "water", "result": "RESOLVED", "summary": "河道无损,责令恢复原状"},
    ),
    (
        f"department@{LATE}",
        "report_handling",
        {"responder": LATE, "result": "CASE_FILED", "summary": "控制挖掘机 2 台,带离 3 人"},
    ),
    (
        "department@planning",
        "report_handling",
        {
            "responder": "planning",
            "result": "CASE_FILED",
            "summary": "盗采砂石约 40 立方米,已立案",
            "documents": [{"type": "责令停止违法行为通知书", "number": "京规自(平)责停字〔2026〕17号"}],
        },
    ),
)
CHECK_AND_REPLY: tuple[Act, ...] = (
    (CLERK, "check", {"passed": True, "outcome": "CASE_FILED"}),
    (
        LEADER,
        "evaluate",
        {"responders": ["planning", "water"], "scores": {"cooperation": 100, "result": 95}},
    ),
    (LEADER, "evaluate", {"responder": LATE, "scores": {"cooperation": 80, "result": 95}, "comment": "到场迟"}),
    (CLERK, "feedback", {"reply": "现场已制止,涉案车辆已扣押,案件正在办理。", "via": "PHONE"}),
    (SOURCE, "callback", {"reached": True, "solved": True, "satisfaction": "SATISFIED"}),
)


class Play:
    """One whistle played by the proper people, told as it happens."""

    def __init__(self, client: WhistleClient, data_dir: Path, console: Console) -> None:
        """Play on this client's stack with the keys of its data folder."""
        self._client = client
        self._data_dir = data_dir
        self._console = console
        self._actors: dict[str, Actor] = {}
        self._story = Story()
        self._acts = 0

    async def perform(self) -> None:
        """Play all seven steps to CLOSED."""
        registered = await self._client.register(_matter(), await self._actor(SOURCE))
        whistle_id = registered.whistle_id
        await self._tell(whistle_id)
        await self._do_all(whistle_id, REVIEW_AND_DISPATCH)
        self._remark("公安分局未到,等待报到时限 · police is not here: the 5-second limit runs out")
        await self._until_late(whistle_id)
        await self._do_all(whistle_id, ACTION)
        await self._do_all(whistle_id, CHECK_AND_REPLY)
        await self._show(whistle_id)

    async def _do_all(self, whistle_id: str, acts: Sequence[Act]) -> None:
        for name, command, body in acts:
            self._acts += 1
            await self._client.do(whistle_id, command, body, await self._actor(name), f"{name}:demo-{self._acts}")
            await self._tell(whistle_id)

    async def _until_late(self, whistle_id: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self._is_late():
                await asyncio.sleep(LOOK_EVERY_S)
                await self._tell(whistle_id)

    def _is_late(self) -> bool:
        whistle = self._story.whistle
        report_in = whistle.report_in(LATE) if whistle else None
        return bool(whistle and report_in and report_in.overdue and whistle.supervision_level.rank >= URGED)

    async def _tell(self, whistle_id: str) -> None:
        after = self._story.whistle.sequence if self._story.whistle else 0
        for event in await self._client.events(whistle_id, after=after):
            *entered, line = self._story.next(event)
            if entered:
                self._console.print()
            draw(self._console, [*entered, line])

    async def _show(self, whistle_id: str) -> None:
        name = (await self._client.organisations()).name_of
        self._console.print()
        self._console.rule("时间线 timeline")
        draw(self._console, timeline(await self._client.events(whistle_id)))
        draw(self._console, whistle_panel(await self._client.view(whistle_id), name, datetime.now(UTC)))

    async def _actor(self, name: str) -> Actor:
        if name not in self._actors:
            self._actors[name] = await actor_named(self._client.pool, self._data_dir, name)
        return self._actors[name]

    def _remark(self, line: str) -> None:
        draw(self._console, [Text(f"  … {line}", style="yellow")])


def main() -> None:
    """Play the demo; `--keep` leaves the stack up until Ctrl-C. Ends the process itself, as the command line does."""
    parser = argparse.ArgumentParser(description="One emergency whistle through all seven steps.")
    parser.add_argument("--keep", action="store_true", help="stay up afterwards and print the addresses")
    keep = parser.parse_args().keep
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)  # type: ignore[union-attr]
    code = _play(keep=keep)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _play(*, keep: bool) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else ROOM)
    chosen = settings_of_process().data_dir.resolve() / "demo"
    data_dir = chosen if keep else Path(tempfile.mkdtemp(prefix="whistle-demo-"))
    settings = Settings.model_construct(limits="demo").model_copy(update={"data_dir": data_dir})
    try:
        if keep:
            erase_stack(data_dir)
        asyncio.run(_run(settings, console, keep=keep))
    except (WhistleError, EmbeddedStackError, TimeoutError) as error:
        console.print(f"✗ {type(error).__name__}: {error}\n  logs: {data_dir / 'logs'}", style="bold red")
        return REFUSED
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = DONE if keep else INTERRUPTED
    else:
        code = DONE
    if not keep:
        erase_stack(data_dir)
    return code


async def _run(settings: Settings, console: Console, *, keep: bool) -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    console.print("启动内嵌环境 starting PostgreSQL, Temporal and a worker …", style="dim")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        gateway_command=GATEWAY if keep else None,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
    ) as stack:
        console.print(f"就绪 ready after {time.monotonic() - began:.1f} s", style="dim")
        await _perform(stack, settings, console)
        console.print(f"演示完成 done after {time.monotonic() - began:.1f} s", style="bold green")
        if keep:
            draw(console, [Text(line) for line in ("", *addresses(stack.record, settings), "  Ctrl-C stops it")])
            await asyncio.Event().wait()


async def _perform(stack: EmbeddedStack, settings: Settings, console: Console) -> None:
    here = settings.model_copy(update={"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address})
    async with WhistleClient.open(here, size=2) as client:
        await Play(client, settings.data_dir, console).perform()


def _matter() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "source_system": "12345",
        "external_id": f"{now:%Y%m%d%H%M%S}",
        "channel": "HOTLINE_12345",
        "received_at": now.isoformat(),
        "title": "盗采砂石",
        "description": "夜间有挖掘机在上宅村西侧河滩盗采砂石,渣土车三辆。",
        "township": "jinhaihu",
        "place": {"address": "金海湖镇上宅村西", "lng": 117.31, "lat": 40.18, "crs": "GCJ02"},
        "demand_type": "REPORT",
        "reporter": {"name": "张女士", "phone": "13800000000", "confidential": True},
    }


if __name__ == "__main__":
    main()

"""What the command line offers, by name: a command's module is imported when the command is asked for.

`whistle --help` says nothing that would need them, and no command pays for the others.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command


class Entry(NamedTuple):
    """A function, or a group of several, in a module of this folder; with the line that `--help` shows.

    `others` are modules that add to the group.
    """

    module: str
    name: str
    line: str
    others: tuple[str, ...] = ()


CONTENTS = {
    "up": Entry("operating", "up", "run the embedded stack in the foreground"),
    "worker": Entry("processes", "worker", "run a worker until SIGTERM"),
    "gateway": Entry("processes", "gateway", "run an HTTP gateway until SIGTERM"),
    "codec-server": Entry("processes", "codec_server", "run a codec server for the Temporal UI until SIGTERM"),
    "migrate": Entry("operating", "migrate", "bring the database to this release, and give out missing keys"),
    "register": Entry("acting", "register", "登记哨源 register a matter that may become a whistle"),
    "do": Entry("acting", "do", "办理 do one of 36 commands, such as whistle do ID arrive"),
    "list": Entry("reading", "list_whistles", "哨单列表 list whistles, the newest first"),
    "tasks": Entry("reading", "list_tasks", "待办事项 list what awaits --as, the most pressing first"),
    "show": Entry("reading", "show_whistle", "查看哨单 show a whistle as it stands"),
    "history": Entry("history", "show_history", "吹哨全留痕 show a whistle's whole trail by step"),
    "notices": Entry(
        "notices", "app", "通知 of a whistle (ID), or: duty, preview, try, retry, report", ("notice_mending",)
    ),
    "supervisions": Entry("supervisions", "supervisions", "督办 list what is open, or print one document"),
    "report": Entry("reporting", "app", "统计报表 figures from the audit trail"),
    "verify": Entry("verifying", "verify", "存证校验 verify the audit trail, and what was made of it"),
    "rebuild": Entry("rebuilding", "rebuild", "重建流程 start what has no workflow, from the ledger"),
    "keys": Entry("keys", "app", "密钥 API keys: create, list, rotate, revoke"),
    "payload-keys": Entry("payload_keys", "app", "加密密钥 the keys that payloads in Temporal are encrypted with"),
    "hooks": Entry("hooks", "app", "签名接入 signed intake of other systems"),
    "webhooks": Entry("webhooks", "app", "推送订阅 outbound webhooks: list, rotate, enable"),
    "catalogue": Entry("cataloguing", "app", "目录 the catalogues in force"),
    "schedules": Entry("schedules", "app", "定时任务 Temporal Schedules"),
    "views": Entry("views", "views", "查询视图 queries for the Temporal UI"),
    "doctor": Entry("examining", "doctor", "体检 look at every part and say what to do"),
    "replay": Entry("replaying", "replay", "replay histories, or what is open, through this release's workflows"),
    "deploy": Entry("deploying", "app", "版本发布 versions of workers: show, check, ramp, current, drain, rollout"),
}


class Contents(TyperGroup):
    """The group of all commands, none of which is imported before it is asked for."""

    def list_commands(self, _context: Any) -> list[str]:  # noqa: ANN401 - of a library that typer keeps to itself
        """Name the commands in their order."""
        return list(CONTENTS)

    def get_command(self, _context: Any, name: str) -> Any:  # noqa: ANN401
        """Import a command; None for a name that is none."""
        return imported(name) if name in CONTENTS else None

    def format_commands(self, _context: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write each command with its line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in CONTENTS.items()])


def imported(name: str) -> Any:  # noqa: ANN401
    """Import a command or a group of commands, and make it what typer runs."""
    entry = CONTENTS[name]
    module, *_ = [import_module(f"starter.cli.{each}") for each in (entry.module, *entry.others)]
    found = getattr(module, entry.name)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(name, **getattr(module, "SETTINGS", {}).get(name, {}))(found)
        found = alone
    made: Any = get_command(found)
    made.name = name
    return made

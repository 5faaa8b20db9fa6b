"""Looking at a system: `whistle doctor`, `whistle replay`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from settings import load_settings
from starter.cli.output import DONE, REFUSED, show
from starter.cli.session import Call, JsonOption
from starter.doctor import examine
from starter.encryption.conversion import data_converter
from starter.findings import Finding, Health
from starter.replay import Replayed, replay_file

_MARKS = {Health.WELL: ("✓", "green"), Health.WARNING: ("!", "yellow"), Health.BROKEN: ("✗", "bold red")}


def doctor(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """体检: look at every part and say what to do; exit code 1 when something is broken."""
    call = Call.of(context, as_json=as_json)
    findings = asyncio.run(examine(load_settings()))
    broken = any(finding.health is Health.BROKEN for finding in findings)
    data = {"healthy": not broken, "items": [finding.model_dump(mode="json") for finding in findings]}
    show(data, lambda: _findings_table(findings), as_json=call.as_json)
    raise typer.Exit(REFUSED if broken else DONE)


def replay(
    context: typer.Context,
    history: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE…")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Replay exported histories (JSON) through this release's workflows; exit code 1 when one does not replay."""
    call = Call.of(context, as_json=as_json)
    found = asyncio.run(_replay(history))
    data = {"items": [one.model_dump(mode="json") for one in found]}
    show(data, lambda: _replayed_table(found), as_json=call.as_json)
    raise typer.Exit(DONE if all(one.replays for one in found) else REFUSED)


async def _replay(files: list[Path]) -> list[Replayed]:
    converter = data_converter(load_settings())
    return [await replay_file(file, converter) for file in files]


def _findings_table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark, style = _MARKS[finding.health]
        detail = Text(finding.detail)
        if finding.advice:
            detail.append(f"\n→ {finding.advice}", style="yellow")
        table.add_row(Text(mark, style=style), finding.part, detail)
    return table


def _replayed_table(found: list[Replayed]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        mark, style = _MARKS[Health.WELL if one.replays else Health.BROKEN]
        table.add_row(Text(mark, style=style), one.file, one.error or f"{one.events} events")
    return table

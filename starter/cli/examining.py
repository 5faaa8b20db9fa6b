"""Looking at a system: `whistle doctor`."""

import asyncio

import typer
from rich.table import Table
from rich.text import Text

from settings import load_settings
from starter.cli.output import DONE, REFUSED, show
from starter.cli.session import Call, JsonOption
from starter.doctor import examine
from starter.findings import Finding, Health

_MARKS = {Health.WELL: ("✓", "green"), Health.WARNING: ("!", "yellow"), Health.BROKEN: ("✗", "bold red")}


def doctor(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """体检: look at every part and say what to do; exit code 1 when something is broken."""
    call = Call.of(context, as_json=as_json)
    findings = asyncio.run(examine(load_settings()))
    broken = any(finding.health is Health.BROKEN for finding in findings)
    data = {"healthy": not broken, "items": [finding.model_dump(mode="json") for finding in findings]}
    show(data, lambda: _findings_table(findings), as_json=call.as_json)
    raise typer.Exit(REFUSED if broken else DONE)


def _findings_table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark, style = _MARKS[finding.health]
        detail = Text(finding.detail)
        if finding.advice:
            detail.append(f"\n→ {finding.advice}", style="yellow")
        table.add_row(Text(mark, style=style), finding.part, detail)
    return table

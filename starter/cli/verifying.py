"""`whistle verify`: whether the audit trail is what was written, and everything else what the trail says."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from starter.anchoring import export_heads
from starter.cli.output import DONE, REFUSED, say, show
from starter.cli.session import Call, JsonOption, Session, run
from starter.verifying import LISTED, Ask, Tally, Verification, verify_bundles, verify_store

_EVERY = 5_000
BUNDLE = ".zip"

WhatArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID|FILE.zip]…", help="Whistles, or histories that were exported.")
]
EveryOption = Annotated[bool, typer.Option("--all", help="Every whistle.")]
TemporalOption = Annotated[bool, typer.Option("--temporal", help="Ask the workflow of each open one too.")]
HeadsOption = Annotated[bool, typer.Option("--heads", help="Write the heads of all trails, to be kept elsewhere.")]
AgainstOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Heads that were kept, or their last line.")
]


def verify(
    context: typer.Context,
    what: WhatArgument = None,
    *,
    every: EveryOption = False,
    temporal: TemporalOption = False,
    heads: HeadsOption = False,
    against: AgainstOption = None,
    as_json: JsonOption = False,
) -> None:
    """存证校验: verify the audit trail, and what was made of it; exit code 1 when something is wrong."""
    call = Call.of(context, as_json=as_json)
    if heads:
        run(call, _write_heads)
        return
    if not (what or every or against):
        message = "say what to verify: IDs, exported files, --all or --against FILE"
        raise typer.BadParameter(message)
    bundles = [Path(one) for one in what or () if one.endswith(BUNDLE)]
    whistle_ids = tuple(one for one in what or () if not one.endswith(BUNDLE))
    ask = Ask(whistle_ids=None if every else whistle_ids, temporal=temporal, against=against)
    tally = verify_bundles(bundles)
    if every or whistle_ids or against:
        run(call, lambda session: verify_store(session.client, ask, tally, _progress))
    found = tally.verification
    show(found, lambda: picture(found), as_json=call.as_json)
    raise typer.Exit(DONE if found.verified else REFUSED)


def picture(found: Verification) -> Table:
    """Draw what was found, the first bad row first."""
    table = Table(box=None, show_header=False, pad_edge=False)
    counted = f"{found.whistles} 件哨单 whistles, {found.events} 条 events, {found.vouched} 项私密内容 private parts"
    kept = f", {found.heads} 个留存链头 kept heads" if found.heads else ""
    withheld = f"; {found.withheld} 项已删除或脱敏 erased or masked" if found.withheld else ""
    mark = Text("✓", style="green") if found.verified else Text("✗", style="bold red")
    verdict = "校验通过 verified" if found.verified else f"{found.flaws_found} 处不符 flaws"
    table.add_row(mark, Text(f"{verdict}: {counted}{kept}{withheld}"))
    for flaw in found.flaws:
        row = f" 第 {flaw.sequence} 条" if flaw.sequence else ""
        table.add_row(
            "", Text.assemble((f"{flaw.kind.label} {flaw.kind} ", "red"), f"{flaw.whistle_id}{row}: {flaw.detail}")
        )
    if found.flaws_found > LISTED:
        table.add_row("", Text(f"… {found.flaws_found - LISTED} more", style="dim"))
    return table


async def _write_heads(session: Session) -> None:
    anchor = await export_heads(session.client.pool, sys.stdout.write)
    say(f"{anchor.whistles} heads, digest {anchor.digest}")


def _progress(tally: Tally) -> None:
    if sys.stderr.isatty() and tally.whistles % _EVERY == 0:
        say(f"… {tally.whistles} whistles, {tally.events} events, {tally.flaws_found} flaws")

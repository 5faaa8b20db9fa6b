"""`whistle history ID`: the whole trail, verified, and what Temporal told beside it; on a screen or in a file."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.text import Text

from domain.errors import InvalidError
from domain.summaries import local_time
from domain.values import Actor
from domain.verification import TrailCheck, TrailRow
from domain.vocabulary import Role
from starter.bundle import Manifest, write_bundle
from starter.cli.output import say, show
from starter.cli.reading import WhistleIdArgument
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.engine_history import ROUTINE, EngineEvent
from starter.exporting import History, export_of, gather, may_see_private
from starter.rendering import event_line, timeline
from storage.events import TrailEvent
from storage.keys import Principal

NOBODY = "whistle history"

PrivateOption = Annotated[
    bool, typer.Option("--private", help="With private fields, for an --as that may see them; noted.")
]
EngineOption = Annotated[bool, typer.Option("--engine/--no-engine", help="What Temporal told of it.")]
OutOption = Annotated[
    Path | None, typer.Option(dir_okay=False, metavar="FILE.zip", help="Into one file that can be verified alone.")
]


def show_history(
    context: typer.Context,
    whistle_id: WhistleIdArgument,
    *,
    private: PrivateOption = False,
    engine: EngineOption = True,
    out: OutOption = None,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """吹哨全留痕: show or export a whistle's whole history, verified."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        await session.must_see(whistle_id)
        history = await gather(session.client, whistle_id, with_engine=engine, bearer=session.said)
        if private:
            await may_see_private(session.client, history.trail.whistle, session.bearer)
        if history.engine_problem:
            say(f"! Temporal: {history.engine_problem}")
        if out:
            manifest = await asyncio.to_thread(_write, out, history, session.said, private=private)
            show(
                manifest,
                lambda: Text(f"✓ {out}: {manifest.events} 条, 链头 head {manifest.head}"),
                as_json=call.as_json,
            )
        else:
            show(_data(history, private=private), lambda: _picture(history), as_json=call.as_json)

    run(call, read)


def verdict(check: TrailCheck) -> Text:
    """Say in one line whether a trail holds."""
    if check.flaws:
        first = check.flaws[0]
        return Text(f"✗ 校验不符 {first.kind.label} {first.kind}: {first.detail}", style="bold red")
    return Text(f"✓ 校验通过 verified: {check.sequence} 条 events, 链头 head {check.head}", style="green")


def _write(file: Path, history: History, said: Principal | None, *, private: bool) -> Manifest:
    export = export_of(history, said.name if said else NOBODY, with_private=private)
    try:
        with file.open("wb") as opened:
            return write_bundle(opened, export)
    except OSError as error:
        raise InvalidError.of("out", f"{file}: {error.strerror}") from None


def _data(history: History, *, private: bool) -> dict[str, Any]:
    check = _checked(history)
    shown = {"private"} if not private else None
    return {
        "items": [event.model_dump(mode="json", exclude=shown) for event in _events(history)],
        "next_cursor": None,
        "notices": [notice.model_dump(mode="json") for notice in history.notices],
        "engine": None if history.engine is None else [event.model_dump(mode="json") for event in history.engine],
        "verification": {
            "verified": not check.flaws,
            "head": check.head,
            "flaws": [flaw.model_dump(mode="json") for flaw in check.flaws],
        },
    }


def _picture(history: History) -> list[Text]:
    check, events = _checked(history), _events(history)
    lines = timeline(events) if check.is_readable else [event_line(event) for event in events]
    if history.engine:
        lines += [Text("流程引擎 engine", style="bold blue"), *map(_engine_line, _telling(history.engine))]
    if history.notices:
        lines.append(_noticed(history))
    return [*lines, verdict(check)]


def _noticed(history: History) -> Text:
    deliveries = sum(len(notice.deliveries) for notice in history.notices)
    told = f"通知 notices: {len(history.notices)} 条, 投递 deliveries {deliveries} 次"
    return Text(f"{told} (whistle notices {history.trail.whistle.whistle_id})", style="dim")


def _engine_line(event: EngineEvent) -> Text:
    return Text.assemble(
        (f"  {event.event_id:>3}  {local_time(event.at)}  ", "dim"),
        event.label,
        (f"  {event.type}", "dim"),
        f"  {event.summary}" if event.summary else "",
    )


def _telling(events: Iterable[EngineEvent]) -> Iterable[EngineEvent]:
    return (event for event in events if event.type not in ROUTINE)


def _events(history: History) -> list[TrailEvent]:
    return [_event(row, history) for row in history.trail.rows]


def _event(row: TrailRow, history: History) -> TrailEvent:
    parts = history.trail.private.get(row.sequence, {})
    own = {name: held for name, held in row if name not in {"whistle_id", "actor"}}
    private = {name: part.fields for name, part in parts.items()} or None
    return TrailEvent(**own, actor=_actor(row.actor), private=private)


def _actor(told: dict[str, Any]) -> Actor:
    try:
        return Actor.model_validate(told)
    except ValidationError:
        # Somebody wrote over the row: who it was is then not to be had, and the verdict says so.
        return Actor(subject="?", role=Role.ENGINE)


def _checked(history: History) -> TrailCheck:
    check = TrailCheck(history.trail.whistle.whistle_id)
    for row in history.trail.rows:
        check.add(row, history.trail.private.get(row.sequence))
    check.end(history.trail.whistle, check.head)
    return check

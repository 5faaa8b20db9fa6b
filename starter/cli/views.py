"""The views worth saving in the Temporal UI, filled in and with a link each."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from settings import Settings, load_settings
from starter.cli.output import show
from starter.cli.session import Call, JsonOption
from starter.temporal_ui import VIEWS, SavedView, asked_of

CLICK = "Each name is a link, where the terminal knows links; --json writes them out"
UNKNOWN = "WHISTLE_UI_URL names no Temporal UI, hence no links"


def views(
    context: typer.Context,
    *,
    township: Annotated[str | None, typer.Option(help="街乡, by its slug.")] = None,
    department: Annotated[str | None, typer.Option(help="报到单位, by its slug.")] = None,
    grid: Annotated[str | None, typer.Option(help="网格, by its code.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Temporal 视图: queries for the Temporal UI; opening a link saves the view. Those of what you name are added."""
    call = Call.of(context, as_json=as_json)
    given = {"township": township, "department": department, "grid": grid}
    asked = asked_of(datetime.now(UTC), **{name: value for name, value in given.items() if value})
    found = [view.of(asked) for view in VIEWS if view.asks <= asked.keys()]
    settings = load_settings()
    items = [{**view._asdict(), "link": _link(view, settings)} for view in found]
    show({"items": items}, lambda: _lines(found, settings), as_json=call.as_json)


def _link(view: SavedView, settings: Settings) -> str | None:
    return view.link(settings.ui_url, settings.temporal_namespace) if settings.ui_url else None


def _lines(found: list[SavedView], settings: Settings) -> list[Text]:
    lines: list[Text] = []
    for view in found:
        link = _link(view, settings)
        name = Text(view.name, style=f"bold link {link}" if link else "bold")
        lines += [Text.assemble(name, f" {view.english}"), Text(f"  {view.query}", style="dim")]
    return [*lines, Text(CLICK if settings.ui_url else UNKNOWN, style="yellow")]

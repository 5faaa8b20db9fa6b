"""The reads: show, list, tasks."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from domain.vocabulary import State, WhistleKind
from settings import Settings
from starter.cli.output import show
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.listing import Names, tasks_table, whistles_table
from starter.rendering import whistle_panel
from starter.temporal_ui import page_of
from storage.lists import WhistleFilter

WhistleIdArgument = Annotated[str, typer.Argument(metavar="ID", help="The whistle's id, such as 12345:20261124000123.")]
CursorOption = Annotated[str | None, typer.Option(help="next_cursor of the page before.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]


def show_whistle(
    context: typer.Context, whistle_id: WhistleIdArgument, *, as_json: JsonOption = False, acting_as: AsOption = None
) -> None:
    """查看哨单: show a whistle as it stands."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        await session.must_see(whistle_id)
        view = await session.client.view(whistle_id)
        name = await _names(session)
        open_to = await _open_to(session, whistle_id)
        link = _link(session.settings, whistle_id)
        show(view, lambda: whistle_panel(view, name, datetime.now(UTC), open_to, link), as_json=call.as_json)

    run(call, read)


def list_whistles(
    context: typer.Context,
    *,
    state: Annotated[State | None, typer.Option(case_sensitive=False, help="状态")] = None,
    township: Annotated[str | None, typer.Option(help="街乡, by its slug.")] = None,
    responder: Annotated[str | None, typer.Option(help="报到单位, by its slug.")] = None,
    kind: Annotated[WhistleKind | None, typer.Option(case_sensitive=False, help="哨类")] = None,
    overdue: Annotated[bool | None, typer.Option("--overdue/--not-overdue", help="逾期")] = None,
    q: Annotated[str | None, typer.Option("--q", help="Part of the title, or four characters of a number.")] = None,
    cursor: CursorOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """哨单列表: list whistles, the newest first."""
    call = Call.of(context, acting_as, as_json=as_json)
    which = WhistleFilter(state=state, township=township, responder=responder, kind=kind, overdue=overdue, q=q)

    async def read(session: Session) -> None:
        own = which.model_copy(update={"party": session.sight})
        page = await session.client.whistles(own, cursor=cursor, limit=limit)
        name = await _names(session)
        show(page, lambda: whistles_table(page.items, name, datetime.now(UTC)), as_json=call.as_json)

    run(call, read)


def list_tasks(
    context: typer.Context,
    *,
    cursor: CursorOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """待办事项: list what awaits --as, the most pressing first."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        page = await session.client.tasks(session.bearer.actor, cursor=cursor, limit=limit)
        name = await _names(session)
        show(page, lambda: tasks_table(page.items, name, datetime.now(UTC)), as_json=call.as_json)

    run(call, read)


async def _open_to(session: Session, whistle_id: str) -> list[str] | None:
    if session.said is None:
        return None
    found = [await session.client.allowed(whistle_id, session.said.acting(role)) for role in session.said.roles]
    return sorted({name for names in found for name in names})


def _link(settings: Settings, whistle_id: str) -> str | None:
    return page_of(settings.ui_url, settings.temporal_namespace, whistle_id) if settings.ui_url else None


async def _names(session: Session) -> Names:
    return (await session.client.organisations()).name_of

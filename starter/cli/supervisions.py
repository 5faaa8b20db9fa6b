"""`whistle supervisions`: the list of open supervisions, or one document of supervision by its number."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from domain.errors import InvalidError, NotFoundError
from domain.summaries import local_time
from domain.supervision_documents import read_document_number
from domain.vocabulary import SupervisionLevel
from starter.availability import within_reach
from starter.cli.output import show
from starter.cli.reading import CursorOption, LimitOption
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.listing import Names
from storage.supervisions import OpenSupervision, SupervisionFilter, document_numbered, open_supervisions

NumberArgument = Annotated[
    str | None, typer.Argument(metavar="NUMBER", help="A document's number, 平督催〔2026〕12号; without it: the list.")
]


def supervisions(
    context: typer.Context,
    number: NumberArgument = None,
    *,
    organisation: Annotated[str | None, typer.Option(help="被督办单位, by its slug.")] = None,
    level: Annotated[SupervisionLevel | None, typer.Option(case_sensitive=False, help="级别")] = None,
    unanswered: Annotated[bool, typer.Option("--unanswered", help="待回复")] = False,
    cursor: CursorOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """督办: list the open supervisions, the oldest first, or print one document (催办单、督办单、通报批评)."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        which = SupervisionFilter(organisation=organisation, level=level, unanswered=unanswered, party=session.sight)
        name = (await session.client.organisations()).name_of
        if number:
            await _print(session, number, name, call)
            return
        async with within_reach():
            page = await open_supervisions(session.client.pool, which, cursor, limit)
        show(page, lambda: _table(page.items, name, datetime.now(UTC)), as_json=call.as_json)

    run(call, read)


async def _print(session: Session, number: str, name: Names, call: Call) -> None:
    asked = read_document_number(number)
    if asked is None:
        raise InvalidError.of("number", "is no number of a document, such as 平督催〔2026〕12号")
    async with within_reach():
        found = await document_numbered(session.client.pool, asked, name, session.sight)
    if found is None:
        message = f"there is no document {number}"
        raise NotFoundError(message)
    show(found, lambda: Text(found.text), as_json=call.as_json)


def _table(items: tuple[OpenSupervision, ...], name: Names, now: datetime) -> Table:
    table = Table(header_style="dim", expand=True)
    for column in (
        "文号 document",
        "级别 level",
        "被督办单位",
        "事由 cause",
        "哨单 whistle",
        "发出 raised",
        "回复 answer",
    ):
        table.add_column(column, overflow="fold")
    for item in items:
        days = (now - item.raised_at).days
        table.add_row(
            item.document or "—",
            item.level.label,
            name(item.organisation),
            item.phase.label if item.phase else "人工督办",
            f"{item.serial}\n{item.title}",
            f"{local_time(item.raised_at)}({days} 天)",
            local_time(item.answered_at) if item.answered_at else Text("待回复", style="yellow"),
        )
    return table

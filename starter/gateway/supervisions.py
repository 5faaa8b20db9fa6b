"""Supervision over HTTP: what is open, and each document (催办单、督办单、通报批评、提请问责函) by its number."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from domain.errors import NotFoundError
from domain.supervision_documents import SupervisionDocument, read_document_number
from domain.vocabulary import SupervisionLevel
from starter.availability import within_reach
from starter.bearers import sight_of
from starter.gateway.callers import Caller
from starter.gateway.context import Door
from starter.gateway.inputs import Cursor, Limit, Organisation, problems
from starter.gateway.routing import OrderlyRoute
from storage.supervisions import SupervisionFilter, SupervisionPage, document_numbered, open_supervisions

router = APIRouter(prefix="/v1/supervisions", tags=["supervisions"], route_class=OrderlyRoute)

PAGE = 50
Level = Annotated[SupervisionLevel | None, Query(description="Of this level alone.")]
Unanswered = Annotated[bool, Query(description="Only what the one supervised has not answered.")]
Number = Annotated[
    str, Path(max_length=100, description="As it is written; any brackets.", examples=["平督催〔2026〕12号"])
]


@router.get("", summary="督办 open supervisions", responses=problems())
async def list_supervisions(
    caller: Caller,
    door: Door,
    *,
    organisation: Organisation = None,
    level: Level = None,
    unanswered: Unanswered = False,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> SupervisionPage:
    """List the open supervisions of the whistles that you may see, the oldest first."""
    which = SupervisionFilter(organisation=organisation, level=level, unanswered=unanswered, party=sight_of(caller))
    async with within_reach():
        return await open_supervisions(door.pool, which, cursor, limit)


@router.get("/{number}", summary="督办文书 document", responses=problems(404))
async def show_document(caller: Caller, door: Door, number: Number) -> SupervisionDocument:
    """Show one document by its number, open or not; it reads the same whenever it is shown."""
    asked = read_document_number(number)
    name = (await door.organisations()).name_of
    async with within_reach():
        found = await document_numbered(door.pool, asked, name, sight_of(caller)) if asked else None
    if found is None:
        raise NotFoundError(f"there is no document {number} that you may see")
    return found

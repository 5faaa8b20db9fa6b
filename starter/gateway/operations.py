"""For those who run the gateway: is it alive, is it ready, what does it measure."""

import asyncio
from datetime import timedelta

from fastapi import APIRouter, Response
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from domain.errors import NotFoundError, TemporarilyUnavailableError
from domain.values import Frozen
from starter.availability import within_reach
from starter.client import WhistleClient
from starter.gateway.context import Context, Here
from starter.gateway.inputs import MEANINGS, problems
from starter.metrics.exposition import CONTENT_TYPE

router = APIRouter(tags=["operations"])

_PATIENCE = timedelta(seconds=2)


class Status(Frozen):
    """How this gateway is."""

    status: str


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="alive")
async def healthz() -> Status:
    """Tell that this process answers."""
    return Status(status="alive")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="ready", responses={503: problems()[503] | {"description": MEANINGS[503]}})
async def readyz(context: Here) -> Status:
    """Tell that PostgreSQL and Temporal answer too, and that this process is not leaving."""
    if context.leaving.is_set():
        message = "this gateway is leaving"
        raise TemporarilyUnavailableError(message)
    await ready(context)
    return Status(status="ready")


@router.get(
    "/metrics",
    summary="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}},
)
async def metrics(context: Here) -> Response:
    """Give the measurements of this process, of its Temporal core, and the figures of the database."""
    if not context.settings.metrics:
        message = "this gateway measures nothing for Prometheus: WHISTLE_METRICS is off"
        raise NotFoundError(message)
    return Response(await context.exposition.text(), media_type=CONTENT_TYPE)


async def ready(context: Context) -> None:
    """Raise TemporarilyUnavailableError unless PostgreSQL and Temporal answer within two seconds."""
    client = context.door
    async with within_reach(_PATIENCE):
        await asyncio.gather(client.pool.fetchval("select 1"), _ask_temporal(client))


async def _ask_temporal(client: WhistleClient) -> None:
    request = DescribeNamespaceRequest(namespace=client.temporal.namespace)
    await client.temporal.workflow_service.describe_namespace(request, timeout=_PATIENCE)

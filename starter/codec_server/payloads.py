"""POST /decode and POST /encode, as Temporal's UI and command line ask for them: no line in the trail, no answer."""

from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Header
from temporalio.api.common.v1 import Payload

from starter.availability import within_reach
from starter.codec_server.context import CodecContext, Here
from starter.codec_server.errors import UndecodableError
from starter.codec_server.readers import AdminReader, Reader
from starter.codec_server.wire import WirePayloads
from starter.encryption.envelope import is_encrypted, key_of, workflow_of
from starter.encryption.errors import PayloadUnreadableError
from storage.payload_access import Access, Act, note

router = APIRouter()

Namespace = Annotated[str, Header(alias="X-Namespace", max_length=255)]

log = structlog.get_logger("codec_server")


@router.post("/decode")
async def decode(context: Here, reader: AdminReader, sent: WirePayloads, namespace: Namespace = "") -> WirePayloads:
    """Open payloads; what is not encrypted comes back as it is."""
    given = sent.read()
    opened = await _opened(context, given)
    await _note(context, reader, Act.DECODE, namespace, [payload for payload in given if is_encrypted(payload)])
    return WirePayloads.of(opened)


@router.post("/encode")
async def encode(context: Here, reader: AdminReader, sent: WirePayloads, namespace: Namespace = "") -> WirePayloads:
    """Encrypt payloads, as for an input that is given by hand."""
    closed = await context.codec.encode(sent.read())
    await _note(context, reader, Act.ENCODE, namespace, [payload for payload in closed if is_encrypted(payload)])
    return WirePayloads.of(closed)


async def _opened(context: CodecContext, payloads: Sequence[Payload]) -> list[Payload]:
    try:
        return await context.codec.decode(payloads)
    except PayloadUnreadableError as error:
        log.warning("payload_unreadable", reason=str(error))
        raise UndecodableError(str(error)) from None


async def _note(context: CodecContext, reader: Reader, act: Act, namespace: str, payloads: Sequence[Payload]) -> None:
    if not payloads:
        return
    access = Access(
        act=act,
        reader=reader.name,
        via=reader.via,
        namespace=namespace,
        workflows=tuple(sorted({name for name in map(workflow_of, payloads) if name})),
        keys=tuple(sorted(set(map(key_of, payloads)))),
        payloads=len(payloads),
    )
    async with within_reach():
        await note(context.pool, access)
    log.info("payloads_accessed", **access.model_dump(mode="json"))

"""Exporting the heads of all trails, and holding the trails against an export that was kept elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from domain.errors import InvalidError, TemporarilyUnavailableError
from domain.heads import Anchor, Digest, Head
from domain.verification import Flaw, FlawKind
from starter.availability import within_reach
from storage.feed import horizon, is_settled
from storage.heads import PAGE, broken_heads, heads
from storage.pool import Pool

PATIENCE = timedelta(seconds=30)
_LOOKS, _PAUSE_S = 100, 0.1


async def export_heads(pool: Pool, write: Callable[[str], object]) -> Anchor:
    """Write a line for each whistle's head, in the order of their registration, and the anchor last."""
    position, digest = await _settled_position(pool), Digest()
    at = datetime.now(UTC)
    async for page in _pages(pool, position):
        for head in page:
            write(head.line)
            digest.add(head)
    anchor = Anchor(at=at, position=position, whistles=digest.whistles, digest=digest.value)
    write(anchor.model_dump_json() + "\n")
    return anchor


async def hold_against(pool: Pool, file: Path, note: Callable[[Flaw], None]) -> int:
    """Note every kept head that is not in its trail any more; gives how many heads were compared.

    An export's last line alone will do: it tells that something is wrong, not where. Raises InvalidError for a file
    that is no export, or was changed.
    """
    digest, anchor, lines = Digest(), None, _lines(file)
    while page := list(islice(lines, PAGE)):
        kept = [line for line in page if isinstance(line, Head)]
        anchor = next((line for line in page if isinstance(line, Anchor)), anchor)
        for head in kept:
            digest.add(head)
        async with within_reach(PATIENCE):
            broken = await broken_heads(pool, kept) if kept else {}
        for head, found in broken.items():
            note(_cut_or_rewritten(head, found))
    if anchor is None:
        raise InvalidError.of(file.name, "its last line, the anchor, is missing")
    if digest.whistles and digest.value != anchor.digest:
        raise InvalidError.of(file.name, "its lines are not those that its anchor was made of")
    return digest.whistles or await _hold_against_anchor(pool, anchor, note)


async def _hold_against_anchor(pool: Pool, anchor: Anchor, note: Callable[[Flaw], None]) -> int:
    digest = Digest()
    async for page in _pages(pool, anchor.position):
        for head in page:
            digest.add(head)
    if digest.value != anchor.digest:
        detail = f"of {anchor.whistles} trails as of {anchor.at:%Y-%m-%dT%H:%M:%SZ} one or more were changed"
        note(Flaw(kind=FlawKind.ANCHOR, whistle_id="", detail=detail))
    return anchor.whistles


async def _pages(pool: Pool, position: int) -> AsyncIterator[list[Head]]:
    pages = heads(pool, position)
    while True:
        async with within_reach(PATIENCE):
            page = await anext(pages, None)
        if page is None:
            return
        yield page


def _cut_or_rewritten(head: Head, found: str | None) -> Flaw:
    detail = f"its hash was {head.hash}, " + (f"now it is {found}" if found else "and the row is gone")
    return Flaw(kind=FlawKind.ANCHOR, whistle_id=head.whistle_id, sequence=head.sequence, detail=detail)


def _lines(file: Path) -> Iterator[Head | Anchor]:
    with file.open(encoding="utf-8") as opened:
        for number, line in enumerate(opened, 1):
            try:
                yield _line(line)
            except (ValueError, TypeError):
                raise InvalidError.of(f"{file.name}, line {number}", "it is no line of an export of heads") from None


def _line(line: str) -> Head | Anchor:
    found = json.loads(line)
    if isinstance(found, dict):
        return Anchor.model_validate(found)
    whistle_id, sequence, hash_ = found
    if not (isinstance(whistle_id, str) and isinstance(sequence, int) and bytes.fromhex(hash_)):
        raise ValueError(line)
    return Head(whistle_id, sequence, hash_)


async def _settled_position(pool: Pool) -> int:
    async with within_reach(PATIENCE):
        found = await horizon(pool)
        for _ in range(_LOOKS):
            if await is_settled(pool, found):
                return found.position
            await asyncio.sleep(_PAUSE_S)
    message = "a transaction that began before this moment is still open; the heads cannot be read for certain"
    raise TemporarilyUnavailableError(message)

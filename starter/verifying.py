"""`whistle verify`: everything that can be held against everything else, and what is wrong in one report."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from domain.errors import NotFoundError
from domain.values import Frozen
from domain.verification import Flaw
from starter.agreement import disagreements
from starter.anchoring import PATIENCE, hold_against
from starter.availability import within_reach
from starter.bundle import Checked, check_bundle
from starter.client import WhistleClient
from storage.verification import Verified, verify

COMPARED_WITHIN = timedelta(minutes=2)
"""How long the workflows of one page of whistles may take to answer."""
LISTED = 100
"""Flaws beyond these are counted, not listed."""


class Verification(Frozen):
    """What a verification found; `vouched` and `withheld` count private parts, `heads` those of an export."""

    verified: bool
    whistles: int
    events: int
    vouched: int
    withheld: int
    heads: int
    flaws_found: int
    flaws: tuple[Flaw, ...]


class Tally:
    """Adds up what is verified, in bounded memory."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.whistles = self.events = self.vouched = self.withheld = self.heads = self.flaws_found = 0
        self._flaws: list[Flaw] = []

    def add(self, one: Verified | Checked) -> None:
        """Add one whistle, or one exported history."""
        self.whistles += 1
        self.events += one.events if isinstance(one, Checked) else one.sequence
        self.vouched += one.vouched
        self.withheld += one.withheld
        for flaw in one.flaws:
            self.note(flaw)

    def note(self, flaw: Flaw) -> None:
        """Add one flaw."""
        self.flaws_found += 1
        if len(self._flaws) < LISTED:
            self._flaws.append(flaw)

    @property
    def verification(self) -> Verification:
        """Give the sum."""
        return Verification(
            verified=not self.flaws_found,
            whistles=self.whistles,
            events=self.events,
            vouched=self.vouched,
            withheld=self.withheld,
            heads=self.heads,
            flaws_found=self.flaws_found,
            flaws=tuple(self._flaws),
        )


class Ask(Frozen):
    """What is to be verified; `whistle_ids` None means every whistle."""

    whistle_ids: tuple[str, ...] | None = ()
    temporal: bool = False
    against: Path | None = None


def verify_bundles(files: Sequence[Path]) -> Tally:
    """Verify exported histories by themselves."""
    tally = Tally()
    for file in files:
        tally.add(check_bundle(file))
    return tally


async def verify_store(client: WhistleClient, ask: Ask, tally: Tally, progress: Callable[[Tally], None]) -> None:
    """Verify whistles by their rows, by their workflows and against kept heads, as asked, and add it all up.

    Raises NotFoundError for a whistle that is not there, InvalidError for a file that is no export of heads.
    """
    seen = set[str]()
    if ask.whistle_ids is None or ask.whistle_ids:
        pages = verify(client.pool, ask.whistle_ids)
        while page := await _next(pages):
            for one in page:
                tally.add(one)
            seen.update(one.whistle_id for one in page if ask.whistle_ids)
            if ask.temporal:
                await _compare(client, page, tally)
            progress(tally)
    if missing := [one for one in ask.whistle_ids or () if one not in seen]:
        message = f"there is no whistle {missing[0]}"
        raise NotFoundError(message)
    if ask.against:
        tally.heads = await hold_against(client.pool, ask.against, tally.note)


async def _next(pages: AsyncIterator[list[Verified]]) -> list[Verified]:
    async with within_reach(PATIENCE):
        return await anext(pages, [])


async def _compare(client: WhistleClient, page: Sequence[Verified], tally: Tally) -> None:
    values = [one.value for one in page if one.value]
    async with within_reach(COMPARED_WITHIN):
        for flaw in await disagreements(client.pool, client.temporal, values):
            tally.note(flaw)

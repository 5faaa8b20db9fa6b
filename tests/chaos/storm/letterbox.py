"""Peers that take the notices of a storm and write down each: an SMS gateway, and robots that know no repetition.

Now and then they break the line after they have taken a message, answer with an error, or not at all.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from domain.notice_templates import CLIMB, NAMES
from storage.pool import Pool
from tests.integration.notices.duty_office import channels
from tests.integration.notices.peers import CUT, HALF_AND_CUT, HANG, Answer, Got, Peer

SMS, ROBOT = "texts", "robots"
BY_ROBOT = ("police",)
BY_SMS = ("planning", "water", "platform")
CONTACTS = "organisation,person,name,channel,address,urgent_only\n"
TIMEOUT_S = 2.0
OK = Answer(body={"errcode": 0})
BUSY, BROKEN = Answer(body={"errcode": -1}), Answer(status=500)
BAD_DAY = 0.06
"""How often a peer does not simply take a message."""
_BETWEEN, _MARK = "──────", "¦"

_SENT = """
select split_part(d.recipient, '/', 1) as address, d.channel, w.serial, o.template, d.state,
    (select count(*) from notice_failure f where f.delivery_id = d.id and f.doubtful)::integer as doubts
from notice_delivery d join outbox o on o.id = d.outbox_id join whistle w on w.whistle_id = o.whistle_id
where d.whistle_id = any($1) and d.channel = any($2)
"""


class Letter(NamedTuple):
    """What a notice is known by at a peer: to whom, of which whistle, by which template."""

    address: str
    serial: str
    template: str


class Sent(NamedTuple):
    """A delivery as the store has it; `doubts` counts attempts that may have arrived without being known to."""

    letter: Letter
    channel: str
    state: str
    doubts: int


class Receipt(NamedTuple):
    """A notice as a peer took it; `key` is None where the peer cannot tell a repetition."""

    letter: Letter
    key: str | None


class Letterbox:
    """Both peers, and all that they took."""

    def __init__(self, seed: object) -> None:
        """Have good and bad moments by this seed."""
        self._chance = random.Random(f"{seed}/letterbox")
        self.texts, self.robots = Peer(behaves=self._behave), Peer(behaves=self._behave)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Letterbox"]:
        """Take notices for the length of the block."""
        async with self.texts.listening(), self.robots.listening():
            yield self

    @property
    def receipts(self) -> list[Receipt]:
        """List what was taken: what was refused with an error was not."""
        return [*map(_text_message, self.texts.got), *(r for got in self.robots.got for r in _robot_messages(got))]

    def furnish(self, data_dir: Path) -> str:
        """Describe the channels and templates in a data folder, and give the contacts to import."""
        channels(
            data_dir,
            texts={"kind": "sms", "url": f"{self.texts.base}/send", "at_once": 20, "timeout_s": TIMEOUT_S},
            robots={
                "kind": "wecom-robot",
                "base": self.robots.base,
                "at_once": 20,
                "timeout_s": TIMEOUT_S,
                "per_minute": 100_000,
            },
        )
        (data_dir / "notice_templates.toml").write_text("\n".join(map(_template, NAMES)), "utf-8")
        lines = [f"{code},desk,值班室,{SMS},{code}," for code in BY_SMS]
        return CONTACTS + "\n".join([*lines, *(f"{code},desk,值班室,{ROBOT},{code}," for code in BY_ROBOT)])

    def calm(self) -> None:
        """Take everything from now on."""
        self._chance = _Never()
        for peer in (self.texts, self.robots):
            peer.released.set()

    def _behave(self, _got: Got) -> Answer:
        if self._chance.random() >= BAD_DAY:
            return OK
        return self._chance.choice((CUT, HALF_AND_CUT, HANG, BROKEN, BUSY))


class _Never(random.Random):
    def random(self) -> float:
        return 1.0


async def sent(pool: Pool, whistle_ids: Sequence[str]) -> list[Sent]:
    """Read what the store says of the deliveries to these peers."""
    rows = await pool.fetch(_SENT, whistle_ids, [SMS, ROBOT])
    return [
        Sent(Letter(row["address"], row["serial"], row["template"]), row["channel"], row["state"], row["doubts"])
        for row in rows
    ]


def misdelivered(told: Sequence[Sent], receipts: Sequence[Receipt]) -> Iterator[str]:
    """Tell of each notice that a peer got more or less often than the store can account for.

    A peer with keys must know each delivery once, however often it was sent; without keys each repetition must stand
    in the store as a doubt. What nobody sent must not come at all.
    """
    known, unknown = {r for r in receipts if r.key}, [r for r in receipts if r.key is None]
    taken = Counter(r.letter for r in (*known, *unknown))
    delivered, most = Counter[Letter](), Counter[Letter]()
    for one in told:
        is_delivered = one.state == "DELIVERED"
        delivered[one.letter] += is_delivered
        most[one.letter] += max(is_delivered, one.doubts > 0) if one.channel == SMS else is_delivered + one.doubts
    for letter in taken.keys() | delivered.keys():
        if not delivered[letter] <= taken[letter] <= most[letter]:
            yield f"{letter} was taken {taken[letter]} times, delivered {delivered[letter]}, at most {most[letter]}"


def _template(name: str) -> str:
    # A notice that climbed past those who are not there quotes what they would have been told.
    words = "{text}" if name == CLIMB else f"{_MARK}{{serial}}{_MARK}{name}{_MARK}"
    return f'[{name}]\nsubject = "{words}"\ntext = "{words}"\n'


def _text_message(got: Got) -> Receipt:
    body = got.json
    return Receipt(_letter(body["phone"], body["text"]), body["id"])


def _robot_messages(got: Got) -> list[Receipt]:
    parts = str(got.json["text"]["content"]).split(_BETWEEN)
    return [Receipt(_letter(got.query["key"], part), None) for part in parts]


def _letter(address: str, text: str) -> Letter:
    _, serial, template, *_ = text.split(_MARK)
    return Letter(address, serial, template)

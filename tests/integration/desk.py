"""A desk at the store: registers and commands as the starter and the workflow would, without either."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from domain.clocks import next_strike
from domain.evolve import evolve
from domain.ledger import ADOPT, Answer, RecordInput, RecordOutput
from domain.records import Record
from domain.submission import STRIKE, StrikeClock
from domain.whistle import Whistle
from storage.commits import commits_after
from storage.ledger import record
from storage.pool import Pool
from storage.registrations import Registered, register
from storage.whistles import value_of
from tests.life import OFFICERS, SCORES, TUESDAY_MORNING, actor, registration

TABLES = (
    "whistle",
    "whistle_title",
    "matter",
    "reporter",
    "event",
    "command",
    "command_private",
    "clock",
    "supervision",
    "outbox",
    "serial_counter",
)

REVIEW = {
    "decision": "WHISTLE",
    "kind": "DAILY",
    "urgency": "NORMAL",
    "tier": "COMPREHENSIVE",
    "proposed_responders": ["water", "police"],
}


class Desk:
    """One whistle at the store, on a clock that the test moves."""

    def __init__(self, pool: Pool, whistle_id: str = "12345:20261124000123") -> None:
        self.pool = pool
        self.whistle_id = whistle_id
        self.now = TUESDAY_MORNING
        self.known = 1
        self._numbers = count(1)

    @classmethod
    async def registered(cls, pool: Pool, *, by: str = "source@12345", **fields: Any) -> "Desk":
        """Register a whistle and sit down at it."""
        stored = await cls.register(pool, by=by, **fields)
        return cls(pool, stored.whistle_id)

    @staticmethod
    async def register(pool: Pool, *, by: str = "source@12345", **fields: Any) -> Registered:
        """Register, once."""
        return await register(pool, registration(**fields), actor(by), TUESDAY_MORNING)

    def asked(self, who: str, name: str, *, command_id: str | None = None, **body: Any) -> RecordInput:
        """Make the request that the workflow would send, knowing what this desk knows."""
        command_id = command_id or f"{who}:{next(self._numbers)}"
        argument = {**body, "actor": actor(who).model_dump(mode="json"), "command_id": command_id}
        return RecordInput(
            whistle_id=self.whistle_id, known_sequence=self.known, name=name, argument=argument, at=self.now
        )

    async def send(self, request: RecordInput) -> RecordOutput:
        """Send one request as it is."""
        return await record(self.pool, "default", request)

    async def do(self, who: str, name: str, *, command_id: str | None = None, **body: Any) -> Answer:
        """Make a command as the workflow does: adopt what comes back and ask again until there is an answer."""
        return await self.insist(self.asked(who, name, command_id=command_id, **body))

    async def insist(self, request: RecordInput) -> Answer:
        """Send a request until it is answered, knowing more each time."""
        while True:
            output = await self.send(request.model_copy(update={"known_sequence": self.known}))
            self.learn(output)
            if output.answer:
                return output.answer

    async def strike(self) -> Answer:
        """Let the earliest clock strike, and with it what else is due by now."""
        return await self.insist(self.striking(await self.whistle(), self.now))

    def striking(self, whistle: Whistle, at: datetime) -> RecordInput:
        """Make the request of the timer of the earliest clock."""
        due = next_strike(whistle)
        assert due is not None
        strike = StrikeClock.of(due, whistle.round)
        return RecordInput(
            whistle_id=self.whistle_id,
            known_sequence=self.known,
            name=STRIKE,
            argument=strike.model_dump(mode="json"),
            at=max(at, due.at),
        )

    async def adopt(self, known: int) -> RecordOutput:
        """Ask for what is stored after a sequence."""
        return await self.send(RecordInput(whistle_id=self.whistle_id, known_sequence=known, name=ADOPT, at=self.now))

    def learn(self, output: RecordOutput) -> None:
        """Know what came back."""
        for commit in output.commits:
            self.known = max(self.known, commit.records[-1].sequence)

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    async def whistle(self) -> Whistle:
        """Read the stored value."""
        value = await value_of(self.pool, self.whistle_id)
        assert value is not None
        return value

    async def records(self) -> list[Record]:
        """Read the whole trail."""
        async with self.pool.acquire() as connection:
            return [r for c in await commits_after(connection, self.whistle_id, 0) for r in c.records]

    async def blown(self, *responders: str) -> "Desk":
        """Bring the whistle to BLOWN."""
        await self.do(
            "clerk@jinhaihu",
            "review",
            decision="WHISTLE",
            kind="DAILY",
            urgency="NORMAL",
            tier="COMPREHENSIVE",
            proposed_responders=list(responders or ("water", "police", "planning")),
        )
        await self.do("leader@jinhaihu", "blow")
        return self

    async def assembling(self, *responders: str) -> "Desk":
        """Bring the whistle to ASSEMBLING."""
        named = list(responders or ("water", "police", "planning"))
        await self.blown(*named)
        await self.do("platform", "accept", lead=named[0], cooperating=named[1:])
        return self

    async def closed(self) -> "Desk":
        """Play the whistle through all steps."""
        await self.assembling()
        named = ["water", "police", "planning"]
        for responder in named:
            await self.do(f"department@{responder}", "arrive", responder=responder, officers=OFFICERS)
        for responder in named:
            await self.do(
                f"department@{responder}", "report_handling", responder=responder, result="RESOLVED", summary="已清运"
            )
        await self.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
        await self.do("leader@jinhaihu", "evaluate", responders=named, scores=SCORES)
        await self.do("clerk@jinhaihu", "feedback", reply="已处理完毕", via="PHONE")
        await self.do("source@12345", "callback", reached=True, solved=True, satisfaction="SATISFIED")
        return self


def folded(records: list[Record]) -> Whistle:
    """Fold a trail into the value that it makes."""
    whistle: Whistle | None = None
    for entry in records:
        whistle = evolve(whistle, entry)
    assert whistle is not None
    return whistle


async def row_counts(pool: Pool) -> dict[str, int]:
    """Count the rows of every table that a command may write."""
    return {table: await pool.fetchval(f"select count(*) from {table}") for table in TABLES}

"""Each query of docs/how-to/watch-in-temporal-ui.md finds, on a real server, exactly the whistles it names."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

import catalogues
from docs.generate_saved_views import PAGE, SAMPLE, page
from domain.catalogue_files import parse_limits
from domain.limits import DEMO_PROFILE, Limits
from domain.values import Actor
from domain.vocabulary import Role
from starter.temporal_ui import VIEWS, asked_of
from tests.fakes import FakeLedger, shipped_rules
from tests.servers import make_test_worker, real_server
from tests.stage import CLERK, LEADER, PLATFORM, SUPERVISOR, Play, department

ARBITER = Actor(subject="arbiter", role=Role.ARBITER, organisation="arbiter")
BINHE_CLERK = Actor(subject="clerk@binhe", role=Role.TOWNSHIP_CLERK, organisation="binhe")
BINHE_LEADER = Actor(subject="leader@binhe", role=Role.TOWNSHIP_LEADER, organisation="binhe")
ROW = re.compile(r"^\| (?P<name>\S+) (?P<english>[^|]+) \| `(?P<query>[^`]+)` \|$", re.MULTILINE)
WITHIN_S = 60

FOUND_BY: dict[str, set[str]] = {
    "本镇逾期": {"late"},
    "本单位逾期": {"late"},
    "本单位在办": {"late", "binhe"},
    "今日应急": {"late", "binhe"},
    "待平台受理": {"binhe", "asked"},
    "待本镇办理": {"sourced", "returned"},
    "两小时内到期": {"late", "binhe", "asked", "sourced", "returned", "branch", "ownerless"},
    "已催办督办": {"late", "ownerless"},
    "本网格": {"late"},
    "挂账": {"suspended"},
    "无主责": {"ownerless"},
    "停滞": set(),
    "落后于台账": set(),
}


def slow_limits() -> Limits:
    """The demo's limits with minutes for seconds, but for the five seconds of an emergency's arrival."""
    found = parse_limits(catalogues.read("limits.csv"))[DEMO_PROFILE]
    longer = [r if r.amount <= 10 else r.model_copy(update={"amount": r.amount * 100}) for r in found.rules]
    return Limits(profile=found.profile, rules=tuple(longer))


class Town:
    """Whistles of every kind that an admin looks for, by what they are planted for."""

    def __init__(self, client: Client, ledger: FakeLedger) -> None:
        self.client = client
        self.ledger = ledger
        self.plays: dict[str, Play] = {}

    async def begin(self, name: str, **fields: Any) -> Play:
        """Register one."""
        self.plays[name] = await Play.begin(self.client, self.ledger, datetime.now(UTC), **fields)
        return self.plays[name]

    async def plant(self) -> None:
        """Play each to where it is looked for."""
        late = await self.begin("late", grid="jhh-12")
        await late.blow_emergency("water", "police")
        await late.do("accept", PLATFORM, lead="water", cooperating=["police"])
        await late.arrive("water")
        binhe = await self.begin("binhe", township="binhe")
        await whistle(binhe, BINHE_CLERK, "EMERGENCY", "police")
        await binhe.arrive("police")
        await whistle(await self.begin("asked"), CLERK, "DAILY", "water", blown_by=LEADER)
        await self.begin("sourced")
        returned = await self.begin("returned")
        await whistle(returned, CLERK, "DAILY", "water", blown_by=LEADER)
        await returned.do("return_whistle", PLATFORM, reason="INCOMPLETE")
        suspended = await self.begin("suspended")
        await suspended.accept_enforcement("water")
        review_at = datetime.now(UTC) + timedelta(days=40)
        await suspended.do("suspend", PLATFORM, reason="待立项", review_at=review_at.isoformat())
        await (await self.begin("merged")).do("merge", CLERK, merge_into=late.whistle_id, reason="同一事项")
        await self.plant_the_rare()

    async def plant_the_rare(self) -> None:
        """One that no platform accepts, and one that nobody leads and a supervisor watches."""
        branch = await self.begin("branch", chain="BRANCH_CALLS", caller="branch-1", channel="MEMBER")
        await whistle(branch, CLERK, "SERVICE", "post-1", blown_by=LEADER)
        ownerless = await self.begin("ownerless")
        await ownerless.accept_enforcement("water", "emergency")
        objection = {"responder": "water", "reason": "NOT_MY_POWER", "legal_basis": "三定方案"}
        await ownerless.do("object", department("water"), **objection)
        await ownerless.do("rule", ARBITER, responder="water", ruling="UPHELD")
        await ownerless.do("supervise", SUPERVISOR, level="SUPERVISE", responder="emergency")


async def whistle(play: Play, clerk: Actor, kind: str, *responders: str, blown_by: Actor | None = None) -> None:
    """Review a matter as a whistle, and have it blown."""
    fields = {"decision": "WHISTLE", "kind": kind, "urgency": "NORMAL", "tier": "COMPREHENSIVE"}
    await play.do("review", clerk, **fields, proposed_responders=list(responders))
    if blown_by:
        await play.do("blow", blown_by)


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    """One server for all queries, until the late one is late."""
    ledger = FakeLedger(shipped_rules()._replace(limits=slow_limits()))
    async with real_server() as client, make_test_worker(client, ledger):
        town = Town(client, ledger)
        await town.plant()
        async with asyncio.timeout(WITHIN_S):
            while not ledger.values[town.plays["late"].whistle_id].report_ins[1].overdue:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.1)
        yield town


def queries() -> dict[str, str]:
    """The queries as the page has them."""
    return {row["name"]: row["query"] for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def asked(query: str, **fields: str) -> str:
    """Put what a test asks of in the place of what the page asks of."""
    times = asked_of(datetime.now(UTC))
    wanted = {"grid": "jhh-12", "whistle_id": "12345:none", **times, **fields}
    for name in sorted(wanted, key=lambda name: -len(SAMPLE[name])):
        query = query.replace(SAMPLE[name], wanted[name])
    return query


async def find(town: Town, query: str, wanted: set[str]) -> None:
    """Wait until visibility shows what is wanted, and nothing else."""
    names = {play.handle.id: name for name, play in town.plays.items()}
    found: set[str] = set()
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while asyncio.get_running_loop().time() < deadline:
        found = {names[run.id] async for run in town.client.list_workflows(query)}
        if found == wanted:
            return
        await asyncio.sleep(0.2)
    assert found == wanted, query


def test_the_page_holds_the_views_of_this_release() -> None:
    """Run `make docs` when this fails."""
    assert PAGE.read_text(encoding="utf-8") == page()
    assert set(queries()) == set(FOUND_BY) == {view.name for view in VIEWS}


@pytest.mark.parametrize("name", FOUND_BY)
async def test_a_view_finds_exactly_what_its_name_says(town: Town, name: str) -> None:
    """As the page has it, but for the codes and times of its examples."""
    await find(town, asked(queries()[name]), FOUND_BY[name])


async def test_views_that_find_nothing_while_all_is_well_find_what_is_not(town: Town) -> None:
    """Limits that would have passed by then, a whistle that ought to know one event more, a day without emergencies."""
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    await find(town, asked(queries()["停滞"], passed=later), FOUND_BY["两小时内到期"])
    play = town.plays["asked"]
    version = town.ledger.values[play.whistle_id].sequence
    behind = queries()["落后于台账"]
    await find(town, asked(behind, whistle_id=play.whistle_id, version=str(version + 1)), {"asked"})
    await find(town, asked(behind, whistle_id=play.whistle_id, version=str(version)), set())
    await find(town, asked(queries()["今日应急"], today=later), set())

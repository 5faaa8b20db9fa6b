"""A morning in Pinggu for pictures: one whistle in each state that admins meet, played by the proper people."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import catalogues
from starter.client import WhistleClient
from starter.identity import actor_named
from storage.catalogues import import_catalogue
from storage.pool import open_pool

ARRIVAL = ("default,EMERGENCY,,ARRIVE,30,MINUTE", "default,EMERGENCY,,ARRIVE,1,MINUTE")
"""Nobody waits half an hour for a picture: on this stack alone an emergency's arrival has one minute."""
LATE_WITHIN_S = 120.0
LATE_BY_S = 25.0
CLERK, LEADER, PLATFORM = "clerk@jinhaihu", "leader@jinhaihu", "platform"
CONSULTED = (
    "agriculture",
    "forestry",
    "planning",
    "water",
    "market",
    "transport",
    "ecology",
    "emergency",
    "urban-management",
    "police",
    "power",
    "gas",
)
SCORES = {"cooperation": 95, "result": 90}


async def shorten_arrival(owner_dsn: str) -> None:
    """Put the shortened limit in force."""
    async with await open_pool(owner_dsn, size=1) as pool:
        await import_catalogue(pool, "limits", catalogues.read("limits.csv").replace(*ARRIVAL), "showcase")


class Showcase:
    """Plays the whistles; each method gives the id of its one."""

    def __init__(self, client: WhistleClient, data_dir: Path) -> None:
        """Play on this stack with the keys of its data folder."""
        self._client = client
        self._data_dir = data_dir
        self._acts = 0
        self._registered = 0

    async def play(self) -> str:
        """Play all of them; gives the id of the emergency, one of whose departments is late."""
        for played in (self.closed, self.returned, self.suspended, self.consulted, self.evaluating, self.sourced):
            await played()
        emergency = await self.emergency()
        await self.merged(emergency)
        await self.asked()
        await self.be_late(emergency)
        return emergency

    async def emergency(self) -> str:
        """Three departments called; one is there, one has signed, one is silent."""
        matter = await self._register("盗采砂石", grid="JHH-012", demand_type="REPORT", reporter=RESIDENT)
        await self._review(matter, "EMERGENCY", "planning", "water", "police", urgency="CRITICAL")
        await self._do(matter, PLATFORM, "accept", lead="planning", cooperating=["water", "police"])
        await self._do(matter, LEADER, "ratify")
        await self._arrive(matter, "planning")
        await self._do(matter, "department@water", "sign", responder="water")
        return matter

    async def be_late(self, matter: str) -> None:
        """Wait for the limit; the second department comes after it, the third does not come."""
        async with asyncio.timeout(LATE_WITHIN_S):
            while not (await self._client.view(matter)).report_ins[1].overdue:  # noqa: ASYNC110 - no event tells us
                await asyncio.sleep(0.5)
        await asyncio.sleep(LATE_BY_S)
        await self._arrive(matter, "water")
        await self._do(matter, "department@water", "report_progress", responder="water", text="现场已控制")

    async def closed(self) -> str:
        """All seven steps."""
        matter = await self._in_action("井盖缺失", "DAILY", "urban-management")
        await self._handle(matter, "urban-management")
        await self._do(matter, CLERK, "check", passed=True, outcome="RESOLVED")
        await self._do(matter, LEADER, "evaluate", responders=["urban-management"], scores=SCORES)
        await self._do(matter, CLERK, "feedback", reply="已补装", via="PHONE")
        return matter

    async def evaluating(self) -> str:
        """Joint enforcement, handled and checked; one of three departments is evaluated."""
        matter = await self._in_action("群租房消防隐患", "ENFORCEMENT", "emergency", "police", "market")
        await self._handle(matter, "emergency", "police", "market")
        await self._do(matter, CLERK, "check", passed=True, outcome="RESOLVED")
        await self._do(matter, LEADER, "evaluate", responders=["emergency"], scores=SCORES)
        return matter

    async def returned(self) -> str:
        """Sent back as incomplete."""
        matter = await self._blown("道路积水", "DAILY", "water", "transport")
        await self._do(matter, PLATFORM, "return_whistle", reason="INCOMPLETE")
        return matter

    async def suspended(self) -> str:
        """挂账, with a review date."""
        matter = await self._assembling("大货车违停治理", "KEY_WORK", "transport", "police")
        review_at = (datetime.now(UTC) + timedelta(days=40)).isoformat()
        await self._do(matter, PLATFORM, "suspend", reason="待停车场立项", review_at=review_at)
        return matter

    async def consulted(self) -> str:
        """Twelve departments called into a village."""
        return await self._assembling("佛见喜梨产业会诊", "KEY_WORK", *CONSULTED)

    async def merged(self, main: str) -> str:
        """Another call about the same matter."""
        matter = await self._register("砂坑夜间施工扰民")
        await self._do(matter, CLERK, "review", decision="MERGE", merge_into=main, reason="同一事项")
        return matter

    async def asked(self) -> str:
        """Blown, and not accepted yet."""
        return await self._blown("占道经营整治", "ENFORCEMENT", "urban-management", urgency="URGENT")

    async def sourced(self) -> str:
        """Just come in."""
        return await self._register("路灯不亮")

    async def _in_action(self, title: str, kind: str, *responders: str) -> str:
        matter = await self._assembling(title, kind, *responders)
        for responder in responders:
            await self._arrive(matter, responder)
        return matter

    async def _assembling(self, title: str, kind: str, *responders: str) -> str:
        matter = await self._blown(title, kind, *responders)
        await self._do(matter, PLATFORM, "accept", lead=responders[0], cooperating=list(responders[1:]))
        return matter

    async def _blown(self, title: str, kind: str, *responders: str, urgency: str = "NORMAL") -> str:
        matter = await self._register(title)
        await self._review(matter, kind, *responders, urgency=urgency)
        await self._do(matter, LEADER, "blow")
        return matter

    async def _review(self, matter: str, kind: str, *responders: str, urgency: str) -> None:
        tier = "EMERGENCY_RESPONSE" if kind == "EMERGENCY" else "COMPREHENSIVE"
        fields = {"kind": kind, "urgency": urgency, "tier": tier, "proposed_responders": list(responders)}
        await self._do(matter, CLERK, "review", decision="WHISTLE", **fields)

    async def _arrive(self, matter: str, responder: str) -> None:
        officers = [{"name": "李明"}]
        await self._do(matter, f"department@{responder}", "arrive", responder=responder, officers=officers)

    async def _handle(self, matter: str, *responders: str) -> None:
        fields = {"result": "RESOLVED", "summary": "已整改到位"}
        for responder in responders:
            await self._do(matter, f"department@{responder}", "report_handling", responder=responder, **fields)

    async def _register(self, title: str, **more: Any) -> str:  # noqa: ANN401 - any field of a registration
        self._registered += 1
        now = datetime.now(UTC)
        matter = {
            "source_system": "12345",
            "external_id": f"{now:%Y%m%d}{self._registered:06d}",
            "channel": "HOTLINE_12345",
            "received_at": now.isoformat(),
            "title": title,
            "description": "市民来电反映。",
            "township": "jinhaihu",
            "place": {"address": "金海湖镇"},
        }
        actor = await actor_named(self._client.pool, self._data_dir, "source@12345")
        return (await self._client.register(matter | more, actor)).whistle_id

    async def _do(self, matter: str, name: str, command: str, **body: Any) -> None:  # noqa: ANN401 - any field
        self._acts += 1
        actor = await actor_named(self._client.pool, self._data_dir, name)
        await self._client.do(matter, command, body, actor, f"{name}:showcase-{self._acts}")


RESIDENT = {"name": "张女士", "phone": "13800000000", "confidential": True}

"""A whistle on the stage: its people by name, and its commands as updates, for tests against any Temporal server."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateStage
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)

from domain.ledger import Answer, WhistleInput
from domain.registration import Registration
from domain.values import Actor, compact
from domain.view import View
from domain.vocabulary import Role, SourceChannel
from tests.fakes import FakeLedger
from workflows.whistle import WhistleWorkflow
from workflows.whistle_end import WhistleEnd

TASK_QUEUE = "whistle"
SOURCE = Actor(subject="source@12345", role=Role.SOURCE_SYSTEM, organisation="12345")
CLERK = Actor(subject="clerk@jinhaihu", role=Role.TOWNSHIP_CLERK, organisation="jinhaihu")
LEADER = Actor(subject="leader@jinhaihu", role=Role.TOWNSHIP_LEADER, organisation="jinhaihu")
PLATFORM = Actor(subject="platform", role=Role.DISTRICT_PLATFORM, organisation="platform")
SUPERVISOR = Actor(subject="supervisor", role=Role.SUPERVISOR, organisation="supervisor")
ADMIN = Actor(subject="admin", role=Role.ADMIN)
THREE = ("water", "police", "emergency")

_numbers = itertools.count(1)


def department(slug: str) -> Actor:
    """The key of a department."""
    return Actor(subject=f"department@{slug}", role=Role.DEPARTMENT, organisation=slug)


def registration(received_at: datetime, *, reporter: bool = False, **fields: Any) -> Registration:
    """A new matter from the hotline, each with its own number and with anything in it changed."""
    return Registration.model_validate(
        {
            "source_system": "12345",
            "external_id": f"2026{next(_numbers):06d}",
            "channel": SourceChannel.HOTLINE_12345,
            "received_at": received_at,
            "title": "盗采砂石",
            "description": "夜间有人在河道盗采砂石",
            "township": "jinhaihu",
            "place": {"address": "金海湖镇某村河道"},
            "reporter": {"name": "张三", "phone": "13800000000"} if reporter else None,
            **fields,
        }
    )


@dataclass
class Play:
    """One whistle in one workflow."""

    client: Client
    whistle_id: str
    handle: WorkflowHandle[WhistleWorkflow, WhistleEnd]
    sent: list[str] = field(default_factory=list)
    before_each: Callable[[], Awaitable[None]] | None = None
    """What happens before each command."""

    @classmethod
    async def begin(
        cls, client: Client, ledger: FakeLedger, now: datetime, *, queue: str = TASK_QUEUE, **fields: Any
    ) -> "Play":
        """Store a registration and start its workflow."""
        whistle_id = ledger.register(registration(now, **fields), SOURCE, now)
        return await cls.start(client, whistle_id, queue)

    @classmethod
    async def start(cls, client: Client, whistle_id: str, queue: str = TASK_QUEUE) -> "Play":
        """Start the workflow of a whistle, registered or not."""
        options = _options(whistle_id) | {"task_queue": queue}
        handle = await client.start_workflow(WhistleWorkflow.run, _input(whistle_id), **options)
        return cls(client, whistle_id, handle)

    @classmethod
    async def begin_with(
        cls, client: Client, ledger: FakeLedger, now: datetime, name: str, actor: Actor, **fields: Any
    ) -> "Play":
        """Store a registration and start its workflow with a command in its first task."""
        whistle_id = ledger.register(registration(now), SOURCE, now)
        play = cls(client, whistle_id, client.get_workflow_handle_for(WhistleWorkflow.run, f"whistle:{whistle_id}"))
        sent = play._next_id(actor)
        play.sent.append(sent)
        start = WithStartWorkflowOperation(
            WhistleWorkflow.run,
            _input(whistle_id),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            **_options(whistle_id),
        )
        await client.execute_update_with_start_workflow(
            name, _argument(actor, sent, fields), id=sent, start_workflow_operation=start
        )
        return play

    async def do(self, name: str, actor: Actor, *, command_id: str | None = None, **fields: Any) -> Answer:
        """Send one command and wait for its answer; raises WorkflowUpdateFailedError."""
        if self.before_each:
            await self.before_each()
        sent = command_id or self._next_id(actor)
        self.sent.append(sent)
        answer: Answer = await self.handle.execute_update(
            name, _argument(actor, sent, fields), id=sent, result_type=Answer
        )
        return answer

    def _next_id(self, actor: Actor) -> str:
        # As long as the ids of real clients, whose keys are UUIDs: histories are measured with these.
        return f"{actor.subject}:{len(self.sent) + 1:08d}-0000-4000-8000-000000000000"

    async def admit(self, name: str, actor: Actor, **fields: Any) -> Any:
        """Send one command and return its handle once the workflow has accepted it."""
        sent = self._next_id(actor)
        self.sent.append(sent)
        return await self.handle.start_update(
            name,
            _argument(actor, sent, fields),
            id=sent,
            result_type=Answer,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        )

    async def view(self) -> View:
        """Query the whole state."""
        view: View = await self.handle.query(WhistleWorkflow.view)
        return view

    async def history_length(self) -> int:
        """Count the events of the current run."""
        return len((await self.handle.fetch_history()).events)

    async def blow_emergency(self, *responders: str) -> None:
        """Blow an emergency whistle, which is its dispatch."""
        await self.do(
            "review",
            CLERK,
            decision="WHISTLE",
            kind="EMERGENCY",
            urgency="CRITICAL",
            tier="EMERGENCY_RESPONSE",
            proposed_responders=list(responders),
        )

    async def accept_enforcement(self, *responders: str, kind: str = "ENFORCEMENT", urgency: str = "NORMAL") -> None:
        """Bring an ordinary whistle to ASSEMBLING."""
        await self.do(
            "review",
            CLERK,
            decision="WHISTLE",
            kind=kind,
            urgency=urgency,
            tier="COMPREHENSIVE",
            proposed_responders=list(responders),
        )
        await self.do("blow", LEADER)
        await self.do("accept", PLATFORM, lead=responders[0], cooperating=list(responders[1:]))

    async def arrive(self, responder: str) -> Answer:
        """Report in on site."""
        return await self.do("arrive", department(responder), responder=responder, officers=[{"name": "李四"}])

    async def handle_all(self, *responders: str) -> None:
        """Report each one's part handled."""
        for responder in responders:
            await self.do(
                "report_handling",
                department(responder),
                responder=responder,
                result="RESOLVED",
                summary="已制止盗采,设备已扣押",
            )

    async def conclude(self, *responders: str) -> None:
        """Check, evaluate and reply, so that it is CLOSED where no callback follows."""
        await self.do("check", CLERK, passed=True, outcome="RESOLVED")
        for responder in responders:
            scores = {"cooperation": 95, "result": 90}
            await self.do("evaluate", LEADER, responder=responder, scores=scores, comment="响应及时")
        await self.do("feedback", CLERK, reply="已处置完毕", via="PHONE")

    async def play_every_step(self, responders: tuple[str, ...] = THREE) -> int:
        """Play a three-department whistle through all steps to CLOSED; gives the number of commands accepted."""
        await self.accept_enforcement(*responders)
        for responder in responders:
            await self.do("sign", department(responder), responder=responder)
        for responder in responders:
            await self.arrive(responder)
        for responder in responders:
            await self.do("report_progress", department(responder), responder=responder, text="现场控制")
        await self.do(
            "confer",
            CLERK,
            held_at=(await self.view()).registered_at.isoformat(),
            place="现场指挥点",
            attendees=["王五"],
            conclusion="联合查处",
        )
        await self.handle_all(*responders)
        await self.conclude(*responders)
        return len(self.sent)


def _input(whistle_id: str) -> WhistleInput:
    return WhistleInput(whistle_id=whistle_id, title="盗采砂石")


def _options(whistle_id: str) -> dict[str, Any]:
    state = SearchAttributePair(SearchAttributeKey.for_keyword("WhistleState"), "SOURCED")
    return {
        "id": f"whistle:{whistle_id}",
        "task_queue": TASK_QUEUE,
        "search_attributes": TypedSearchAttributes([state]),
        "static_summary": "【哨源】盗采砂石",
    }


def _argument(actor: Actor, command_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "actor": compact(actor), "command_id": command_id}


Begin = Callable[..., Awaitable[Play]]
"""Registers a whistle and starts its workflow; `reporter=True` for one with a resident to call back."""

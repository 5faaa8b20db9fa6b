"""The lives whose histories are kept: every end, and every turn that a later release must replay as it was."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from domain.clocks import Strike, next_strike
from domain.values import Actor
from domain.vocabulary import Role, State
from tests.fakes import FakeLedger
from tests.stage import ADMIN, CLERK, LEADER, PLATFORM, SOURCE, SUPERVISOR, THREE, Play, department
from workflows import policies
from workflows.whistle_end import WhistleEnd

ARBITER = Actor(subject="arbiter", role=Role.ARBITER, organisation="arbiter")
MOMENT = timedelta(milliseconds=100)
BETWEEN_COMMANDS = timedelta(minutes=1)
STRUCK_WITHIN_S = 60


class Scene:
    """What a story is played on."""

    def __init__(self, env: WorkflowEnvironment, ledger: FakeLedger) -> None:
        self.env = env
        self.ledger = ledger
        self.plays: list[Play] = []

    async def begin(self, *, reporter: bool = False) -> Play:
        """Register a whistle and start its workflow, and wait until it has read the registration."""
        play = await Play.begin(self.env.client, self.ledger, await self.env.get_current_time(), reporter=reporter)
        await play.view()
        return self._paced(play)

    async def begin_with(self, name: str, actor: Actor, **fields: Any) -> Play:
        """Register a whistle and start its workflow with a command in its first task."""
        now = await self.env.get_current_time()
        return self._paced(await Play.begin_with(self.env.client, self.ledger, now, name, actor, **fields))

    def _paced(self, play: Play) -> Play:
        # Clocks that begin a moment apart would strike together or one by one, as quick as the machine is.
        play.before_each = partial(self.pass_time, BETWEEN_COMMANDS)
        self.plays.append(play)
        return play

    async def pass_time(self, duration: timedelta) -> None:
        """Let the server's clock run, from strike to strike: how many it runs past depends on the machine."""
        until = await self.env.get_current_time() + duration
        while (strike := self._next_strike()) and strike.at <= until:
            await self._pass(strike)
        await self._sleep_until(until)

    async def live_out(self, play: Play) -> WhistleEnd:
        """Let every clock strike that a whistle still has, and give the end of its workflow; raises its failure."""
        while not self.ledger.values[play.whistle_id].ended and (strike := self._next_strike()):
            await self._pass(strike)
        with self.env.auto_time_skipping_disabled():
            return await play.handle.result()

    async def _sleep_until(self, moment: datetime) -> None:
        await self.env.sleep(max(moment - await self.env.get_current_time(), timedelta(0)))

    def _next_strike(self) -> Strike | None:
        strikes = [next_strike(w) for w in self.ledger.values.values() if not w.ended]
        return min((s for s in strikes if s), key=lambda strike: strike.at, default=None)

    async def _pass(self, strike: Strike) -> None:
        await self._sleep_until(strike.at + MOMENT)
        async with asyncio.timeout(STRUCK_WITHIN_S):
            while self._next_strike() == strike:  # noqa: ASYNC110 - a store in memory sets no event for what it holds
                await asyncio.sleep(0.01)
            for play in self.plays:
                await play.view()


Story = Callable[[Scene], Awaitable[Play]]


async def closed(scene: Scene) -> Play:
    """Three departments through all steps, and the windows of CLOSED to their end."""
    play = await scene.begin()
    await play.play_every_step()
    assert (await scene.live_out(play)).state is State.CLOSED
    return play


async def closed_after_callback(scene: Scene) -> Play:
    """With a reporter: closed by the callback that reached the resident."""
    play = await scene.begin(reporter=True)
    await play.play_every_step()
    await play.do("callback", SOURCE, reached=False)
    await play.do("callback", SOURCE, reached=True, solved=True, satisfaction="FAIR")
    await play.do("appeal", department(THREE[1]), responder=THREE[1], reason="报到时间记录有误")
    await play.do("decide_appeal", PLATFORM, responder=THREE[1], upheld=True)
    await scene.live_out(play)
    return play


async def commanded_at_once(scene: Scene) -> Play:
    """A command that is there before the workflow has read anything."""
    play = await scene.begin_with("append", CLERK, text="又来电", kind="MORE")
    await play.do("cancel", ADMIN, reason="误报")
    await scene.live_out(play)
    return play


async def rejected(scene: Scene) -> Play:
    """Rejected at review."""
    play = await scene.begin()
    await play.do("review", CLERK, decision="REJECT", rejection="OUT_OF_SCOPE", reason="不属本级职责")
    await scene.live_out(play)
    return play


async def merged(scene: Scene) -> Play:
    """Merged into another whistle."""
    main, play = await scene.begin(), await scene.begin()
    await play.do("merge", CLERK, merge_into=main.whistle_id, reason="同一事项")
    await scene.live_out(play)
    return play


async def cancelled(scene: Scene) -> Play:
    """Called off by the leader with departments on their way."""
    play = await scene.begin()
    await play.accept_enforcement(*THREE)
    await play.arrive(THREE[0])
    await play.do("cancel", LEADER, reason="误报")
    await scene.live_out(play)
    return play


async def cancelled_by_temporal(scene: Scene) -> Play:
    """Cancelled in Temporal's own tools."""
    play = await scene.begin()
    await play.accept_enforcement(*THREE)
    await play.handle.cancel(reason="演练结束")
    try:
        await scene.live_out(play)
    except WorkflowFailureError:
        return play
    message = "a cancelled workflow must show as cancelled"
    raise AssertionError(message)


async def cancel_refused(scene: Scene) -> Play:
    """A Temporal cancel that the table refuses, and the life after it."""
    play = await scene.begin()
    await play.play_every_step()
    await play.handle.cancel()
    await scene.pass_time(timedelta(hours=1))
    await play.do("reopen", CLERK, reason="问题反弹")
    await play.do("cancel", LEADER, reason="另行处理")
    await scene.live_out(play)
    return play


async def self_handled(scene: Scene) -> Play:
    """Done by the township itself."""
    play = await scene.begin()
    await play.do("review", CLERK, decision="SELF_HANDLE", reason="本级可办")
    await play.do("feedback", CLERK, reply="已清理", via="SMS")
    await scene.live_out(play)
    return play


async def overdue_and_no_show(scene: Scene) -> Play:
    """An emergency with one department late and one that never comes; not ratified."""
    play = await scene.begin()
    await play.blow_emergency(*THREE)
    await play.arrive(THREE[0])
    await scene.pass_time(timedelta(minutes=40))
    await play.arrive(THREE[1])
    await play.do("decline", LEADER, reason="不属应急")
    await scene.pass_time(timedelta(minutes=40))
    view = await play.view()
    assert view.report_ins[1].overdue
    assert view.report_ins[2].no_show
    await scene.pass_time(timedelta(days=4))
    await play.do("cancel", LEADER, reason="转常规处置")
    await scene.live_out(play)
    return play


async def suspended(scene: Scene) -> Play:
    """Still suspended, its clocks stopped."""
    play = await scene.begin()
    await play.accept_enforcement(*THREE)
    review_at = await scene.env.get_current_time() + timedelta(days=20)
    await play.do("request_suspension", CLERK, reason="待批复")
    await play.do("suspend", PLATFORM, reason="待批复", review_at=review_at.isoformat())
    await scene.pass_time(timedelta(days=3))
    assert (await play.view()).state is State.SUSPENDED
    return play


async def resumed(scene: Scene) -> Play:
    """Suspended past its review date, resumed, overdue afterwards, extended, and called off."""
    play = await suspended(scene)
    await scene.pass_time(timedelta(days=20))
    await play.do("resume", PLATFORM)
    until = await scene.env.get_current_time() + timedelta(days=10)
    await play.do(
        "request_extension",
        department(THREE[0]),
        responder=THREE[0],
        phase="ARRIVAL",
        until=until.isoformat(),
        reason="人员不足",
    )
    await play.do("decide_extension", LEADER, responder=THREE[0], granted=True)
    await scene.pass_time(timedelta(days=15))
    assert (await play.view()).report_ins[1].no_show
    await play.do("cancel", ADMIN, reason="归档")
    await scene.live_out(play)
    return play


async def disputed(scene: Scene) -> Play:
    """Objections upheld and overruled, a return and a resubmission, a false report-in, a failed check."""
    play = await scene.begin()
    review = {"decision": "WHISTLE", "kind": "DAILY", "urgency": "NORMAL", "tier": "COMPREHENSIVE"}
    await play.do("review", CLERK, **review, proposed_responders=list(THREE))
    await play.do("blow", LEADER)
    await play.do("return_whistle", PLATFORM, reason="INCOMPLETE")
    await play.do("resubmit", CLERK, assembly_place="村委会")
    await play.do("blow", LEADER)
    await play.do("accept", PLATFORM, lead=THREE[0], cooperating=list(THREE[1:]), assembly_place="村委会")
    objection = {"reason": "NOT_MY_POWER", "legal_basis": "三定方案"}
    await play.do("object", department(THREE[1]), responder=THREE[1], **objection)
    await play.do("rule", ARBITER, responder=THREE[1], ruling="UPHELD", reassign_to="transport")
    await play.do("object", department(THREE[2]), responder=THREE[2], **objection)
    await play.do("rule", ARBITER, responder=THREE[2], ruling="OVERRULED")
    await play.do("supervise", SUPERVISOR, level="SUPERVISE", responder=THREE[2])
    await play.do("answer_supervision", department(THREE[2]), reply="立即到场")
    await play.arrive(THREE[0])
    await play.do("reject_arrival", CLERK, responder=THREE[0], reason="人未到")
    for responder in (THREE[0], "transport", THREE[2]):
        await play.arrive(responder)
    await play.handle_all(THREE[0], "transport", THREE[2])
    await play.do("check", CLERK, passed=False, failed_responders=["transport"])
    await play.handle_all("transport")
    await play.conclude(THREE[0], "transport", THREE[2])
    await scene.live_out(play)
    return play


async def continued_as_new(scene: Scene) -> Play:
    """A run that carries its value over from the one before, strikes on, and closes."""
    play = await scene.begin()
    policies.EVENTS_BEFORE_CONTINUING = 25
    try:
        await play.blow_emergency(*THREE)
        for _ in range(4):
            await play.do("append", SOURCE, text="又来电", kind="REPEATED_CALL")
    finally:
        policies.EVENTS_BEFORE_CONTINUING = 4_000
    await scene.pass_time(timedelta(minutes=31))
    for responder in THREE:
        await play.arrive(responder)
    await play.handle_all(*THREE)
    await play.conclude(*THREE)
    await scene.live_out(play)
    return play


async def store_away(scene: Scene) -> Play:
    """Outages of the store: ordinary activities, lost answers, a cancel in the middle."""
    play = await scene.begin()
    await play.do("append", CLERK, text="又来电", kind="REPEATED_CALL")
    scene.ledger.fail(5)
    await play.accept_enforcement(*THREE)
    scene.ledger.lose_answers(4)
    await play.arrive(THREE[0])
    scene.ledger.fail(3)
    await scene.pass_time(timedelta(days=4))
    scene.ledger.fail(4)
    sent = await play.admit("append", SOURCE, text="请尽快", kind="MORE")
    await play.handle.cancel()
    await sent.result()
    try:
        await scene.live_out(play)
    except WorkflowFailureError:
        return play
    message = "a cancelled workflow must show as cancelled"
    raise AssertionError(message)


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        closed,
        closed_after_callback,
        commanded_at_once,
        rejected,
        merged,
        cancelled,
        cancelled_by_temporal,
        cancel_refused,
        self_handled,
        overdue_and_no_show,
        suspended,
        resumed,
        disputed,
        continued_as_new,
        store_away,
    )
}

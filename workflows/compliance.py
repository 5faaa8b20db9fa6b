"""The second means of watching: a sweep that compares what should be with what is, and the morning's digest.

Schedules start both (starter/schedules.py). Histories hold counts; what was found stands in the store.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from domain.compliance import SweepEnded, SweepInput, SweepReport, SweepRun
    from domain.digest import DigestReport
    from domain.working_time import BEIJING
    from workflows.activity_stubs import (
        begin_sweep,
        find_faults,
        finish_sweep,
        heal_faults,
        is_working_day,
        send_digests,
    )
    from workflows.policies import (
        DIGEST_STEP,
        DIGEST_STEP_WITHIN,
        SWEEP_HEARTBEAT,
        SWEEP_STEP,
        SWEEP_STEP_WITHIN,
    )

_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")

Told = TypeVar("Told")
Answer = TypeVar("Answer")


@workflow.defn
class ComplianceSweepWorkflow:
    """One sweep: begin, look, heal, close the books."""

    @workflow.run
    async def run(self, sweep: SweepInput = SweepInput()) -> SweepReport:  # noqa: B008 - a frozen value
        """Take the four steps; each may be repeated without a second effect."""
        info = workflow.info()
        run = SweepRun(run_id=f"{info.workflow_id}/{info.run_id}", scheduled_at=scheduled_at(), interval=sweep.interval)
        await _sweep_step(begin_sweep, run, "登记本次巡查,核对上次巡查")
        checked = await _sweep_step(find_faults, run, "比对流程与台账,查时限、启动、通知、停滞")
        healed = await _sweep_step(heal_faults, run, "唤醒落后流程,补启动,补投递")
        ended = SweepEnded(run=run, checked=checked, healed=healed)
        report = await _sweep_step(finish_sweep, ended, "结清本次巡查,上报未愈事项")
        workflow.set_current_details(report.line)
        return report


@workflow.defn
class DailyDigestWorkflow:
    """One morning's digest; the schedule fires every day, this decides whether offices work."""

    @workflow.run
    async def run(self) -> DigestReport:
        """Send the digest of the day that was due, on a working day and while that day lasts."""
        day = scheduled_at().astimezone(BEIJING).date()
        if day != workflow.now().astimezone(BEIJING).date():
            return DigestReport(day=day, skipped="PAST")
        works = await _digest_step(is_working_day, day, f"查工作日历 {day}")
        if not works:
            return DigestReport(day=day, skipped="DAY_OFF")
        sent = await _digest_step(send_digests, day, f"发送每日提要 {day}")
        workflow.set_current_details(f"{day} 每日提要已发 {sent} 份")
        return DigestReport(day=day, sent=sent)


def scheduled_at() -> datetime:
    """Give the time this run was due by its schedule, or its start where it was started by hand."""
    return workflow.info().typed_search_attributes.get(_SCHEDULED_AT) or workflow.info().start_time


async def _sweep_step(step: Callable[[Told], Awaitable[Answer]], told: Told, summary: str) -> Answer:
    return await workflow.execute_activity(
        step,
        told,
        start_to_close_timeout=SWEEP_STEP_WITHIN,
        heartbeat_timeout=SWEEP_HEARTBEAT,
        retry_policy=SWEEP_STEP,
        summary=summary,
    )


async def _digest_step(step: Callable[[Told], Awaitable[Answer]], told: Told, summary: str) -> Answer:
    return await workflow.execute_activity(
        step, told, start_to_close_timeout=DIGEST_STEP_WITHIN, retry_policy=DIGEST_STEP, summary=summary
    )

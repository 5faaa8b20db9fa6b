"""Bringing Temporal to the table of schedules, and working them from the command line."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    ScheduleRange,
    ScheduleState,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import NotFoundError
from domain.values import Frozen
from starter.encryption.conversion import current_key
from starter.encryption.envelope import is_encrypted, key_of
from starter.encryption.errors import PayloadUnreadableError
from starter.schedules import SCHEDULES, Plan, Planned, planned_as

_NO_KEY = "no key"
_CALENDAR = ("second", "minute", "hour", "day_of_month", "month", "year", "day_of_week")


class Applied(Frozen):
    """What became of one schedule: created, updated with the fields that differed, or as it was."""

    id: str
    outcome: str
    differences: tuple[str, ...] = ()


class Shown(Frozen):
    """One schedule as it stands; `differences` from the table of this release, `exists` False: not applied."""

    id: str
    workflow: str
    exists: bool
    paused: bool = False
    note: str = ""
    next_at: datetime | None = None
    last_at: datetime | None = None
    runs: int = 0
    missed: int = 0
    skipped: int = 0
    differences: tuple[str, ...] = ()


async def apply(client: Client, plan: Plan = SCHEDULES, *, dry_run: bool = False) -> list[Applied]:
    """Create the schedules that are missing and correct those that differ; what an operator paused stays paused."""
    return [await _apply_one(client, planned, dry_run=dry_run) for planned in plan]


async def show_all(client: Client, plan: Plan = SCHEDULES) -> list[Shown]:
    """Tell how each schedule stands."""
    return [await show_one(client, planned.id, plan) for planned in plan]


async def show_one(client: Client, schedule_id: str, plan: Plan = SCHEDULES) -> Shown:
    """Tell how one schedule stands; raises NotFoundError for one that is not in the table."""
    planned = planned_as(schedule_id, plan)
    found = await _described(client.get_schedule_handle(schedule_id))
    if found is None:
        return Shown(id=planned.id, workflow=planned.workflow, exists=False)
    info, state = found.info, found.schedule.state
    return Shown(
        id=planned.id,
        workflow=planned.workflow,
        exists=True,
        paused=state.paused,
        note=state.note or "",
        next_at=info.next_action_times[0] if info.next_action_times and not state.paused else None,
        last_at=info.recent_actions[-1].started_at if info.recent_actions else None,
        runs=info.num_actions,
        missed=info.num_actions_missed_catchup_window,
        skipped=info.num_actions_skipped_overlap,
        differences=await differences(planned, found),
    )


async def pause(client: Client, schedule_id: str, note: str) -> None:
    """Stop a schedule until it is unpaused; raises NotFoundError. A sweep that is paused leaves a gap on record."""
    await _known(client, schedule_id)
    await client.get_schedule_handle(schedule_id).pause(note=note)


async def unpause(client: Client, schedule_id: str) -> None:
    """Let a schedule run again, under its own note; raises NotFoundError."""
    planned = planned_as(schedule_id)
    await _known(client, schedule_id)
    await client.get_schedule_handle(schedule_id).unpause(note=planned.note)


async def trigger(client: Client, schedule_id: str) -> None:
    """Run a schedule now, by its own overlap policy; raises NotFoundError."""
    await _known(client, schedule_id)
    await client.get_schedule_handle(schedule_id).trigger()


async def backfill(client: Client, schedule_id: str, start_at: datetime, end_at: datetime) -> None:
    """Run what was due from start to end, one after another; raises NotFoundError."""
    await _known(client, schedule_id)
    # The server leaves out a run due at the very beginning.
    span = ScheduleBackfill(
        start_at=start_at - timedelta(seconds=1), end_at=end_at, overlap=ScheduleOverlapPolicy.BUFFER_ALL
    )
    await client.get_schedule_handle(schedule_id).backfill(span)


async def differences(planned: Planned, found: ScheduleDescription) -> tuple[str, ...]:
    """Name every field in which a schedule differs from its plan: `policy.overlap: SKIP → BUFFER_ONE`."""
    before, after = await _found(found), _wanted(planned, current_key(found.data_converter))
    if found.schedule.state.paused:
        # The note of a paused schedule says who paused it and why.
        before |= {"state.note": planned.note}
    return tuple(f"{name}: {before.get(name)} → {value}" for name, value in after.items() if before.get(name) != value)


def _wanted(planned: Planned, key_id: str | None) -> dict[str, Any]:
    argument = planned.argument
    told = [argument.model_dump(mode="json")] if argument else []
    kept = {"action.args": told, "action.summary": planned.summary, "action.keys": [key_id or _NO_KEY]}
    return {**_fields(planned.schedule()), **kept}


async def _found(found: ScheduleDescription) -> dict[str, Any]:
    action = found.schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return {}
    return {**_fields(found.schedule), **await _kept(action, found)}


async def _kept(action: ScheduleActionStartWorkflow, found: ScheduleDescription) -> dict[str, Any]:
    arguments: list[Any] = list(action.args)
    summary: list[Any] = [action.static_summary] if action.static_summary else []
    try:
        told, named = [await found.data_converter.decode(kept) for kept in (arguments, summary)]
    except PayloadUnreadableError as error:
        # Under a key that is gone it starts nothing any more; applied anew, it does.
        return {"action.args": str(error)}
    return {"action.args": told, "action.summary": named[0] if named else None, "action.keys": sorted(_keys(found))}


def _keys(found: ScheduleDescription) -> set[str]:
    action = found.schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return set()
    kept: list[Any] = [*action.args, *([action.static_summary] if action.static_summary else [])]
    return {key_of(payload) if is_encrypted(payload) else _NO_KEY for payload in kept}


def _fields(schedule: Schedule) -> dict[str, Any]:
    action, spec, policy = schedule.action, schedule.spec, schedule.policy
    if not isinstance(action, ScheduleActionStartWorkflow):
        return {}
    return {
        "action.workflow": action.workflow,
        "action.id": action.id,
        "action.task_queue": action.task_queue,
        "action.execution_timeout": str(action.execution_timeout),
        "action.run_timeout": str(action.run_timeout),
        "action.retry_policy": str(action.retry_policy),
        "spec.calendars": list(_calendars(spec.calendars)),
        "spec.others": [*spec.intervals, *spec.cron_expressions, *spec.skip],
        "spec.bounds": [spec.start_at, spec.end_at],
        "spec.jitter": str(spec.jitter),
        "spec.time_zone": spec.time_zone_name,
        "policy.overlap": policy.overlap.name,
        "policy.catchup_window": str(policy.catchup_window),
        "policy.pause_on_failure": policy.pause_on_failure,
        "state.limited": schedule.state.limited_actions,
        "state.note": schedule.state.note,
    }


def _calendars(calendars: Iterable[Any]) -> Iterator[str]:
    for calendar in calendars:
        parts = (f"{name} {_ranges(getattr(calendar, name))}" for name in _CALENDAR)
        yield f"{', '.join(parts)} ({calendar.comment})"


def _ranges(ranges: Sequence[ScheduleRange]) -> str:
    return "+".join(f"{r.start}-{max(r.start, r.end)}/{max(r.step, 1)}" for r in ranges) or "*"


async def _apply_one(client: Client, planned: Planned, *, dry_run: bool) -> Applied:
    handle = client.get_schedule_handle(planned.id)
    found = await _described(handle)
    if found is None:
        if not dry_run:
            await _create(client, planned)
        return Applied(id=planned.id, outcome="CREATED")
    differing = await differences(planned, found)
    if differing and not dry_run:
        if _keys(found) <= {_NO_KEY, current_key(found.data_converter) or _NO_KEY}:
            await handle.update(lambda given: _updated(planned, given.description.schedule.state))
        else:
            # A schedule hands each run the result of the one before, and so would need its old key as well.
            await handle.delete()
            await _create(client, planned, found.schedule.state)
    return Applied(id=planned.id, outcome="UPDATED" if differing else "UNCHANGED", differences=differing)


async def _create(client: Client, planned: Planned, state: ScheduleState | None = None) -> None:
    try:
        await client.create_schedule(planned.id, planned.schedule(state and _kept_state(planned, state)))
    except ScheduleAlreadyRunningError:
        # Another was as quick; both have the same table.
        return


def _updated(planned: Planned, state: ScheduleState) -> ScheduleUpdate:
    return ScheduleUpdate(schedule=planned.schedule(_kept_state(planned, state)))


def _kept_state(planned: Planned, state: ScheduleState) -> ScheduleState:
    return ScheduleState(note=state.note if state.paused else planned.note, paused=state.paused)


async def _described(handle: ScheduleHandle) -> ScheduleDescription | None:
    try:
        return await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _known(client: Client, schedule_id: str) -> None:
    planned_as(schedule_id)
    if await _described(client.get_schedule_handle(schedule_id)) is None:
        message = f"the schedule {schedule_id} is not applied: whistle schedules apply"
        raise NotFoundError(message)

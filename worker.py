"""The worker: wiring only. It starts before its servers and waits for them, and leaves in good order on SIGTERM."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.compliance import ComplianceActivities
from activities.digest import DigestActivities
from activities.lag_watch import LagWatch
from activities.ledger import LedgerActivities
from activities.outbox import NoticeSettings, OutboxActivities
from activities.readiness import ReadinessActivities
from activities.receivers import Receivers
from activities.reports import ReportActivities
from activities.webhooks import WebhookActivities
from observability import configure_logging
from observability.activity_context import ContextInterceptor
from observability.measures import WORKER
from observability.runtime import measured_runtime
from observability.tracing import UNTRACED, Tracing, tracing_of
from settings import WRONG_USAGE, Settings, SettingsInvalidError, settings_of_process
from starter.connecting import connect
from starter.leaving import STUCK, leave, leave_by_force, leave_if_loop_hangs
from starter.opening import Opening
from starter.pulse import PolledBy, Pulse
from starter.shown_versions import shown_versions
from starter.standing import keep_open
from starter.versions import build_of, deployment_of, patches_of
from starter.visibility import AttributesRefusedError, register
from starter.waking import Waking
from starter.worker_http import WorkerStatus, serving
from storage.pool import Pool, open_pool
from storage.registrations import Unstarted
from storage.whistles import value_of
from workflows.names import CORRELATION_HEADER
from workflows.roster import INTERCEPTORS, WORKFLOWS
from workflows.sandbox import workflow_runner

LOCAL_ACTIVITIES = 20
WORKFLOW_TASK_POLLS = 20
"""A task that meets a waiting poll goes straight to it; one that meets none is written down first, and read again."""
ACTIVITIES = 20
CONNECTIONS = LOCAL_ACTIVITIES + ACTIVITIES + 8
HEARTBEATS_EVERY = timedelta(seconds=2)
"""At most: in 1.35 four fifths of the time-out otherwise, and then one that is late would count as a death."""
LONGEST_WAIT = timedelta(seconds=5)
LEEWAY = timedelta(seconds=5)
"""What a worker may take beyond its graceful shutdown before it is ended by force."""

log = structlog.get_logger("worker")


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand within `settings.graceful_shutdown`."""
    stop = _stop_requested(settings.graceful_shutdown)
    leave_if_loop_hangs(2 * settings.stalled_after)
    runtime = measured_runtime(measure=settings.metrics and settings.worker_http_port is not None)
    tracing = tracing_of("whistle-worker", settings.traced_by)
    status = WorkerStatus(WORKER, runtime)
    async with serving(status, settings):
        client = await _unless(stop, _connect(settings, runtime.runtime))
        if client is not None:
            pool = await open_pool(settings.database_dsn or "", size=CONNECTIONS, watch=tracing.queries)
            status.connected(client, pool)
            try:
                await _work(make_worker(client, pool, settings, tracing), client, settings, status, stop)
            finally:
                await asyncio.wait_for(pool.close(), LEEWAY.total_seconds())
                await asyncio.to_thread(tracing.close)
    log.info("worker_stopped")


async def _work(worker: Worker, client: Client, settings: Settings, status: WorkerStatus, stop: asyncio.Event) -> None:
    await _unless(stop, _register_search_attributes(client))
    async with worker:
        about = {"build_id": build_of(settings), "task_queue": settings.task_queue}
        log.info("worker_started", **about, temporal=settings.temporal_address)
        pulse = Pulse(PolledBy(client, settings.task_queue), WORKER, settings.stalled_after)
        status.works(pulse)
        watching = asyncio.create_task(_unless(stop, pulse.until_lost()))
        await _unless(stop, keep_open(client, settings.task_queue))
        if lost := await watching:
            log.critical("worker_lost", does_not_ask_for=lost)
            leave(STUCK)
        status.leaving = True
        log.info("worker_stopping")


async def _register_search_attributes(client: Client) -> None:
    # Without them the first upsert of a whistle would fail its workflow task, again and again.
    try:
        if names := await register(client):
            log.info("search_attributes_registered", names=names)
    except (AttributesRefusedError, RPCError) as error:
        log.error("search_attributes_not_registered", reason=str(error))  # noqa: TRY400 - the sentence says it


def make_worker(client: Client, pool: Pool, settings: Settings, tracing: Tracing = UNTRACED) -> Worker:
    """Wire workflows and activities to a client and a pool."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=_activities(client, pool, settings),
        workflow_runner=workflow_runner(),
        interceptors=[*INTERCEPTORS, ContextInterceptor(CORRELATION_HEADER, tracing)],
        max_concurrent_workflow_task_polls=WORKFLOW_TASK_POLLS,
        max_concurrent_activities=ACTIVITIES,
        max_concurrent_local_activities=LOCAL_ACTIVITIES,
        max_heartbeat_throttle_interval=HEARTBEATS_EVERY,
        graceful_shutdown_timeout=settings.graceful_shutdown,
        deployment_config=deployment_of(settings),
        patch_activation_callback=patches_of(settings),
        on_fatal_error=partial(_end_after_fatal_error, settings.graceful_shutdown),
    )


def _activities(client: Client, pool: Pool, settings: Settings) -> list[Callable[..., Any]]:
    opening = Opening(pool, client, settings.limits, settings.task_queue)

    async def start(left: Unstarted) -> None:
        if whistle := await value_of(pool, left.whistle_id):
            await opening.open(whistle)

    waking = Waking(opening, lambda: keep_open(client, settings.task_queue))
    watch = partial(LagWatch, pool, partial(shown_versions, client), waking.wake)
    return [
        *LedgerActivities(pool, settings.limits).every,
        OutboxActivities(pool, start, _notices(settings), watch).deliver_outbox,
        WebhookActivities(pool, Receivers(settings.webhook_allow)).deliver_webhooks,
        *ComplianceActivities(pool, waking, settings.limits, settings.dormant_work_days).every,
        *DigestActivities(pool, settings.limits).every,
        ReportActivities(pool).freeze_scorecard,
        ReadinessActivities(pool, build_of(settings)).report_readiness,
    ]


def _notices(settings: Settings) -> NoticeSettings:
    return NoticeSettings(
        profile=settings.limits,
        channels_file=settings.channels_file,
        data_dir=settings.data_dir,
        link=settings.notice_link,
        listed=settings.webhook_allow,
    )


def main() -> NoReturn:
    """Run as a process of its own."""
    settings = settings_of_process()
    configure_logging(settings.log_level)
    _spare_the_collector()
    code = 0
    try:
        asyncio.run(run(settings))
    except SettingsInvalidError as error:
        log.error("worker_failed", reason=str(error))  # noqa: TRY400 - its sentence says all
        code = WRONG_USAGE
    except Exception:
        log.exception("worker_failed")
        code = 1
    leave(code)


def _spare_the_collector() -> None:
    # Looking through everything anew after each 700 objects took 4 % of the processor, a tenth of a second at a time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _connect(settings: Settings, runtime: Runtime) -> Client:
    wait = 0.2
    while True:
        try:
            client = await connect(settings, identity=_identity(), runtime=runtime)
            request = DescribeNamespaceRequest(namespace=settings.temporal_namespace)
            await client.workflow_service.describe_namespace(request)
        except (RuntimeError, RPCError) as error:
            log.warning("temporal_not_ready", address=settings.temporal_address, reason=str(error), retry_in_s=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT.total_seconds())
        else:
            return client


def _identity() -> str:
    # Four events of every command repeat it.
    return f"worker@{socket.gethostname().split('.')[0][:24]}:{os.getpid()}"


async def _unless(stop: asyncio.Event, work: Any) -> Any:  # noqa: ANN401 - any coroutine and its result
    """Await work, or give None as soon as a stop is requested."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return None


def _stop_requested(graceful: timedelta) -> asyncio.Event:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def request() -> None:
        stop.set()
        leave_by_force(graceful + LEEWAY, 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, request)
    return stop


async def _end_after_fatal_error(graceful: timedelta, error: BaseException) -> None:
    log.critical("worker_fatal", error=type(error).__name__, reason=str(error.__cause__ or error))
    leave_by_force(graceful + LEEWAY, 1)


if __name__ == "__main__":
    main()

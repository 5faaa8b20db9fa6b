"""The one Temporal runtime of a process: its core logs as JSON and measures itself for Prometheus."""

import asyncio
import socket
from functools import cache
from typing import NamedTuple

from temporalio.runtime import LoggingConfig, LoggingFormat, PrometheusConfig, Runtime, TelemetryConfig, TelemetryFilter

_LOOPBACK = "127.0.0.1"
_PORTS_TRIED = 5
_ANSWERS_WITHIN_S = 2.0
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_FAST = (
    "request_latency",
    "long_request_latency",
    "workflow_task_schedule_to_start_latency",
    "workflow_task_execution_latency",
    "activity_schedule_to_start_latency",
    "activity_execution_latency",
    "local_activity_execution_latency",
)
"""What takes milliseconds here; the core's own buckets begin at 50 or 100."""
_REQUEST = b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"


class MeasuredRuntime(NamedTuple):
    """A runtime, and the port of the loopback where its core tells what it measures; None: it does not measure."""

    runtime: Runtime
    port: int | None

    async def exposition(self) -> bytes:
        """Give the core's measurements as Prometheus text; nothing where it does not measure or does not answer."""
        if self.port is None:
            return b""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                head, _, body = (await _answer(self.port)).partition(b"\r\n\r\n")
        except (OSError, TimeoutError):
            return b""
        return body if b" 200 " in head.partition(b"\r\n")[0] else b""


def temporal_runtime() -> Runtime:
    """Give a runtime that logs and does not measure."""
    return measured_runtime(measure=False).runtime


@cache
def silent_runtime() -> Runtime:
    """Give a runtime that says nothing, for a command line whose stdout is its answer."""
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="off")))


@cache
def measured_runtime(*, measure: bool) -> MeasuredRuntime:
    """Make the runtime of this process, which every client of it then uses.

    The core serves its measurements by itself, from a port of the loopback that nobody else need know: the process
    passes them on at its own address, beside what it measures in Python.
    """
    quiet = TelemetryFilter(core_level="WARN", other_level="ERROR")
    logs = LoggingConfig(filter=quiet, format=LoggingFormat.JSON)
    for left in reversed(range(_PORTS_TRIED)):
        port = _free_port() if measure else None
        try:
            runtime = Runtime(telemetry=TelemetryConfig(logging=logs, metrics=(port and _prometheus(port)) or None))
        except ValueError:
            # Somebody took the port in between.
            if not left:
                raise
        else:
            Runtime.set_default(runtime, error_if_already_set=False)
            return MeasuredRuntime(runtime, port)
    raise AssertionError


def _prometheus(port: int) -> PrometheusConfig:
    return PrometheusConfig(
        bind_address=f"{_LOOPBACK}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict.fromkeys(_FAST, _SECONDS),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


async def _answer(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    try:
        writer.write(_REQUEST)
        return await reader.read()
    finally:
        writer.close()

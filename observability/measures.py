"""What our processes measure, under names that last; docs/reference/metrics.md is generated from here.

Labels are codes from closed lists or from the catalogues: never an id, never a person.
"""

from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

# When a series began, a series more for each: process_start_time_seconds tells it for all of them.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATENESS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)


class ProcessMeasures:
    """What every process measures."""

    def __init__(self) -> None:
        """Measure into a registry of its own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("whistle_build", "The release that runs", registry=self.registry).info({"version": version("whistle")})
        self.connections = Gauge(
            "whistle_database_connections",
            "Connections of this process to PostgreSQL, by whether they are in use",
            ("state",),
            registry=self.registry,
        )


class GatewayMeasures(ProcessMeasures):
    """What one gateway process measures of itself."""

    def __init__(self) -> None:
        """Measure into a registry of its own."""
        super().__init__()
        self.requests = Counter(
            "whistle_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "whistle_http_request_seconds",
            "Time to the end of the answer, streams left out",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.commands = Histogram(
            "whistle_command_seconds",
            "Time of a command at this door; outcome is done, the problem's name, abandoned (by the caller) or failed",
            ("command", "outcome"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("whistle_http_in_flight", "Requests being answered", registry=self.registry)
        self.streams = Gauge("whistle_http_streams", "Open event streams, each of one client", registry=self.registry)
        self.dropped = Counter("whistle_http_streams_dropped", "Streams that were not read", registry=self.registry)


class WorkerMeasures(ProcessMeasures):
    """What one worker process measures of itself."""

    def __init__(self) -> None:
        """Measure into a registry of its own."""
        super().__init__()
        self._measure_the_ledger()
        self._measure_delivery()
        self._measure_progress()

    def _measure_the_ledger(self) -> None:
        self.ledger = Histogram(
            "whistle_ledger_seconds",
            "Time that the ledger took for a command, an adoption (adopt) or a strike of a clock (strike)",
            ("command", "outcome"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.lateness = Histogram(
            "whistle_strike_lateness_seconds",
            "How long after its due time a strike was recorded",
            ("phase",),
            buckets=_LATENESS,
            registry=self.registry,
        )
        self.woken = Counter(
            "whistle_lagging_woken",
            "Workflows that had fallen behind the ledger and were woken",
            registry=self.registry,
        )

    def _measure_delivery(self) -> None:
        self.notices = Counter(
            "whistle_notice_attempts",
            "Attempts to deliver a notice; outcome is delivered, retried, failed (for good) or dropped (too late)",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self.webhooks = Counter(
            "whistle_webhook_attempts",
            "Attempts to deliver an event to a subscriber; outcome is delivered or failed",
            ("outcome",),
            registry=self.registry,
        )

    def _measure_progress(self) -> None:
        self.polled = Gauge(
            "whistle_worker_last_poll_timestamp_seconds",
            "When the server last saw this worker ask for work, by kind of task",
            ("kind",),
            registry=self.registry,
        )
        self.stalled = Gauge(
            "whistle_worker_stalled",
            "1 while this worker is up, Temporal answers, and it has not asked for work for WHISTLE_STALLED_AFTER_S",
            registry=self.registry,
        )


WORKER = WorkerMeasures()
"""A worker process is one worker, so its activities share this."""

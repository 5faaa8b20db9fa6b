"""The figures of the database as gauges; a figure that is not there now has no sample, and is never stale."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from storage.survey import FAILED_WITHIN, Count, Figure

UP = "whistle_database_up"
_UP_MEANS = "1 while this process reads the database; at 0 the other figures of the database are left out"


class Named(NamedTuple):
    """A figure's public name, what it means, and what its labels are called."""

    name: str
    means: str
    labels: tuple[str, ...] = ()


NAMES = {
    Figure.OPEN: Named("whistle_open_whistles", "Whistles that are open, by state", ("state",)),
    Figure.OVERDUE: Named(
        "whistle_overdue_limits",
        "Limits that have passed and still bind, by the organisation they bind (other: not of the catalogue) and phase",
        ("organisation", "phase"),
    ),
    Figure.STRIKES_DUE: Named("whistle_strikes_due", "Clocks whose next strike is due and is not recorded"),
    Figure.STRIKES_DUE_FOR_S: Named("whistle_strikes_due_seconds", "For how long the oldest due strike has been due"),
    Figure.UNSTARTED: Named("whistle_unstarted", "Registrations whose workflow is not acknowledged"),
    Figure.OUTBOX: Named("whistle_outbox_pending", "Notices that are not addressed to anybody yet"),
    Figure.OUTBOX_FOR_S: Named("whistle_outbox_pending_seconds", "Age of the oldest notice that is not addressed yet"),
    Figure.NOTICES_PENDING: Named(
        "whistle_notices_pending", "Deliveries of notices that wait or are under way", ("channel",)
    ),
    Figure.NOTICES_PENDING_FOR_S: Named(
        "whistle_notices_pending_seconds", "Age of the oldest delivery that waits", ("channel",)
    ),
    Figure.NOTICES_FAILED: Named(
        "whistle_notices_failed",
        f"Notices that failed for good in the last {FAILED_WITHIN.total_seconds() / 3600:.0f} hours",
        ("channel",),
    ),
    Figure.WEBHOOK_COMMITS: Named("whistle_webhook_commits_pending", "Commits that no subscription was told of yet"),
    Figure.WEBHOOK_DELIVERIES: Named(
        "whistle_webhook_deliveries_pending",
        "Deliveries to subscribers that are due or wait for their next attempt",
        ("state",),
    ),
    Figure.FINDINGS: Named(
        "whistle_sweep_findings", "What the compliance sweep found and still finds amiss", ("kind",)
    ),
    Figure.SWEEP_STARTED_AT: Named("whistle_sweep_started_timestamp_seconds", "When the last sweep began"),
    Figure.SWEEP_FINISHED_AT: Named(
        "whistle_sweep_finished_timestamp_seconds", "When the last sweep that came to its end did so"
    ),
}


class SurveyCollector(Collector):
    """Tells Prometheus what was counted last."""

    def __init__(self) -> None:
        """Begin with a database that was not asked."""
        self._counts: list[Count] | None = None

    def note(self, counts: list[Count] | None) -> None:
        """Keep what was counted; None: the database did not answer."""
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give every family, those without a sample included."""
        yield GaugeMetricFamily(UP, _UP_MEANS, value=0.0 if self._counts is None else 1.0)
        yield from families(self._counts or ())


def families(counts: Iterable[Count]) -> Iterator[GaugeMetricFamily]:
    """Make the families of these figures."""
    made = {figure: GaugeMetricFamily(own.name, own.means, labels=own.labels) for figure, own in NAMES.items()}
    for count in counts:
        labels = (count.first, count.second)[: len(NAMES[count.figure].labels)]
        made[count.figure].add_metric(labels, count.value)
    yield from made.values()

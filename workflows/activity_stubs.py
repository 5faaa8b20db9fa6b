"""The activities as workflows know them: name, input and output. activities/ holds what they do."""

from datetime import date

from temporalio import activity

from domain.compliance import SweepEnded, SweepReport, SweepRun
from domain.delivery import Delivered, DeliveryRound
from domain.figures.freezing import FreezePeriod, PeriodFrozen
from domain.readiness import Readiness
from domain.webhooks import Sent


@activity.defn(name="deliver_outbox")
async def deliver_outbox(delivery: DeliveryRound) -> Delivered:
    """Deliver what lies in the outbox, as it comes, for one round."""
    raise NotImplementedError


@activity.defn(name="deliver_webhooks")
async def deliver_webhooks(delivery: DeliveryRound) -> Sent:
    """Tell subscribers what was committed, as it comes and as retries fall due, for one round."""
    raise NotImplementedError


@activity.defn(name="begin_sweep")
async def begin_sweep(run: SweepRun) -> None:
    """Record that a sweep began, and note runs before it that failed or never came."""
    raise NotImplementedError


@activity.defn(name="find_faults")
async def find_faults(run: SweepRun) -> int:
    """Compare Temporal with the store and look for what stands still; gives how many whistles it compared."""
    raise NotImplementedError


@activity.defn(name="heal_faults")
async def heal_faults(run: SweepRun) -> int:
    """Apply the remedies to what this run found; gives how many were applied."""
    raise NotImplementedError


@activity.defn(name="finish_sweep")
async def finish_sweep(ended: SweepEnded) -> SweepReport:
    """Close the books of a sweep and raise the alerts that are due."""
    raise NotImplementedError


@activity.defn(name="is_working_day")
async def is_working_day(day: date) -> bool:
    """Look a Beijing day up in the work calendar."""
    raise NotImplementedError


@activity.defn(name="send_digests")
async def send_digests(day: date) -> int:
    """Send each organisation its digest of a day, once; gives how many were sent."""
    raise NotImplementedError


@activity.defn(name="freeze_scorecard")
async def freeze_scorecard(asked: FreezePeriod) -> PeriodFrozen:
    """Freeze the figures of a period, or correct them by a new version; the same again changes nothing."""
    raise NotImplementedError


@activity.defn(name="report_readiness")
async def report_readiness() -> Readiness:
    """Say which build the worker is, and what its database lacks."""
    raise NotImplementedError

"""The activities as workflows know them: name, input and output. activities/ holds what they do."""

from temporalio import activity

from domain.brief import Brief
from domain.delivery import Delivered, DeliveryRound
from domain.ledger import RecordInput
from domain.webhooks import Sent


@activity.defn(name="record_command")
async def record_command(request: RecordInput) -> Brief:
    """Store a command in one transaction, or return what the workflow does not know yet."""
    raise NotImplementedError


@activity.defn(name="deliver_outbox")
async def deliver_outbox(delivery: DeliveryRound) -> Delivered:
    """Deliver what lies in the outbox, as it comes, for one round."""
    raise NotImplementedError


@activity.defn(name="deliver_webhooks")
async def deliver_webhooks(delivery: DeliveryRound) -> Sent:
    """Tell subscribers what was committed, as it comes and as retries fall due, for one round."""
    raise NotImplementedError

"""The way out to subscribers: one workflow that keeps one activity delivering webhooks, for ever.

Which event goes where, when it is tried again and how each attempt ended stand in the store; a history holds counts.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.delivery import DeliveryRound
    from domain.webhooks import Sent
    from workflows.activity_stubs import deliver_webhooks
    from workflows.policies import (
        DELIVER_FOR_EVER,
        DELIVERY_HEARTBEAT,
        DELIVERY_ROUND,
        DELIVERY_ROUNDS_BEFORE_CONTINUING,
        DELIVERY_WITHIN,
    )

WEBHOOKS = "webhooks"
"""The id of the one webhook workflow."""


@workflow.defn
class WebhookWorkflow:
    """Delivers round after round; never ends by itself."""

    @workflow.run
    async def run(self, sent: Sent = Sent()) -> None:  # noqa: B008 - a frozen value
        """Deliver a number of rounds and continue as new, carrying the count."""
        for _ in range(DELIVERY_ROUNDS_BEFORE_CONTINUING):
            sent += await workflow.execute_activity(
                deliver_webhooks,
                DeliveryRound(length=DELIVERY_ROUND),
                start_to_close_timeout=DELIVERY_WITHIN,
                heartbeat_timeout=DELIVERY_HEARTBEAT,
                retry_policy=DELIVER_FOR_EVER,
                summary="推送 webhook,并按时重试",
            )
            workflow.set_current_details(f"已推送 {sent.delivered} 次,失败 {sent.failed} 次")
        workflow.continue_as_new(sent)

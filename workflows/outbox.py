"""The way out: one workflow that keeps one activity delivering, for ever, so that whistles pay nothing for notices."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.delivery import Delivered, DeliveryRound
    from workflows.activity_stubs import deliver_outbox
    from workflows.policies import (
        DELIVER_FOR_EVER,
        DELIVERY_HEARTBEAT,
        DELIVERY_ROUND,
        DELIVERY_ROUNDS_BEFORE_CONTINUING,
        DELIVERY_WITHIN,
    )

OUTBOX = "outbox"
"""The id of the one outbox workflow."""


@workflow.defn
class OutboxWorkflow:
    """Delivers round after round; never ends by itself."""

    @workflow.run
    async def run(self, delivered: Delivered = Delivered()) -> None:  # noqa: B008 - a frozen value
        """Deliver a number of rounds and continue as new, carrying the count."""
        for _ in range(DELIVERY_ROUNDS_BEFORE_CONTINUING):
            round_ = await workflow.execute_activity(
                deliver_outbox,
                DeliveryRound(length=DELIVERY_ROUND),
                start_to_close_timeout=DELIVERY_WITHIN,
                heartbeat_timeout=DELIVERY_HEARTBEAT,
                retry_policy=DELIVER_FOR_EVER,
                summary="投递通知,并补启动遗漏的哨单",
            )
            delivered = Delivered(
                notices=delivered.notices + round_.notices, started=delivered.started + round_.started
            )
            workflow.set_current_details(f"已投递通知 {delivered.notices} 条,补启动哨单 {delivered.started} 件")
        workflow.continue_as_new(delivered)

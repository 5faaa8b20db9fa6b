"""A question to the workers of one version, asked before whistles are given to them: `whistle deploy check`."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.readiness import Readiness
    from workflows.activity_stubs import report_readiness
    from workflows.policies import READINESS_ONCE, READINESS_WITHIN


@workflow.defn
class ReadinessWorkflow:
    """Goes the way of every command, by a task of a workflow and one of an activity, and changes nothing."""

    @workflow.run
    async def run(self) -> Readiness:
        """Have the worker say what it is and whether its database fits."""
        return await workflow.execute_activity(
            report_readiness,
            start_to_close_timeout=READINESS_WITHIN,
            retry_policy=READINESS_ONCE,
            summary="报告就绪",
        )

"""The workflows that a worker runs, and what accompanies them.

All move to the current version at their next task (docs/decisions/0014-every-workflow-upgrades.md). None names that
behavior where it is defined: a server refuses the tasks of such a workflow from a worker that is not versioned.
"""

from temporalio.worker import Interceptor

from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow
from workflows.correlation import CarryingInterceptor
from workflows.outbox import OutboxWorkflow
from workflows.page import PageInterceptor
from workflows.readiness import ReadinessWorkflow
from workflows.scorecard import MonthlyScorecardWorkflow
from workflows.webhooks import WebhookWorkflow
from workflows.whistle import WhistleWorkflow

WORKFLOWS: list[type] = [
    WhistleWorkflow,
    OutboxWorkflow,
    WebhookWorkflow,
    ComplianceSweepWorkflow,
    DailyDigestWorkflow,
    MonthlyScorecardWorkflow,
    ReadinessWorkflow,
]

INTERCEPTORS: list[Interceptor] = [CarryingInterceptor(), PageInterceptor()]

"""The workflows that a worker runs, and that `whistle replay` replays."""

from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow
from workflows.outbox import OutboxWorkflow
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
]

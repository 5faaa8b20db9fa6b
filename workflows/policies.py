"""Every timeout and retry of the workflows, by what it is meant for."""

from datetime import timedelta

from temporalio.common import RetryPolicy

EVENTS_BEFORE_CONTINUING = 4_000
"""A run with so much history continues as new at its next quiet moment, also where the server suggests it later."""

STORE_AT_ONCE_WITHIN = timedelta(seconds=1)
# The number of attempts is the bound: 1.35 does not enforce schedule_to_close between attempts that fail fast.
STORE_AT_ONCE = RetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    backoff_coefficient=2,
    maximum_interval=timedelta(milliseconds=200),
    maximum_attempts=3,
)

STORE_IN_THE_END_WITHIN = timedelta(seconds=10)
STORE_IN_THE_END = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=0,
)

DELIVERY_ROUND = timedelta(minutes=30)
"""How long one outbox activity works before it hands over to the next."""
DELIVERY_WITHIN = timedelta(hours=1)
DELIVERY_HEARTBEAT = timedelta(seconds=6)
"""After which one whose worker died is given to another; the worker tells that it lives every other second."""
DELIVERY_ROUNDS_BEFORE_CONTINUING = 48
"""A day of them. Replay counts them: another number needs `workflow.patched`, as another order of steps would."""
DELIVER_FOR_EVER = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=0,
)

SWEEP_STEP_WITHIN = timedelta(minutes=4)
SWEEP_HEARTBEAT = timedelta(seconds=30)
SWEEP_STEP = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=0,
)
"""The execution timeout of the sweep is the bound: the next run takes up what this one could not."""

DIGEST_STEP_WITHIN = timedelta(minutes=10)
DIGEST_STEP = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=1),
    maximum_attempts=0,
)

FREEZE_WITHIN = timedelta(minutes=10)
FREEZE_WITH_PATIENCE = RetryPolicy(
    initial_interval=timedelta(seconds=5),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=5),
    maximum_attempts=0,
)

READINESS_WITHIN = timedelta(seconds=5)
READINESS_ONCE = RetryPolicy(maximum_attempts=1)
"""Whoever asked whether a worker is ready wants the first answer."""

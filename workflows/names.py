"""By which names Temporal knows a whistle's workflow and what goes with it: for those who speak of it and run none."""

WHISTLE_WORKFLOW = "WhistleWorkflow"
CORRELATION_HEADER = "whistle-correlation"
"""The header that carries the correlation of a request (observability/correlation.py)."""

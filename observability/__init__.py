"""How a process is seen from outside: its log lines, its measurements, and what one request left in each process."""

from observability.logs import TELLTALES, configure_logging
from observability.runtime import temporal_runtime

__all__ = ["TELLTALES", "configure_logging", "temporal_runtime"]

"""The zero-install stack: PostgreSQL and Temporal from PyPI wheels, worker and gateway beside them."""

from starter.embedded.errors import EmbeddedStackError
from starter.embedded.stack import EmbeddedStack
from starter.embedded.stack_file import StackRecord
from starter.embedded.supervisor import embedded_stack, erase_stack, run_stack

__all__ = ["EmbeddedStack", "EmbeddedStackError", "StackRecord", "embedded_stack", "erase_stack", "run_stack"]

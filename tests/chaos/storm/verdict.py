"""What is said at the end of a storm or an overload."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """A sentence for each thing that was not as it must be, and figures."""

    breaches: list[str]
    figures: dict[str, object]

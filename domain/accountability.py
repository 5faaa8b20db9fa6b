"""提请问责: what the scorecard of a quarter proposes, and nothing else; it is decided outside the system."""

from collections.abc import Callable, Sequence

Names = Callable[[str], str]


def proposal(organisation: str, period: str, documents: Sequence[str], edition: str, name: Names) -> str:
    """Write the proposal for one organisation, with the documents it rests on."""
    return (
        f"{name(organisation)} {period} 被通报批评 {len(documents)} 次({'、'.join(documents)}),"
        f"已达考核规则 {edition} 所定次数,建议提请问责。是否提请由督查部门决定。"
    )

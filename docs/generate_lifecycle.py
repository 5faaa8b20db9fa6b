"""Write docs/lifecycle.md from the table of moves, so that the page cannot go stale: `make docs`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from domain.chains import CHAINS, Seat
from domain.commands import COMMANDS
from domain.lifecycle import ENDS, MOVES, STEP_LABELS, STEPS, Move
from domain.vocabulary import Chain, ReportInState, State

PAGE = Path(__file__).with_name("lifecycle.md")
INTRODUCTION = """\
# The life of a whistle

Generated from `domain/lifecycle.py` and `domain/chains.py` by `make docs`; a test fails when it is stale.
Where a limit or rule is ours and not an official one it is marked [P] in `catalogues/limits.csv`.
"""
PICTURE = """\
```mermaid
stateDiagram-v2
    [*] --> SOURCED: register 登记
    SOURCED --> PROPOSED: review 研判
    SOURCED --> BLOWN: review, EMERGENCY 应急
    SOURCED --> SELF_HANDLED: review 自办
    SOURCED --> REJECTED: review 不予受理
    PROPOSED --> BLOWN: blow 吹哨
    PROPOSED --> SOURCED: decline 不同意
    BLOWN --> ASSEMBLING: accept 受理派单
    BLOWN --> RETURNED: return 退回
    RETURNED --> PROPOSED: resubmit 补正重报
    ASSEMBLING --> IN_ACTION: all arrived 全部报到
    ASSEMBLING --> SUSPENDED: suspend 挂账
    IN_ACTION --> SUSPENDED: suspend 挂账
    SUSPENDED --> IN_ACTION: resume 恢复
    IN_ACTION --> AWAITING_CHECK: all handled 全部处置
    AWAITING_CHECK --> IN_ACTION: check failed 返工
    AWAITING_CHECK --> EVALUATING: check passed 核查通过
    EVALUATING --> FEEDBACK: all evaluated 评价完成
    FEEDBACK --> CLOSED: replied, called back 答复回访
    SELF_HANDLED --> CLOSED: replied 答复
    CLOSED --> ASSEMBLING: reopen 重新办理
    CLOSED --> [*]: archived 归档
```
"""


def page() -> str:
    """Compose the whole page."""
    sections = [INTRODUCTION, PICTURE, *_states(), *_moves(), *_chains(), *_report_in_states()]
    return "\n".join(sections)


def _states() -> Iterator[str]:
    yield "## States\n"
    yield "| state | 中文 | step | open |\n| --- | --- | --- | --- |"
    for state in State:
        step = STEPS.get(state)
        name = f"{step} {STEP_LABELS[step - 1]}" if step else "keeps the step it came from"
        yield f"| `{state}` | {state.label} | {name} | {'no' if state in ENDS else 'yes'} |"
    yield ""


def _moves() -> Iterator[str]:
    yield "## Moves\n"
    yield "Whoever does not hold the part, or asks in another state, is refused and nothing changes.\n"
    yield "| command | who | in | leads to | report-in | note |\n| --- | --- | --- | --- | --- | --- |"
    for move in MOVES:
        yield (
            f"| `{move.command}`{_variant(move)} {COMMANDS[move.command].label} | {'、'.join(move.by)} "
            f"| {_listed(State, move.states)} | {_listed(State, move.to) or 'the same'} "
            f"| {_listed(ReportInState, move.report_in) or '–'} | {_conditions(move)} |"
        )
    yield ""


def _chains() -> Iterator[str]:
    yield "## Chains\n"
    yield "| chain | 中文 | reviews and blows | checks, evaluates, feeds back | accepts | may be called |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for chain in Chain:
        rule = CHAINS[chain]
        accepts = "the township's leader" if rule.accepted_by_leader else "the district platform"
        called = "、".join(sorted(kind.label for kind in rule.responder_types))
        yield f"| `{chain}` | {chain.label} | {_seat(rule.reviews)} | {_seat(rule.checks)} | {accepts} | {called} |"
    yield ""


def _report_in_states() -> Iterator[str]:
    yield "## Report-in states\n"
    yield "| state | 中文 |\n| --- | --- |"
    yield from (f"| `{state}` | {state.label} |" for state in ReportInState)
    yield ""


def _seat(seat: Seat) -> str:
    return "the township" if seat is Seat.TOWNSHIP else "the caller"


def _variant(move: Move) -> str:
    return f" {move.variant}" if move.variant else ""


def _conditions(move: Move) -> str:
    guards = "; ".join((guard.__doc__ or "").strip().rstrip(".") for guard in move.guards)
    return "; ".join(filter(None, (move.note, guards))) or "–"


def _listed(order: Iterable[str], chosen: Iterable[str]) -> str:
    wanted = set(chosen)
    return " ".join(f"`{item}`" for item in order if item in wanted)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")

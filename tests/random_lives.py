"""Random lives as a strategy: whatever is open to somebody, and time between, now and then without an engine."""

from typing import Any

from hypothesis import strategies as st

from domain.errors import RefusedError
from tests.life import Life
from tests.strategies import ACTORS, bodies

STAGES = (
    "registered",
    "emergency",
    "returned",
    "assembling",
    "objected",
    "in_action",
    "awaiting_check",
    "evaluating",
    "closed",
)
MINUTES = (0, 1, 7, 31, 65, 600, 1500, 6000)
RARELY = frozenset({"cancel", "merge", "return_whistle"})
WITHOUT_FIGURES = frozenset({"supervise", "append", "assign", "confer", "answer_supervision", "report_progress"})


@st.composite
def lives(draw: st.DrawFn, steps: int = 25, number: int = 0) -> Life:
    """Live one whistle through a drawn stage and some steps of anybody."""
    fields: dict[str, Any] = {"external_id": f"random-{number}", "grid": "jhh-1", "item_code": "A-1"}
    if draw(st.booleans()):
        fields["reporter"] = None
    life = Life(**fields)
    stage = draw(st.sampled_from(STAGES))
    if stage == "emergency":
        life.emergency()
    elif stage != "registered":
        getattr(life, stage)(kind=draw(st.sampled_from(["DAILY", "KEY_WORK"])))
    for _ in range(draw(st.integers(0, steps))):
        pass_time = life.unattended if draw(st.integers(0, 9)) == 0 else life.wait
        pass_time(minutes=draw(st.sampled_from(MINUTES)))
        act(draw, life)
    return life


def act(draw: st.DrawFn, life: Life) -> None:
    """Let somebody do something that is open to them, unless its body is refused."""
    ending = draw(st.integers(0, 9)) == 0
    open_now = {n: w for w in ACTORS for n in life.allowed(w) if (ending or n not in RARELY)}
    names = sorted(open_now.keys() - WITHOUT_FIGURES)
    if not names:
        return
    name = draw(st.sampled_from(names))
    who = draw(st.sampled_from([w for w in ACTORS if name in life.allowed(w)]))
    body = draw(bodies(name, life.whistle, life.now))
    try:
        life.do(who, name, **body)
    except RefusedError:
        return

"""The limit of requests a second: a window that slides, for each caller its own."""

import pytest

from starter.gateway.limits import Limiter
from starter.gateway.problems import TooManyRequestsError


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def allowed(limiter: Limiter, caller: str, asked: int) -> int:
    """Count how many of so many requests at once are allowed."""
    count = 0
    for _ in range(asked):
        try:
            limiter.hit(caller)
        except TooManyRequestsError:
            continue
        count += 1
    return count


def test_each_caller_has_its_own_limit() -> None:
    """One that is over it holds up no other."""
    limiter = Limiter(10, Clock())
    assert [allowed(limiter, name, 25) for name in ("key/a", "key/b")] == [10, 10]


def test_no_second_sees_more_than_the_limit_wherever_it_begins() -> None:
    """What came at the end of one second weighs on the next, less and less."""
    clock = Clock()
    limiter = Limiter(10, clock)
    clock.now = 1_000.9
    assert allowed(limiter, "a", 25) == 10
    clock.now = 1_001.0
    assert allowed(limiter, "a", 25) == 0
    clock.now = 1_001.5
    assert allowed(limiter, "a", 25) == 5
    clock.now = 1_003.0
    assert allowed(limiter, "a", 25) == 10


def test_what_is_refused_is_not_counted() -> None:
    """Who comes too often is not shut out for good."""
    clock = Clock()
    limiter = Limiter(2, clock)
    allowed(limiter, "a", 1_000)
    clock.now += 2
    assert allowed(limiter, "a", 5) == 2


def test_callers_of_long_ago_are_forgotten() -> None:
    """However many addresses there are, it remembers those of two seconds."""
    clock = Clock()
    limiter = Limiter(1, clock)
    for number in range(1_000):
        limiter.hit(f"address/{number}")
    clock.now += 2
    limiter.hit("address/new")
    assert len(limiter._counted) == 1


def test_who_is_refused_is_told_when_to_come_again() -> None:
    """In whole seconds, as Retry-After has it."""
    limiter = Limiter(1, Clock())
    limiter.hit("a")
    with pytest.raises(TooManyRequestsError) as refused:
        limiter.hit("a")
    assert refused.value.retry_after_s == 1

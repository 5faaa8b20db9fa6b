"""Whose work nobody does, as `whistle doctor` says it."""

import pytest

from starter.deployment import Deployment, Share, Version, unserved

IDLE = Version(build_id="1", share=Share.INACTIVE)
BUSY = Version(build_id="2", share=Share.INACTIVE, workers=("worker@b:1",))


@pytest.mark.parametrize(
    ("current", "ramping", "plain", "said"),
    [
        (None, None, True, None),
        ("2", None, False, None),
        ("2", None, True, None),
        ("1", None, True, "version 1 gets work, and no worker of it asks for any"),
        ("2", "1", False, "version 1 gets work, and no worker of it asks for any"),
        (None, None, False, "no version is current, so the workers of 2 get no work"),
    ],
)
def test_work_that_nobody_does_is_named(
    current: str | None, ramping: str | None, plain: bool, said: str | None
) -> None:
    """A version with a share and without workers, or workers while no version has a share."""
    found = Deployment(
        name="whistle",
        current=current,
        ramping=ramping,
        versions=(IDLE, BUSY),
        unversioned_workers=("worker@a:1",) if plain else (),
    )
    assert (unserved(found) or (None,))[0] == said

"""Whether a worker of a release could do its work, told before any work is given to it."""

from domain.values import Frozen


class Readiness(Frozen):
    """What a worker found: which build it is, and which migrations its database lacks."""

    build_id: str
    missing_migrations: tuple[str, ...] = ()

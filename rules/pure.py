# ruleid: no-world
import os
# ruleid: no-chance
import random
# ruleid: no-clock
import time as clock
from datetime import UTC, date, datetime
# ruleid: no-world
from pathlib import Path
# ruleid: no-chance
from uuid import uuid4


def f(names):
    # ruleid: no-clock
    now = datetime.now(UTC)
    # ruleid: no-clock
    made = field(default_factory=datetime.utcnow)
    # ruleid: no-clock
    today = date.today()
    # ruleid: no-order-of-a-set
    for name in set(names):
        # ruleid: no-world
        print(name)
    # ruleid: no-order-of-a-set, no-chance, no-world
    return list({"a", "b"}), ",".join(frozenset(names)), hash("x"), open("x")

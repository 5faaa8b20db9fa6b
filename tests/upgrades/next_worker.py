"""The worker of the next release: `python -m tests.upgrades.next_worker [patched | incompatible]`. For tests alone."""

import sys

import worker
from tests.upgrades.next_release import roster

if __name__ == "__main__":
    worker.WORKFLOWS = roster(sys.argv[1])
    worker.main()

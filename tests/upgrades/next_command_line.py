"""The command line of the next release: `python -m tests.upgrades.next_command_line RELEASE WORD…`. For tests alone."""

import sys

import starter.replay
from starter.cli import main
from tests.upgrades.next_release import roster

if __name__ == "__main__":
    starter.replay.WORKFLOWS = roster(sys.argv.pop(1))
    main()

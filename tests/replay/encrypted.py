"""`python -m tests.replay.encrypted`: record anew the encrypted history that replay tests keep."""

import asyncio
import json
import os
import sys

from tests.replay.record import tell
from tests.replay.stories import STORIES
from tests.unit.encryption.keys import key, reading
from tests.unit.test_replay_tool import ENCRYPTED


async def main() -> None:
    """Play the story of a closed whistle with a key that everybody may know."""
    history = (await tell(STORIES["closed"], reading(key("corpus-2026")))).history
    ENCRYPTED.parent.mkdir(exist_ok=True)
    text = json.dumps(history.to_json_dict(), ensure_ascii=False, separators=(",", ":"))
    ENCRYPTED.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)

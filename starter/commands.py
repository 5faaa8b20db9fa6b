"""How the processes of a system are started."""

import sys
from collections.abc import Sequence

WORKER: Sequence[str] = (sys.executable, "-m", "worker")
GATEWAY: Sequence[str] = (sys.executable, "-m", "starter.gateway")
CODEC_SERVER: Sequence[str] = (sys.executable, "-m", "starter.codec_server")

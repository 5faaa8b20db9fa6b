"""`python -m starter.gateway`: the gateway as a process of its own."""

import gc

# Nothing that is imported is garbage; to look for some costs a sixth of the start.
gc.disable()

from starter.gateway.server import main  # noqa: E402

main()

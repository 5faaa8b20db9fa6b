"""`python -m starter.gateway`: the gateway as a process of its own."""

from starter.gateway.server import main

main()

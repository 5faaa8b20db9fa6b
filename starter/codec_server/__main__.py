"""`python -m starter.codec_server`: the codec server as a process of its own."""

from starter.codec_server.server import main

main()

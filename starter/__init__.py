"""How work comes in: the client, the command line, the gateway and the embedded stack."""

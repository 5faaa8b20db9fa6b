"""When things happen: deterministic, and knowing activities only by their typed stubs."""

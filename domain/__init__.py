"""What the words mean: a pure core with no clock, no I/O and no Temporal in it."""

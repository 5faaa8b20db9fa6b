"""The codec server: opens what is encrypted for Temporal's UI and command line, to admins alone, and notes to whom."""

"""What a process tells Prometheus: its own measures, those of Temporal's core, and the figures of the database."""

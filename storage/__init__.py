"""The store: the only SQL of the project, one module a table group."""

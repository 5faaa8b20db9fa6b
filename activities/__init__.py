"""How the world is touched: everything with an effect outside of a workflow."""

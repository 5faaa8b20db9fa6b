"""Reports on their way out: asked of the store, shown on terminals, in sheets and as charts."""

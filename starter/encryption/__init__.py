"""Payload encryption: what Temporal keeps of a whistle, readable by those alone who hold the keys."""

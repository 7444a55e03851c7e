"""The audit: events as they are written and read back, and the chain between them."""

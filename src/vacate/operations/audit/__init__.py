"""The audit: the order in which it is written, searching, pruning."""

"""Sessions: one as it was read, what it does, and sums over many."""

"""Everything that reads and ends nobody."""

"""Plans: victims that are fixed, and how far their end has come."""

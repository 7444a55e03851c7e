"""Attacks on the running service: what a signed kill, memory, the log and the end of the service cost meanwhile."""

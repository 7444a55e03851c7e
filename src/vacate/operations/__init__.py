"""What can be done: one module per public verb, and the ports the verbs need.

Start with `kill_idle`. A port is a Protocol in `ports`; the rooms around implement it and `wiring` joins them.
"""

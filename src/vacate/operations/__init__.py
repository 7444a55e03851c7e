"""What can be done: one module per public verb, and the ports the verbs need.

Start with `sweep`, which every verb that ends sessions runs its task through; `kill_idle` is the main one. A port is a
Protocol in `ports`; the rooms around implement it and `wiring` joins them.
"""

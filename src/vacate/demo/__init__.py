"""The demo's room: real PostgreSQL servers, a small cluster of them, and the sessions of a real day.

Tests and benchmarks start their servers here too. Start with `servers.Server`, which makes one server inside
a workplace; `cluster.demo_cluster` joins three of them, and `traffic.traffic` opens sessions on all three.
Nothing of a run outlives it: `leftovers` says how.
"""

"""Vacate measured beside the plain SQL, on real servers, one table each.

    python -m benchmarks [NAME] [--rounds N] [--sizes 100,500,2000] [--majors 15,18] [--write]

`kill`, `race`, `empty`, `listing`, `overview`, `memory` and `signatures` each hold one benchmark; README.md says what
they measure and how far to trust it. What they share: `stage` has the server and the service in front of it, `blocks`
times many calls, `anatomy` takes a listing apart, `witness` counts sessions as a superuser sees them, `figures` makes
tables of what was measured, `machine` says what it was measured on, `readme` keeps the last figures.
"""

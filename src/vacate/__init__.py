"""Vacate lists database sessions and terminates the idle ones, never a busy one.

Start with `operations.sweeps.kill_idle`, the main job, and `operations.sweeps.sweep`, which does it. What is decided is
in `domain`, servers are spoken to in `components`, and `wiring` is the one room that knows every other.
"""

__version__ = "0.1.0"

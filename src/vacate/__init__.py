"""Vacate lists database sessions and terminates the idle ones, never a busy one.

Start with `operations.sweeps.kill_idle`, the main job, and `operations.sweeps.sweep`, which does it. What is decided is in
`domain`, what is spoken to is in `engines`, and `wiring` is the one file that knows every room.
"""

__version__ = "0.1.0"

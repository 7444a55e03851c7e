"""Vacate lists database sessions and terminates the idle ones, never a busy one.

Start with `operations.kill_idle`: it is the main job read from top to bottom. What it decides is in `domain`,
what it speaks to is in `engines`, and `wiring` is the one file that knows every room.
"""

__version__ = "0.1.0"

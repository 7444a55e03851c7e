"""The command line: `serve`, the users and access keys of the store, and the demo.

Each command is a thin shell over `wiring`; imports that cost start-up time stay inside the commands.
"""

from vacate.cli.main import main

__all__ = ["main"]

"""The composition root: the one room that knows every other. Start at `service`."""

from vacate.wiring.discovery import discovery
from vacate.wiring.service import Service, open_service
from vacate.wiring.state import State, audit_key_of, directory_of, open_directory, open_state

__all__ = [
    "Service",
    "State",
    "audit_key_of",
    "directory_of",
    "discovery",
    "open_directory",
    "open_service",
    "open_state",
]

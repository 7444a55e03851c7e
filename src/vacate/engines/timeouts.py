"""How long a server is waited for."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for the server: for a login, and for the answer to one statement."""

    connect: timedelta = timedelta(seconds=5)
    answer: timedelta = timedelta(seconds=10)

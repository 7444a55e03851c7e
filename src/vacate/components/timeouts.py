"""How long a server is waited for."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for the server: for a login, and for the answer to one statement.

    A server of the Gauss family whose workers are all held makes more of them, and serves a login as soon as it has:
    after up to seven seconds. So a login has longer there.
    """

    connect: timedelta = timedelta(seconds=5)
    gauss_connect: timedelta = timedelta(seconds=15)
    answer: timedelta = timedelta(seconds=10)

"""A component as one read of its server showed it: the one model that is listed, judged, counted and planned by."""

from dataclasses import dataclass
from datetime import datetime

from vacate.domain.sessions.session import CLIENT_BACKEND, Session
from vacate.domain.sessions.slots import Slots
from vacate.domain.topology.components import Component
from vacate.domain.topology.servers import Engine, Neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSnapshot:
    """Every session of a component at one moment, and what its server is.

    `version` counts the snapshots that this service has taken of the component, from 1. `taken_at` is the service's
    time, aware and in UTC; the times in `sessions` are the server's. `neighbours` is what was known of the other
    members of the instance then.
    """

    component: Component
    version: int
    taken_at: datetime
    engine: Engine
    neighbours: Neighbours
    sessions: tuple[Session, ...]
    maximum: int
    reserved: int

    @property
    def slots(self) -> Slots:
        """Return how many sessions the server has room for, and how many it has."""
        used = sum(session.backend_type == CLIENT_BACKEND for session in self.sessions)
        return Slots(maximum=self.maximum, reserved=self.reserved, used=used)

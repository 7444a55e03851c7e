"""What the guards must know about a component, joined from its place and a snapshot of it."""

from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.operations.ports import Placement


def surroundings_of(placement: Placement, snapshot: ComponentSnapshot) -> Surroundings:
    """The facts of a component that its sessions are judged by."""
    return Surroundings(
        kind=placement.component.kind,
        engine=snapshot.engine,
        coordinators=placement.instance.coordinator_names() | snapshot.neighbours.names,
        peer_addresses=snapshot.neighbours.addresses,
    )

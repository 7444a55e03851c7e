"""What the guards must know about a component, joined from its place and its link."""

from vacate.domain.judging.surroundings import Surroundings
from vacate.operations.ports import Link, Placement


def surroundings_of(placement: Placement, link: Link) -> Surroundings:
    """The facts of a component that its sessions are judged by."""
    return Surroundings(
        kind=placement.component.kind,
        engine=link.engine,
        coordinators=placement.instance.coordinator_names() | link.neighbours.names,
        peer_addresses=link.neighbours.addresses,
    )

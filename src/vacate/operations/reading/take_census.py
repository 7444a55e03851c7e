"""Take a census of every component, for whoever watches the whole: how many sessions, how long idle, how many slots."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from vacate.domain.sessions.census import Census, Uncounted, count
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.topology.components import Component
from vacate.operations.ports import Clock, Gateway, Inventory

# So many snapshots are counted before everything else has its turn.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCensus:
    """The operation with everything it needs; the service itself calls it, again and again.

    No server is asked: each component's agent reads it every so often, and the last snapshot is counted. One that is
    older than `good_for` tells nothing of now.
    """

    inventory: Inventory
    gateway: Gateway
    clock: Clock
    good_for: timedelta
    _counted: dict[Component, tuple[int, Census]] = field(default_factory=dict[Component, tuple[int, Census]])

    async def __call__(self) -> tuple[Census | Uncounted, ...]:
        """Count the last snapshot of every component of every project, in the order of the configuration.

        A component whose server was found in no state to be read is uncounted, with the reason, and so is one that was
        not read for too long.
        """
        problems = {health.component: health.problem for health in self.gateway.health()}
        taken: list[Census | Uncounted] = []
        for number, component in enumerate(self.inventory.components(), start=1):
            taken.append(self._take(component, problems.get(component)))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(taken)

    def _take(self, component: Component, problem: str | None) -> Census | Uncounted:
        snapshot = self.gateway.latest(component)
        if problem is not None or snapshot is None:
            return Uncounted(component=component, reason=problem or "it was not read yet")
        age = self.clock() - snapshot.taken_at
        if age > self.good_for:
            return Uncounted(component=component, reason=f"it was last read {age.total_seconds():.0f} s ago")
        return self._census(snapshot)

    def _census(self, snapshot: ComponentSnapshot) -> Census:
        version, census = self._counted.get(snapshot.component, (0, None))
        if census is None or version != snapshot.version:
            census = count(snapshot.component, snapshot.sessions, snapshot.slots, at=snapshot.taken_at)
            self._counted[snapshot.component] = snapshot.version, census
        return census

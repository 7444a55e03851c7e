"""Take a census of every component, for whoever watches the whole: how many sessions, how long idle, how many slots."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.census import Census, Uncounted, count
from vacate.domain.errors import VacateError
from vacate.domain.topology import Component
from vacate.operations.ports import Clock, Gateway, Inventory, Link
from vacate.operations.reading import read, within

ANSWER_WITHIN = timedelta(seconds=5)
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCensus:
    """The operation with everything it needs; the service itself calls it, again and again.

    `answer_within` is how long each component may take, the wait for its link included.
    """

    inventory: Inventory
    gateway: Gateway
    clock: Clock
    answer_within: timedelta = ANSWER_WITHIN

    async def __call__(self) -> tuple[Census | Uncounted, ...]:
        """Read every component of every project side by side, in the order of the configuration.

        A component that fails is uncounted, with its reason, and the others are counted all the same. While a sweep
        holds a link the census waits for it no longer than its own time allows, and once that is over it asks nothing
        further of a link that it has. A component whose server was found in no state to be read is not asked at all:
        its keeper tries again, and where each login that is denied brings the role nearer to being locked, nobody does.
        """
        return tuple(await asyncio.gather(*map(self._take, self.inventory.components())))

    async def _take(self, component: Component) -> Census | Uncounted:
        expected = True

        async def ask(link: Link) -> Census:
            sessions = await link.look()
            if not expected:
                # Nobody waits for the rest, and a sweep may wait for the link.
                raise asyncio.CancelledError
            return count(component, sessions, await link.slots(), at=self.clock())

        async def answer() -> Census | Uncounted:
            problem = await self._problem(component)
            if problem is not None:
                return Uncounted(component=component, reason=problem)
            return await read(self.gateway, component, ask)

        try:
            return await within(self.answer_within, component, answer())
        except VacateError as error:
            return Uncounted(component=component, reason=str(error))
        except Exception as error:  # noqa: BLE001 - one unforeseen answer must not end the counting of the others
            return Uncounted(component=component, reason=f"unforeseen: {type(error).__name__}: {error}")
        finally:
            expected = False

    async def _problem(self, component: Component) -> str | None:
        """What the component's keeper found. When the service starts, its first check is waited for."""
        while True:
            for health in self.gateway.health():
                if health.component == component and health.checked_at is not None:
                    return health.problem
            await asyncio.sleep(_LOOK_AGAIN_S)

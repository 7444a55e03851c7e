"""From the audit to the endpoints: what is done again and again, from as many services as share the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from vacate.domain.sessions.owners import Ownership
from vacate.operations.outbox import DeliveryObserver, Leased, Outbox
from vacate.operations.ports import Clock
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.messages import message_for
from vacate.webhooks.schedule import ATTEMPTS, pause_after
from vacate.webhooks.sender import Answer

KEPT_FOR = timedelta(days=30)
"""How long a delivery that has ended can be looked at, and an endpoint that nobody uses is remembered."""
_AT_ONCE = 100
# What is done around an attempt: the store is asked before and told afterwards.
_LEASE_MARGIN = timedelta(seconds=30)


class Sends(Protocol):
    """Who makes one attempt; see `Sender`."""

    async def send(self, message_id: str, body: str) -> Answer:
        """Make it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Reads the audit for every endpoint and leaves in the outbox what each is to be told."""

    outbox: Outbox
    endpoints: Sequence[Endpoint]
    ownership: Ownership
    clock: Clock
    at_once: int = _AT_ONCE

    async def __call__(self) -> int:
        """Read up to the audit's end; how many events were taken in for an endpoint, each counted once an endpoint.

        Events are read and messages written before the store is locked: nobody who writes the audit waits for it.

        Raises:
            StoreUnavailableError: what was not taken in yet is taken in by another call.
        """
        behind = await self.outbox.behind([endpoint.name for endpoint in self.endpoints], self.clock())
        return sum([await self._follow(endpoint) for endpoint in self.endpoints if endpoint.name in behind])

    async def _follow(self, endpoint: Endpoint) -> int:
        taken = 0
        while True:
            unread = await self.outbox.unread(endpoint.name, self.at_once)
            if unread.last == unread.cursor:
                return taken
            written = (message_for(endpoint, event, self.ownership) for event in unread.events)
            deliveries = [delivery for delivery in written if delivery is not None]
            if not await self.outbox.take_in(endpoint.name, unread, deliveries, self.clock()):
                # Another service is at it and goes on.
                return taken
            taken += len(unread.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Sends one endpoint what is due, one after the other, so that the order holds as long as nothing fails."""

    outbox: Outbox
    endpoint: Endpoint
    sender: Sends
    observer: DeliveryObserver
    clock: Clock

    async def __call__(self) -> int:
        """Make an attempt of everything that is due; how many were made.

        Whoever is cut off in the middle leaves a delivery that is due again when its lease is over.

        Raises:
            StoreUnavailableError: what was not settled is tried again.
        """
        attempts = 0
        while delivery := await self._lease():
            await self._settle(delivery, await self._attempt(delivery))
            attempts += 1
        return attempts

    async def _lease(self) -> Leased | None:
        now = self.clock()
        return await self.outbox.lease(self.endpoint.name, now, now + self.endpoint.timeout + _LEASE_MARGIN)

    async def _attempt(self, delivery: Leased) -> Answer:
        if delivery.attempt > ATTEMPTS:
            # Every attempt is counted before it is made, so these never came back to say how they went.
            return Answer(status=None, problem="every attempt was cut off", final=True)
        return await self.sender.send(delivery.id, delivery.body)

    async def _settle(self, delivery: Leased, answer: Answer) -> None:
        now = self.clock()
        if answer.problem is None:
            await self.outbox.delivered(delivery, now)
            self.observer.delivered(delivery.endpoint, delivery.attempt)
            return
        pause = None if answer.final else pause_after(delivery.attempt, asked=answer.asked)
        again_at = None if pause is None else now + pause
        if await self.outbox.failed(delivery, answer.problem, now, again_at):
            self.observer.delivery_failed(delivery.endpoint, delivery.id, answer.problem, again_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """What is done now and then: the backlog is counted, and what has ended long ago is forgotten."""

    outbox: Outbox
    names: Collection[str]
    observer: DeliveryObserver
    clock: Clock

    async def count(self) -> None:
        """Tell the observer how much waits for each endpoint of the configuration.

        Raises:
            StoreUnavailableError: it cannot be counted.
        """
        for state in await self.outbox.states():
            if state.name in self.names:
                self.observer.backlog(state.name, state.waiting, state.given_up)

    async def forget(self) -> int:
        """Remove deliveries that ended long ago; how many.

        Raises:
            StoreUnavailableError: nothing was removed.
        """
        now = self.clock()
        return await self.outbox.forget(self.names, now - KEPT_FOR, now)

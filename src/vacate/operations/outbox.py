"""What webhooks need from the store: the audit behind a cursor for each endpoint, and what is still to be delivered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vacate.domain.audit.record import RecordedEvent


class DeliveryStage(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """It was not accepted yet, and is tried when it is due."""
    DELIVERED = "delivered"
    """The endpoint accepted it."""
    GIVEN_UP = "given_up"
    """It was tried often enough; nobody tries it again without being told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What one endpoint is to be told of one event. `body` is JSON, and the same at every attempt.

    `id` names the delivery for good, so that a receiver who gets it twice can tell.
    """

    id: str
    event_id: int
    type: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A delivery that is whoever leased it's to attempt, for a while. `attempt` counts from 1, this one included."""

    id: str
    endpoint: str
    type: str
    body: str = field(repr=False)
    attempt: int
    claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """The next events that an endpoint was not told of: behind its cursor, in the order they were written.

    `last` is the number of the last one. What cannot be read is not among the events.
    """

    cursor: int
    last: int
    events: tuple[RecordedEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """How far an endpoint has come. `head` is the audit's last event, `cursor` the last one that was read for it."""

    name: str
    cursor: int
    head: int
    waiting: int
    given_up: int
    delivered_at: datetime | None
    failed_at: datetime | None
    failure: str | None


class Outbox(Protocol):
    """Deliveries, from the audit to their end. Services on one store share it.

    Every method raises StoreUnavailableError when the store does not answer.
    """

    async def behind(self, names: Collection[str], now: datetime) -> tuple[str, ...]:
        """Which of these endpoints have events to read. One that is new begins at the audit's last event of now."""
        ...

    async def unread(self, endpoint: str, limit: int) -> Unread:
        """The next events of an endpoint that is known, so many at most."""
        ...

    async def take_in(self, endpoint: str, unread: Unread, taken: Sequence[NewDelivery], now: datetime) -> bool:
        """Keep the deliveries and move the cursor behind what was read, both or neither.

        Whether the cursor still stood where it was read; if not, somebody else has taken the same events in.
        """
        ...

    async def lease(self, endpoint: str, now: datetime, until: datetime) -> Leased | None:
        """The oldest delivery that is due. Nobody else gets it before `until`, when it is due again by itself."""
        ...

    async def delivered(self, delivery: Leased, now: datetime) -> None:
        """The endpoint accepted it."""
        ...

    async def failed(self, delivery: Leased, reason: str, now: datetime, again_at: datetime | None) -> bool:
        """The endpoint did not accept it; without another time it is given up. Whether the lease still held."""
        ...

    async def again(self, endpoint: str, now: datetime) -> int:
        """Make everything due now that was given up or waits for another attempt; how many deliveries."""
        ...

    async def states(self) -> tuple[EndpointState, ...]:
        """Every endpoint that was ever followed and is not forgotten, by name."""
        ...

    async def forget(self, names: Collection[str], before: datetime, now: datetime) -> int:
        """Remove deliveries that ended before a moment; how many.

        These endpoints are in use now. Others that were last in use before that moment are removed with all of theirs.
        """
        ...


class DeliveryObserver(Protocol):
    """Who counts and logs what becomes of deliveries. Neither URL nor body is ever told."""

    def delivered(self, endpoint: str, attempt: int) -> None:
        """An endpoint accepted a delivery."""
        ...

    def delivery_failed(self, endpoint: str, delivery_id: str, reason: str, again_at: datetime | None) -> None:
        """An endpoint did not accept a delivery; it is tried again then, or given up."""
        ...

    def backlog(self, endpoint: str, waiting: int, given_up: int) -> None:
        """How many deliveries an endpoint has now that wait, and that were given up."""
        ...

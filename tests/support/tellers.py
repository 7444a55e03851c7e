"""Services on one store, as far as webhooks go, and what they are to tell."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.fakes import actor
from tests.support.place import TARGET
from tests.support.receiver import KEYS, Receiver
from tests.support.recorded import STATEMENT
from tests.support.sessions import idle_session
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.sessions.owners import Ownership
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.operations.clock import utc_now
from vacate.operations.outbox import EndpointState
from vacate.store.database import Database
from vacate.store.webhooks import SqlOutbox
from vacate.webhooks.delivery import Deliverer, Follower
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.sender import Sender

SECOND = timedelta(seconds=1)


@dataclass
class Later:
    """The real clock, put ahead by a test instead of waiting."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Told:
    """What an observer of deliveries is told, in order."""

    lines: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])

    def delivered(self, endpoint: str, attempt: int) -> None:
        self.lines.append(("delivered", endpoint, attempt))

    def delivery_failed(self, endpoint: str, delivery_id: str, reason: str, again_at: datetime | None) -> None:
        del delivery_id
        self.lines.append(("given up" if again_at is None else "failed", endpoint, reason))

    def backlog(self, endpoint: str, waiting: int, given_up: int) -> None:
        self.lines.append(("backlog", endpoint, waiting, given_up))


@dataclass
class Replica:
    """One service on the store, as far as webhooks go."""

    outbox: SqlOutbox
    clock: Later
    observer: Told
    follow: Follower
    deliver: dict[str, Deliverer]

    async def settle(self) -> None:
        """Follow the audit and send all that is due."""
        await self.follow()
        for deliver in self.deliver.values():
            await deliver()

    async def state(self, name: str = "teams") -> EndpointState:
        return next(state for state in await self.outbox.states() if state.name == name)


@asynccontextmanager
async def replica(
    database: Database, *endpoints: Endpoint, clock: Later | None = None, at_once: int = 100
) -> AsyncGenerator[Replica]:
    outbox, clock, observer = SqlOutbox(database), clock or Later(), Told()
    # Receivers compare with the real time, so attempts are stamped with it.
    senders = {each.name: Sender(each, version="0", clock=utc_now) for each in endpoints}
    try:
        yield Replica(
            outbox=outbox,
            clock=clock,
            observer=observer,
            follow=Follower(
                outbox=outbox,
                endpoints=endpoints,
                ownership=Ownership(roles={"app": "orders"}),
                clock=clock,
                at_once=at_once,
            ),
            deliver={
                each.name: Deliverer(
                    outbox=outbox, endpoint=each, sender=senders[each.name], observer=observer, clock=clock
                )
                for each in endpoints
            },
        )
    finally:
        for sender in senders.values():
            await sender.close()


def endpoint(receiver: Receiver, *, name: str = "teams", timeout: timedelta = 10 * SECOND) -> Endpoint:
    return Endpoint(name=name, url=receiver.url, keys=KEYS, timeout=timeout)


def event(
    action: AuditAction = AuditAction.KILL_IDLE_INTENDED, *, pid: int = 1001, outcome: Outcome = Outcome.NOT_REACHED
) -> AuditEvent:
    session = idle_session(pid=pid, query=STATEMENT)
    return AuditEvent(
        at=utc_now(),
        action=action,
        actor=actor(),
        target=TARGET,
        sessions=(SessionOutcome(session=session, outcome=outcome, by="signal", reason="idle for 1 h"),),
    )

"""The agent of a component: it owns the one connection to the component's server, keeps it warm, and reads it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from vacate.components.capabilities import Capabilities, ServerChangedError, check
from vacate.components.caution import UntrustedServerError
from vacate.components.dialects import ServerLink, link_over, probe
from vacate.components.neighbourhood import Neighbourhood
from vacate.components.recollection import Recollection
from vacate.components.refusals import LockingLoginError
from vacate.components.sharing import Begun, SharedReads
from vacate.components.timeouts import Timeouts
from vacate.components.wire import StatementRefusedError, Statements, Wire
from vacate.domain.errors import ComponentBusyError, ComponentFailedError, ComponentUnreachableError, VacateError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import SessionKey, Victim
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.topology.components import Component
from vacate.domain.topology.health import ComponentHealth
from vacate.operations.ports import (
    Clock,
    Link,
    Pins,
    Signalled,
    TerminateBrokenError,
    Unforeseen,
    untold,
)

Answer = TypeVar("Answer")

_NODES_EVERY_S = 60.0
# A check that is under way may have begun before the doubt that it is to settle.
_CHECKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """How agents work.

    `read_every` is how often a component is read when nobody asks. `check_every` is how often one is tried that is not
    ready, and how often a connection is looked at without a word to the server. `busy_after` is how long a sweep waits
    for another one. `own_users` are the roles that Vacate logs in as, here or elsewhere: a session of theirs that is
    named like Vacate's is Vacate's.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    check_every: timedelta = timedelta(seconds=5)
    read_every: timedelta = timedelta(seconds=15)
    busy_after: timedelta = timedelta(seconds=10)
    own_users: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """What the agents of one service share.

    `unforeseen` is told of every error that nobody foresaw, and of the component where it happened.
    """

    neighbourhood: Neighbourhood
    pins: Pins
    clock: Clock
    settings: GatewaySettings
    unforeseen: Unforeseen = untold


class ComponentAgent:
    """Reads a component and ends its sessions over one connection: a second slot may not be had when it matters.

    Each statement has its turn, so a read waits for one statement of a kill and no longer. Equal reads that wait are
    answered by one. A read that has begun runs to its end even if its caller goes away.
    """

    def __init__(self, component: Component, dsn: str, shared: AgentContext) -> None:
        self._component = component
        self._shared = shared
        self._wire = Wire(dsn, shared.settings.timeouts)
        self._reads = SharedReads()
        self._sweeping = asyncio.Lock()
        self._capabilities: Capabilities | None = None
        # How often something made the server doubtful, and how many of these doubts a check has settled.
        self._doubts = self._settled = 0
        # Whether it answered since the last check, so that it was well for a while.
        self._was_read = False
        self._recollection = Recollection()
        self._latest: ComponentSnapshot | None = None
        self._checked_at: datetime | None = None
        self._problem: str | None = "not checked yet"
        # What nobody foresaw, or in what the server went too far, until it was read without it.
        self._unforeseen: str | None = None
        self._waits_for_a_call = False
        self._nodes_told_at: float | None = None

    @property
    def latest(self) -> ComponentSnapshot | None:
        """The last snapshot that was taken; `None` before the first."""
        return self._latest

    def health(self) -> ComponentHealth:
        """What the last check found."""
        software = self._capabilities.software if self._capabilities else None
        return ComponentHealth(
            component=self._component,
            checked_at=self._checked_at,
            problem=self._problem or self._unforeseen,
            engine=software.engine if software else None,
            version=software.version if software else None,
        )

    # --- for everybody ---

    async def snapshot(self) -> ComponentSnapshot:
        """Read every session. What is returned was read after the call began.

        Raises:
            ComponentUnreachableError, MissingRightsError, WrongServerError, UnsupportedServerError,
            StoreUnavailableError: the server is in no state to be read.
        """
        return await self._reads.read("snapshot", self._take_snapshot)

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client session with what it does; raises as `snapshot`."""
        return await self._reads.read("activity", self._read_activity)

    async def databases(self) -> tuple[str, ...]:
        """Read the names of the databases that clients may use, sorted; raises as `snapshot`."""
        return await self._reads.read("databases", self._read_databases)

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[Link]:
        """Hold the component for one sweep. Reads go on meanwhile; another sweep waits.

        Raises:
            ComponentBusyError: another sweep took too long; or as `snapshot`.
        """
        try:
            async with asyncio.timeout(self._shared.settings.busy_after.total_seconds()):
                await self._sweeping.acquire()
        except TimeoutError:
            raise ComponentBusyError from None
        try:
            with self._contained():
                if self._capabilities is not None and self._capabilities.software.engine.of_gauss_family:
                    # Nothing in its lists tells that the server has another role by now.
                    self._doubts += 1
                await self._ready()
                yield self
        finally:
            self._sweeping.release()

    # --- in the background ---

    async def keep(self, *, after: timedelta = timedelta(0)) -> None:
        """Keep the connection warm and the latest snapshot new, for ever; begin after a while."""
        settings, loop = self._shared.settings, asyncio.get_running_loop()
        await asyncio.sleep(after.total_seconds())
        read_at: float | None = None
        while True:
            due = read_at is None or loop.time() - read_at >= settings.read_every.total_seconds()
            # Where each attempt brings the role nearer to being locked, only a call is worth one.
            if (due or self._problem or self._unforeseen or not self._wire.open) and not self._waits_for_a_call:
                read_at = loop.time()
                await self._check()
            await asyncio.sleep(min(settings.check_every, settings.read_every).total_seconds())

    async def close(self) -> None:
        """Let a sweep that runs end, then close the connection."""
        async with self._sweeping:
            await self._reads.cancel()
            await self._wire.close()

    async def _check(self) -> None:
        try:
            await self.snapshot()
            if self._unforeseen is not None:
                # What nobody foresaw may have come of the other read.
                await self.activity()
                self._unforeseen = None
        except VacateError as error:
            self._problem = self._problem or str(error)

    # --- one read ---

    async def _take_snapshot(self, begun: Begun) -> ComponentSnapshot:
        with self._contained():
            capabilities, sessions = await self._asked(begun, lambda link: link.look())
            self._recollection.saw((each.session_id, each.backend_start, each.query) for each in sessions)
            await self._have_nodes_told(self._wire.vouched(), capabilities)
            own_users = self._shared.settings.own_users
            snapshot = ComponentSnapshot(
                component=self._component,
                version=1 if self._latest is None else self._latest.version + 1,
                taken_at=self._shared.clock(),
                engine=capabilities.software.engine,
                neighbours=await self._shared.neighbourhood.of(self._component, capabilities),
                sessions=tuple(self._recollection.completed(each, own_users) for each in sessions),
                maximum=capabilities.maximum,
                reserved=capabilities.reserved,
            )
            self._latest, self._checked_at, self._problem = snapshot, snapshot.taken_at, None
            return snapshot

    async def _read_activity(self, begun: Begun) -> tuple[Activity, ...]:
        with self._contained():
            _, found = await self._asked(begun, lambda link: link.activity())
            self._recollection.saw((each.session_id, each.backend_start, each.query) for each in found)
            return found

    async def _read_databases(self, begun: Begun) -> tuple[str, ...]:
        with self._contained():
            return (await self._asked(begun, lambda link: link.databases()))[1]

    async def _asked(
        self, begun: Begun, question: Callable[[ServerLink], Awaitable[Answer]]
    ) -> tuple[Capabilities, Answer]:
        """Ask the server, once more where the answer shows that it changed, or that the connection died unnoticed."""
        was_read = self._was_read and self._wire.open
        try:
            return await self._answer_to(begun, question)
        except UntrustedServerError:
            raise
        except (ServerChangedError, StatementRefusedError):
            # A check says what is wrong.
            self._doubts += 1
        except ComponentUnreachableError:
            if self._wire.open or not was_read:
                raise
        return await self._answer_to(begun, question)

    async def _answer_to(
        self, begun: Begun, question: Callable[[ServerLink], Awaitable[Answer]]
    ) -> tuple[Capabilities, Answer]:
        capabilities = await self._ready()
        answer = await question(self._over(capabilities, begun))
        self._was_read = True
        return capabilities, answer

    # --- the connection ---

    def _over(self, capabilities: Capabilities, begun: Begun = lambda: None) -> ServerLink:
        async def make_ready() -> None:
            await self._ready()

        return link_over(self._wire.vouched(begun), make_ready, capabilities)

    async def _ready(self) -> Capabilities:
        """Connect and check the server, unless this connection's server was checked and nothing made it doubtful."""
        for _ in range(_CHECKS):
            if self._capabilities is not None and self._wire.open and self._settled >= self._doubts:
                return self._capabilities
            await self._reads.read("check", lambda _: self._connect_and_check())
        if self._capabilities is not None and self._wire.open:
            return self._capabilities
        raise ComponentUnreachableError("the server closes the link as soon as it was checked")

    async def _connect_and_check(self) -> None:
        doubts, self._was_read = self._doubts, False
        try:
            capabilities = await _probed(self._wire)
            await check(capabilities, self._component, self._shared.pins)
            self._nodes_told_at = None
            await self._have_nodes_told(self._wire, capabilities)
        except VacateError as error:
            self._problem = str(error)
            self._waits_for_a_call = isinstance(error, LockingLoginError)
            raise
        else:
            self._wire.vouch()
            self._waits_for_a_call = False
            self._capabilities, self._settled = capabilities, doubts
            self._problem = None
        finally:
            self._checked_at = self._shared.clock()

    async def _have_nodes_told(self, statements: Statements, capabilities: Capabilities) -> None:
        """Ask a coordinator for the nodes of its cluster, when it was checked and then once a minute."""
        now = asyncio.get_running_loop().time()
        if self._nodes_told_at is None or now - self._nodes_told_at >= _NODES_EVERY_S:
            self._nodes_told_at = now
            await self._shared.neighbourhood.ask(statements, self._component, capabilities)

    @contextmanager
    def _contained(self) -> Generator[None]:
        """Make an error that nobody foresaw the problem of its component, and of no other."""
        try:
            yield
        except (VacateError, TerminateBrokenError) as error:
            for each in (error, error.__cause__):
                if isinstance(each, UntrustedServerError):
                    # The check alone would call it ready.
                    self._wire.drop()
                    self._unforeseen = str(each)
            raise
        except Exception as error:
            # In which state it left the connection is not known.
            self._wire.drop()
            failed = ComponentFailedError(error)
            self._unforeseen = str(failed)
            self._shared.unforeseen(self._component, error)
            raise failed from error

    def terminate(self, victims: Sequence[Victim], off: frozenset[GuardName]) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims of a sweep that are still what they were; see `operations.ports.Link`."""
        if self._capabilities is None:
            raise TerminateBrokenError("the server was never checked", [victim.key for victim in victims])
        return self._over(self._capabilities).terminate(victims, off)

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Return which of these sessions the server still lists; the connection is opened again if it broke."""
        return await self._over(await self._ready()).still_present(keys)


async def _probed(wire: Wire) -> Capabilities:
    """Probe the server. A connection that broke while nobody used it is opened anew before it counts as a failure."""
    was_connected = wire.connected
    await wire.connect()
    try:
        return await probe(wire)
    except ComponentUnreachableError:
        if wire.connected or not was_connected:
            raise
    await wire.connect()
    return await probe(wire)

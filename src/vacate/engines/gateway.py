"""One warm link per component, lent to one sweep at a time, and a keeper that keeps it warm."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vacate.domain.errors import ComponentBusyError, ComponentFailedError, ComponentUnreachableError, VacateError
from vacate.domain.servers import Neighbours
from vacate.domain.topology import Component
from vacate.engines.capabilities import Capabilities, check
from vacate.engines.caution import UntrustedServerError
from vacate.engines.dialects import link_over, probe
from vacate.engines.neighbourhood import Neighbourhood
from vacate.engines.recognition import ServerSoftware
from vacate.engines.recollection import CompletedLink, Recollection
from vacate.engines.refusals import LockingLoginError
from vacate.engines.timeouts import Timeouts
from vacate.engines.wire import Wire
from vacate.operations.ports import Clock, ComponentHealth, Link, Pins, TerminateBrokenError, Unforeseen, untold


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Time limits of the gateway: how often a link is checked, and how long a sweep waits for another one.

    `own_users` are the roles that Vacate logs in as, here or elsewhere. A session of theirs that is named like Vacate's
    is Vacate's.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    check_every: timedelta = timedelta(seconds=5)
    busy_after: timedelta = timedelta(seconds=10)
    own_users: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class _Line:
    wire: Wire
    lock: asyncio.Lock
    lent: bool = False
    checked_at: datetime | None = None
    problem: str | None = "not checked yet"
    software: ServerSoftware | None = None
    waits_for_a_call: bool = False
    recollection: Recollection = field(default_factory=Recollection)
    # What nobody foresaw, or in what the server went too far, until the list of sessions was read without it.
    unforeseen: str | None = None


class EngineGateway:
    """Implements `operations.ports.Gateway`."""

    def __init__(
        self,
        servers: Mapping[Component, str],
        *,
        pins: Pins,
        clock: Clock,
        settings: GatewaySettings,
        unforeseen: Unforeseen = untold,
    ) -> None:
        """Take the components with the DSN of each one's server; nothing is opened yet.

        `unforeseen` is told of every error that nobody foresaw, and of the component where it happened.
        """
        self._lines = {
            component: _Line(wire=Wire(dsn, settings.timeouts), lock=asyncio.Lock())
            for component, dsn in servers.items()
        }
        self._neighbourhood = Neighbourhood(servers)
        self._pins = pins
        self._clock = clock
        self._settings = settings
        self._unforeseen = unforeseen
        self._keepers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Open every link in the background and keep it warm from now on."""
        self._keepers = [
            asyncio.create_task(self._keep(component, line), name=f"keeper of {component.id}")
            for component, line in self._lines.items()
        ]

    async def close(self) -> None:
        """Let the sweeps that run end, then close every link."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for line in self._lines.values():
            async with line.lock:
                await line.wire.close()

    @asynccontextmanager
    async def link(self, component: Component) -> AsyncGenerator[Link]:
        """Hold the component's link; the server is probed and checked first."""
        line = self._lines[component]
        try:
            async with asyncio.timeout(self._settings.busy_after.total_seconds()):
                await line.lock.acquire()
        except TimeoutError:
            if line.lent:
                raise ComponentBusyError from None
            seconds = self._settings.busy_after.total_seconds()
            raise ComponentUnreachableError(f"a check that is under way got no answer within {seconds:g} s") from None
        try:
            line.lent = True
            with self._contained(component, line):
                capabilities = await self._ready(component, line)
                yield await self._link(component, line, capabilities)
        finally:
            line.lent = False
            line.lock.release()

    def health(self) -> tuple[ComponentHealth, ...]:
        """What the last check of each component found."""
        return tuple(
            ComponentHealth(
                component=component,
                checked_at=line.checked_at,
                problem=line.problem or line.unforeseen,
                engine=line.software.engine if line.software else None,
                version=line.software.version if line.software else None,
            )
            for component, line in self._lines.items()
        )

    async def _link(self, component: Component, line: _Line, capabilities: Capabilities) -> Link:
        neighbours = await self._neighbourhood.of(component, capabilities)
        link = link_over(line.wire, lambda: self._make_ready(component, line), capabilities, neighbours)
        return CompletedLink(link=link, recollection=line.recollection, own_users=self._settings.own_users)

    @contextmanager
    def _contained(self, component: Component, line: _Line) -> Generator[None]:
        """Make an error that nobody foresaw the problem of its component, and of no other."""
        try:
            yield
        except (VacateError, TerminateBrokenError) as error:
            for each in (error, error.__cause__):
                if isinstance(each, UntrustedServerError):
                    # The probe alone would call it ready.
                    line.wire.drop()
                    line.unforeseen = str(each)
            raise
        except Exception as error:
            # In which state it left the connection is not known.
            line.wire.drop()
            failed = ComponentFailedError(error)
            line.unforeseen = str(failed)
            self._unforeseen(component, error)
            raise failed from error

    async def _make_ready(self, component: Component, line: _Line) -> None:
        await self._ready(component, line)

    async def _ready(self, component: Component, line: _Line) -> Capabilities:
        """Connect if need be and check the server; what was found is kept for `health`."""
        try:
            capabilities = await _probed(line.wire)
            await check(capabilities, component, self._pins)
            await self._neighbourhood.ask(line.wire, component, capabilities)
        except VacateError as error:
            line.problem = str(error)
            line.waits_for_a_call = isinstance(error, LockingLoginError)
            raise
        else:
            line.wire.vouch()
            line.waits_for_a_call = False
            line.software = capabilities.software
            line.problem = None
            return capabilities
        finally:
            line.checked_at = self._clock()

    async def _check(self, component: Component, line: _Line) -> None:
        try:
            with self._contained(component, line):
                capabilities = await self._ready(component, line)
                if line.unforeseen is not None:
                    # The probe alone would call a server ready whose sessions cannot be read.
                    link = await self._link(component, line, capabilities)
                    await link.look()
                    await link.activity()
                    line.unforeseen = None
                await self._remember(component, line, capabilities)
        except VacateError:
            return  # It is in `line.problem` or in `line.unforeseen` already.

    async def _remember(self, component: Component, line: _Line, capabilities: Capabilities) -> None:
        """Take in what sessions hold by their last statements; a server that does not tell is asked again next time."""
        link = link_over(line.wire, lambda: self._make_ready(component, line), capabilities, Neighbours())
        with suppress(VacateError):
            line.recollection.saw(await link.last_statements())

    async def _keep(self, component: Component, line: _Line) -> None:
        while True:
            # A sweep that holds the link proves it by itself; there is nothing to check meanwhile. Where each attempt
            # brings the role nearer to being locked, only a call is worth one.
            if not line.lock.locked() and not line.waits_for_a_call:
                async with line.lock:
                    await self._check(component, line)
            await asyncio.sleep(self._settings.check_every.total_seconds())


async def _probed(wire: Wire) -> Capabilities:
    """Probe the server. A link that broke while nobody used it is opened anew before it counts as a failure."""
    was_connected = wire.connected
    await wire.connect()
    try:
        return await probe(wire)
    except ComponentUnreachableError:
        if wire.connected or not was_connected:
            raise
    await wire.connect()
    return await probe(wire)

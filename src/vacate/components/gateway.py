"""The way to every component's server: an agent for each."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from vacate.components.agent import AgentContext, ComponentAgent, GatewaySettings
from vacate.components.neighbourhood import Neighbourhood
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.topology.components import Component
from vacate.domain.topology.health import ComponentHealth
from vacate.operations.ports import Clock, Link, Pins, Unforeseen, untold

# Thousands of logins at once would hold up everything else.
_APART = timedelta(milliseconds=2)


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
        shared = AgentContext(
            neighbourhood=Neighbourhood(servers),
            pins=pins,
            clock=clock,
            settings=settings,
            unforeseen=unforeseen,
        )
        self._agents = {component: ComponentAgent(component, dsn, shared) for component, dsn in servers.items()}
        self._keeping: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Open every connection in the background, keep it warm and read its server from now on."""
        self._keeping = [
            asyncio.create_task(agent.keep(after=number * _APART), name=f"agent of {component.id}")
            for number, (component, agent) in enumerate(self._agents.items())
        ]

    async def close(self) -> None:
        """Let the sweeps that run end, then close every connection."""
        for keeping in self._keeping:
            keeping.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        for agent in self._agents.values():
            await agent.close()

    @asynccontextmanager
    async def link(self, component: Component) -> AsyncGenerator[Link]:
        """Hold the component for one sweep."""
        async with self._agents[component].lease() as link:
            yield link

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        """Read every session of a component."""
        return await self._agents[component].snapshot()

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        """Read every client session of a component with what it does."""
        return await self._agents[component].activity()

    async def databases(self, component: Component) -> tuple[str, ...]:
        """Read the names of a component's databases that clients may use."""
        return await self._agents[component].databases()

    def latest(self, component: Component) -> ComponentSnapshot | None:
        """The last snapshot that was taken of a component."""
        return self._agents[component].latest

    def health(self) -> tuple[ComponentHealth, ...]:
        """What the last check of each component found."""
        return tuple(agent.health() for agent in self._agents.values())

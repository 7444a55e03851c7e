"""What tells beforehand whether a service would reach its store and its components."""

import asyncio
from collections.abc import Awaitable

from vacate.components.scout import EngineScout
from vacate.components.timeouts import Timeouts
from vacate.domain.durations import duration
from vacate.domain.errors import VacateError
from vacate.domain.topology.components import Component
from vacate.operations.ports import Pins
from vacate.settings.file import Settings
from vacate.store.database import Database, open_to_look
from vacate.store.pins import SqlPins

# A cluster of hundreds of servers is not asked all at once.
_AT_ONCE = 16


async def preflight(settings: Settings) -> tuple[str, ...]:
    """Log in at the store and at every component's server as a service would, and say what is in the way, in order.

    Nothing is written: no table is made, and no server is pinned.
    """
    problems: list[str] = []
    try:
        database = await open_to_look(settings.store.url)
    except VacateError as error:
        problems.append(f"store: {error}")
        database = None
    try:
        pins = _KnownPins(database)
        scout, turns = EngineScout(timeouts(settings)), asyncio.Semaphore(_AT_ONCE)
        names = {p.id: p.name for p in settings.projects}
        instances = {i.instance.id: i.instance.name for i in settings.configured_instances()}

        async def told(component: Component, dsn: str) -> str:
            where = f"component {component.id} of instance {instances[component.instance_id]}"
            async with turns:
                words = await _problem(scout.examine(component, dsn, pins))
            return words and f"{where} (project {names[component.project_id]}): {words}"

        found = await asyncio.gather(*(told(component, dsn) for component, dsn in settings.servers().items()))
    finally:
        if database is not None:
            await database.close()
    return (*problems, *filter(None, found))


def timeouts(settings: Settings) -> Timeouts:
    """How long the servers of components are waited for."""
    sweep = settings.sweep
    return Timeouts(
        connect=duration(sweep.connect_timeout, "sweep.connect_timeout"),
        gauss_connect=duration(sweep.gauss_connect_timeout, "sweep.gauss_connect_timeout"),
        answer=duration(sweep.statement_timeout, "sweep.statement_timeout"),
    )


async def _problem(work: Awaitable[None]) -> str:
    try:
        await work
    except VacateError as error:
        return str(error)
    return ""


class _KnownPins(Pins):
    """The pins of a store, if there are some; new ones are not kept."""

    def __init__(self, database: Database | None) -> None:
        self._kept = None if database is None else SqlPins(database)

    async def pinned(self, component: Component) -> str | None:
        return None if self._kept is None else await self._kept.pinned(component)

    async def pin(self, component: Component, system_identifier: str) -> str:
        del component
        return system_identifier

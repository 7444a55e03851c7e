"""The pins: which server a component was first seen on."""

from sqlalchemy import and_, bindparam, select

from vacate.domain.topology.components import Component
from vacate.store.database import Database
from vacate.store.tables import pins

_KEY = (pins.c.project_id, pins.c.instance_id, pins.c.component_id)
_IS_COMPONENT = and_(
    pins.c.project_id == bindparam("project_id"),
    pins.c.instance_id == bindparam("instance_id"),
    pins.c.component_id == bindparam("component_id"),
)
# Made once: it is asked before every sweep and every read.
_PINNED = select(pins.c.system_identifier).where(_IS_COMPONENT)


class SqlPins:
    """The system identifier of every component's server, as it was first seen."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def pinned(self, component: Component) -> str | None:
        """The system identifier the component is pinned to, or `None`.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.read() as connection:
            kept: str | None = await connection.scalar(_PINNED, _key(component))
        return kept

    async def pin(self, component: Component, system_identifier: str) -> str:
        """Pin the component, unless it is pinned already: the first one wins, also among several services.

        Returns:
            The system identifier that is kept.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        new_pin = self._database.insert(pins).values(_key(component) | {"system_identifier": system_identifier})
        # Writing the key over itself changes nothing, but holds the row until it has been read.
        kept_or_new = new_pin.on_conflict_do_update(index_elements=_KEY, set_={"project_id": component.project_id})
        async with self._database.write() as connection:
            await connection.execute(kept_or_new)
            kept = await connection.execute(_PINNED, _key(component))
        return str(kept.scalar_one())

    async def forget(self, component: Component) -> bool:
        """Unpin the component, so that the next server seen is pinned; whether there was a pin.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        async with self._database.write() as connection:
            forgotten = await connection.execute(pins.delete().where(_IS_COMPONENT), _key(component))
        return forgotten.rowcount > 0


def _key(component: Component) -> dict[str, str]:
    return {
        "project_id": component.project_id,
        "instance_id": component.instance_id,
        "component_id": component.id,
    }

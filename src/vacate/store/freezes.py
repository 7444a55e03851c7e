"""The freeze switch, kept where every service that shares the store sees it."""

from sqlalchemy import select

from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import InstanceId
from vacate.store.database import Database
from vacate.store.tables import freezes

_ALL = ""
_STANDING = select(freezes).order_by(freezes.c.since, freezes.c.instance_id)


class SqlFreezes:
    """Implements `operations.ports.Freezes`, and turns the switch."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def standing(self) -> tuple[Freeze, ...]:
        """Everything that is frozen now, the oldest first.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.read() as connection:
            rows = await connection.execute(_STANDING)
            return tuple(
                Freeze(
                    instance_id=InstanceId(row.instance_id) if row.instance_id != _ALL else None,
                    by=row.by,
                    reason=row.reason,
                    since=row.since,
                )
                for row in rows
            )

    async def freeze(self, freeze: Freeze) -> bool:
        """Turn the switch on. Whether it was off: a scope that is frozen already keeps what was said first.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        row = {
            "instance_id": freeze.instance_id or _ALL,
            "by": freeze.by,
            "reason": freeze.reason,
            "since": freeze.since,
        }
        new = self._database.insert(freezes).values(row).on_conflict_do_nothing()
        async with self._database.write() as connection:
            return (await connection.execute(new)).rowcount > 0

    async def thaw(self, instance_id: InstanceId | None) -> Freeze | None:
        """Turn the switch off for one scope, and return what stood there.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        stood = next((freeze for freeze in await self.standing() if freeze.instance_id == instance_id), None)
        async with self._database.write() as connection:
            await connection.execute(freezes.delete().where(freezes.c.instance_id == (instance_id or _ALL)))
        return stood

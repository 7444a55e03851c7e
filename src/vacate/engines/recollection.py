"""A link that completes what the server tells of its sessions with what only Vacate knows of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from vacate.domain.activity import Activity
from vacate.domain.judging.settings import GuardName
from vacate.domain.servers import Engine, Neighbours
from vacate.domain.sessions import OWN_APPLICATION, Session, SessionKey, Victim
from vacate.domain.slots import Slots
from vacate.operations.ports import Link, Signalled


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedLink:
    """Implements `operations.ports.Link` over another link.

    `own_users` are the roles that Vacate logs in as, on this server or for its own store.
    """

    link: Link
    own_users: frozenset[str]

    @property
    def engine(self) -> Engine:
        """What the server runs."""
        return self.link.engine

    @property
    def neighbours(self) -> Neighbours:
        """What is known of the other members of the component's instance."""
        return self.link.neighbours

    async def look(self) -> tuple[Session, ...]:
        """Read every session once."""
        return tuple(map(self._completed, await self.link.look()))

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client's session with what it does."""
        return await self.link.activity()

    async def databases(self) -> tuple[str, ...]:
        """The databases that clients may use, sorted."""
        return await self.link.databases()

    async def slots(self) -> Slots:
        """How many sessions the server has room for, and how many it has."""
        return await self.link.slots()

    def terminate(self, victims: Sequence[Victim], off: frozenset[GuardName]) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were."""
        return self.link.terminate(victims, off)

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these sessions the server still lists."""
        return await self.link.still_present(keys)

    def _completed(self, session: Session) -> Session:
        ours = session.application == OWN_APPLICATION and session.user in self.own_users
        return replace(session, own=True) if ours and not session.own else session

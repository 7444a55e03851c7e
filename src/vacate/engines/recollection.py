"""A link that completes what the server tells of its sessions with what only Vacate knows of them."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from vacate.domain.activity import Activity
from vacate.domain.judging.evidence import recalled
from vacate.domain.judging.settings import GuardName
from vacate.domain.servers import Engine, Neighbours
from vacate.domain.sessions import NOTHING_HELD, OWN_APPLICATION, Held, Session, SessionKey, Victim
from vacate.domain.slots import Slots
from vacate.operations.ports import Link, Signalled


@dataclass(slots=True, kw_only=True)
class Recollection:
    """What the sessions of one server were seen to hold, for as long as they live.

    Every list of sessions that is read feeds it. It ends with the service, and knows nothing of what was before.
    """

    held: Mapping[SessionKey, Held] = field(default_factory=dict[SessionKey, Held])

    def saw(self, listed: Iterable[tuple[int, datetime | None, str | None]]) -> None:
        """Take in a whole list: of every session its id, its start and its last statement."""
        self.held = recalled(self.held, listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedLink:
    """Implements `operations.ports.Link` over another link.

    `recollection` is what is remembered of the server's sessions. `own_users` are the roles that Vacate logs in as, on
    this server or for its own store.
    """

    link: Link
    recollection: Recollection
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
        found = await self.link.look()
        self.recollection.saw((each.session_id, each.backend_start, each.query) for each in found)
        return tuple(map(self._completed, found))

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client's session with what it does."""
        found = await self.link.activity()
        self.recollection.saw((each.session_id, each.backend_start, each.query) for each in found)
        return found

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
        held = NOTHING_HELD if session.key is None else self.recollection.held.get(session.key, NOTHING_HELD)
        if held is NOTHING_HELD and not ours:
            return session
        return replace(session, own=session.own or ours, held=held)

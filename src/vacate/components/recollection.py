"""What sessions were seen to hold: what earlier lists tell of those that live."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from vacate.domain.judging.evidence import recalled
from vacate.domain.sessions.session import NOTHING_HELD, OWN_APPLICATION, Held, Session, SessionKey


@dataclass(slots=True, kw_only=True)
class Recollection:
    """What the sessions of one server were seen to hold, for as long as they live.

    Every list of sessions that is read feeds it. It ends with the service, and knows nothing of what was before.
    """

    held: Mapping[SessionKey, Held] = field(default_factory=dict[SessionKey, Held])

    def saw(self, listed: Iterable[tuple[int, datetime | None, str | None]]) -> None:
        """Take in a whole list: of every session its id, its start and its last statement."""
        self.held = recalled(self.held, listed)

    def completed(self, session: Session, own_users: Collection[str]) -> Session:
        """Add what only Vacate knows: what the session was seen to hold, and whether it is one of Vacate's own.

        Args:
            session: the session as the server lists it.
            own_users: the roles that Vacate logs in as, on this server or for its own store.
        """
        ours = session.application == OWN_APPLICATION and session.user in own_users
        held = NOTHING_HELD if session.key is None else self.held.get(session.key, NOTHING_HELD)
        if held is NOTHING_HELD and not ours:
            return session
        return replace(session, own=session.own or ours, held=held)

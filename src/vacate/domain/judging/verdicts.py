"""A verdict: one session with everything that speaks against ending it."""

from dataclasses import dataclass, field
from datetime import datetime

from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.session import Demand, Session, Victim


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One reason to leave a session alone: a guard or a missed criterion, and the words for it."""

    by: GuardName | Criterion
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A session with every objection raised against ending it. No objection makes it a victim.

    `demand` is what must still last when it is signalled. Victims are signalled in the order of the look, which is the
    server's, whatever order the limits chose them in: they are all to go. `failures` are unforeseen errors of rules;
    each of them is an objection as well.
    """

    session: Session
    objections: tuple[Objection, ...] = field(default=())
    demand: Demand = Demand.SAME_IDLE_PERIOD
    failures: tuple[Exception, ...] = field(default=(), compare=False)

    @property
    def victim(self) -> Victim | None:
        """The session as it may be signalled, or `None` when it is spared."""
        session = self.session
        since = _beginning(session, self.demand)
        if self.objections or session.key is None or (since is None and self.demand is not Demand.SAME_SESSION):
            return None
        return Victim(
            key=session.key, pid=session.pid, demand=self.demand, since=since, in_state_for=session.in_state_for
        )

    @property
    def reason(self) -> str:
        """The first objection in words; empty for a victim."""
        return self.objections[0].reason if self.objections else ""


def _beginning(session: Session, demand: Demand) -> datetime | None:
    """When that began of which the demand says that it must still last."""
    match demand:
        case Demand.SAME_IDLE_PERIOD | Demand.SAME_IDLE_TRANSACTION:
            # A wait whose length is hidden is none that could be judged.
            return None if session.in_state_for is None else session.state_change
        case Demand.SAME_TRANSACTION:
            return session.transaction_start
        case Demand.SAME_SESSION:
            return None

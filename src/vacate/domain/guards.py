"""The guards: who is spared although idle or named, and why.

`judge` gives every session a verdict, `judge_named` those that a caller named. A guard never looks anything up: it
reads the session of one look and the facts of the component. What a guard reads of an idle session can only change by
a statement of that session, and a statement moves `state_change`, which the terminating statement compares again.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from vacate.domain.addresses import is_among
from vacate.domain.criteria import Criteria, Criterion, misses, without_transaction
from vacate.domain.reserved import is_a_nodes, is_the_clusters, is_the_platforms
from vacate.domain.servers import Engine
from vacate.domain.sessions import CLIENT_BACKEND, Demand, Session, Victim
from vacate.domain.topology import ComponentKind

OWN_APPLICATION = "vacate"
FDW_APPLICATION = "postgres_fdw"

# A listener is known by its last statement only: the server tells nobody else who listens to what. A comment may stand
# before the word and a quoted channel right behind it; text that merely looks so spares one session too many.
_LISTEN = re.compile(r"(?:^|;|\*/)\s*listen\b|\n[^\S\n]*listen\b", re.IGNORECASE)


class GuardName(StrEnum):
    """Every guard, by the name that switches it off and that reports and metrics print."""

    OWN_SESSION = "own_session"
    NOT_A_CLIENT = "not_a_client"
    CLUSTER_TOOL = "cluster_tool"
    NO_CLIENT_ADDRESS = "no_client_address"
    SUPERUSER = "superuser"
    PLATFORM_USER = "platform_user"
    PROTECTED_USER = "protected_user"
    PROTECTED_APPLICATION = "protected_application"
    LISTENER = "listener"
    ADVISORY_LOCK = "advisory_lock"
    COORDINATOR_LINK = "coordinator_link"
    PEER_NODE = "peer_node"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What an instance protects beyond the defaults, and which defaults it switched off."""

    users: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    off: frozenset[GuardName] = frozenset()

    def waiving(self, names: frozenset[GuardName]) -> "GuardSettings":
        """The same with these guards off as well."""
        return replace(self, off=self.off | names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The facts of the component that guards need.

    `coordinators` are the names that coordinators and other nodes introduce themselves by. `peer_addresses` are those
    of the instance's other nodes, as text; `None` says that there are such nodes and nobody has told where.
    """

    kind: ComponentKind
    engine: Engine = Engine.POSTGRESQL
    coordinators: frozenset[str] = frozenset()
    peer_addresses: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One reason to leave a session alone: a guard or a missed criterion, and the words for it."""

    by: GuardName | Criterion
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A session with every objection raised against ending it. No objection makes it a victim.

    `demand` is what must still last when it is signalled.
    """

    session: Session
    objections: tuple[Objection, ...] = field(default=())
    demand: Demand = Demand.SAME_IDLE_PERIOD

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
        case Demand.SAME_IDLE_PERIOD:
            # An idle period whose length is hidden is none that could be judged.
            return None if session.in_state_for is None else session.state_change
        case Demand.SAME_TRANSACTION:
            return session.transaction_start
        case Demand.SAME_SESSION:
            return None


Guard = Callable[[Session, GuardSettings, Surroundings], str | None]


def _own_session(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it belongs to Vacate" if session.own or session.application == OWN_APPLICATION else None


def _not_a_client(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        None
        if session.backend_type == CLIENT_BACKEND
        else f"it is no client session: {session.backend_type or 'hidden'}"
    )


def _cluster_tool(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if surroundings.engine.of_gauss_family and session.application and is_the_clusters(session.application):
        return f"it belongs to the cluster itself: {session.application}"
    return None


def _no_client_address(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        "it has no client address (a local socket or an internal session)" if session.client_address is None else None
    )


def _superuser(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return f"user {session.user!r} is a superuser" if session.superuser else None


def _platform_user(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if surroundings.engine.of_gauss_family and session.user and is_the_platforms(session.user):
        return f"user {session.user!r} belongs to the vendor's platform"
    return None


def _protected_user(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    return f"user {session.user!r} is protected" if session.user in settings.users else None


def _protected_application(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    if session.application in settings.applications:
        return f"application {session.application!r} is protected"
    return None


def _listener(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it waits for notifications (LISTEN)" if session.query and _LISTEN.search(session.query) else None


def _advisory_lock(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it holds an advisory lock" if session.holds_advisory_lock else None


def _coordinator_link(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    application = session.application
    if application is None:
        return None
    named = application in surroundings.coordinators
    if surroundings.engine.of_gauss_family:
        # Coordinators of this family have links to one another as well.
        found = named or is_a_nodes(application)
    else:
        found = surroundings.kind is ComponentKind.DATA_NODE and (named or application == FDW_APPLICATION)
    return f"it is a coordinator's pooled link ({application})" if found else None


def _peer_node(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if not surroundings.engine.of_gauss_family or surroundings.kind is not ComponentKind.DATA_NODE:
        return None
    if session.client_address is None:
        return None
    if surroundings.peer_addresses is None:
        return "it is not known which addresses are the instance's own nodes"
    match is_among(session.client_address, surroundings.peer_addresses):
        case True:
            return f"it comes from another node of the instance ({session.client_address})"
        case None:
            return f"it cannot be told whether {session.client_address!r} is one of the instance's own nodes"
        case False:
            return None


def _unknown(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    facts = {
        "user": session.user,
        "superuser": session.superuser,
        "database": session.database,
        "application": session.application,
        "statement": session.query,
        "advisory lock": session.holds_advisory_lock,
    }
    hidden = [name for name, value in facts.items() if value is None]
    return f"not known: {', '.join(hidden)}" if hidden else None


GUARDS: dict[GuardName, Guard] = {
    GuardName.OWN_SESSION: _own_session,
    GuardName.NOT_A_CLIENT: _not_a_client,
    GuardName.CLUSTER_TOOL: _cluster_tool,
    GuardName.NO_CLIENT_ADDRESS: _no_client_address,
    GuardName.SUPERUSER: _superuser,
    GuardName.PLATFORM_USER: _platform_user,
    GuardName.PROTECTED_USER: _protected_user,
    GuardName.PROTECTED_APPLICATION: _protected_application,
    GuardName.LISTENER: _listener,
    GuardName.ADVISORY_LOCK: _advisory_lock,
    GuardName.COORDINATOR_LINK: _coordinator_link,
    GuardName.PEER_NODE: _peer_node,
    GuardName.UNKNOWN: _unknown,
}

_NATURE = (GuardName.OWN_SESSION, GuardName.NOT_A_CLIENT, GuardName.CLUSTER_TOOL)

WAIVED_WHEN_NAMED = frozenset(
    {
        GuardName.NO_CLIENT_ADDRESS,
        GuardName.LISTENER,
        GuardName.ADVISORY_LOCK,
        GuardName.COORDINATOR_LINK,
        GuardName.PEER_NODE,
    }
)
"""The guards that ask whether an idle session is really abandoned. Whoever names a session has answered that."""


def judge(
    sessions: Iterable[Session], criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> tuple[Verdict, ...]:
    """Give every session its verdict, in the order given; each verdict depends on its own session only.

    Identity and the idle state are no guards and cannot be switched off: a session whose key or state change the
    server hides is spared whatever the settings say.
    """
    return tuple(
        Verdict(session=session, objections=tuple(_objections(session, criteria, settings, surroundings)))
        for session in sessions
    )


def judge_named(
    sessions: Iterable[Session],
    settings: GuardSettings,
    surroundings: Surroundings,
    *,
    demand: Demand = Demand.SAME_SESSION,
) -> tuple[Verdict, ...]:
    """Give every session its verdict that a caller named, in the order given.

    The instance's criteria are for sessions that nobody named, and so are the guards of `WAIVED_WHEN_NAMED`: all of
    them are waived. Where the demand is a transaction, the session must be in one. Identity cannot be waived.
    """
    waived = settings.waiving(WAIVED_WHEN_NAMED)
    return tuple(
        Verdict(
            session=session, objections=tuple(_objections_named(session, waived, surroundings, demand)), demand=demand
        )
        for session in sessions
    )


def _objections(
    session: Session, criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> Iterator[Objection]:
    raised = _raised(session, settings, surroundings)
    yield from _by_nature(raised)
    for criterion, reason in misses(session, criteria):
        yield Objection(by=criterion, reason=reason)
    yield from _by_the_rest(raised)
    if session.key is None or session.state_change is None:
        yield Objection(by=Criterion.NOT_IDLE, reason="the server hides when it began or since when it is idle")


def _objections_named(
    session: Session, settings: GuardSettings, surroundings: Surroundings, demand: Demand
) -> Iterator[Objection]:
    raised = _raised(session, settings, surroundings)
    yield from _by_nature(raised)
    if demand is Demand.SAME_TRANSACTION:
        if missed := without_transaction(session):
            yield Objection(by=Criterion.NO_TRANSACTION, reason=missed)
        elif session.transaction_start is None:
            yield Objection(by=GuardName.UNKNOWN, reason="the server hides whether a transaction is open")
    yield from _by_the_rest(raised)
    if session.key is None:
        yield Objection(by=GuardName.UNKNOWN, reason="the server hides when it began")


def _raised(session: Session, settings: GuardSettings, surroundings: Surroundings) -> Mapping[GuardName, str]:
    """The guards that object, each with its reason, in the order of the guards."""
    return {
        name: reason
        for name, guard in GUARDS.items()
        if name not in settings.off and (reason := guard(session, settings, surroundings))
    }


def _by_nature(raised: Mapping[GuardName, str]) -> Iterator[Objection]:
    """What a session is says more than what it does: a checkpointer is spared as one, not for want of a state."""
    return (Objection(by=name, reason=raised[name]) for name in _NATURE if name in raised)


def _by_the_rest(raised: Mapping[GuardName, str]) -> Iterator[Objection]:
    return (Objection(by=name, reason=reason) for name, reason in raised.items() if name not in _NATURE)

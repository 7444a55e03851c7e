"""The guards: who is spared although idle or named, and why.

`judge` gives every session a verdict, `judge_named` those that a caller named. Both go through the same rules as
`trail`, which tells of each what it says. A guard never looks anything up: it reads the session of one look and the
facts of the component. What a guard reads of an idle session can only change by a statement of that session, and a
statement moves `state_change`, which the terminating statement compares again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from vacate.domain.addresses import is_among
from vacate.domain.criteria import Criteria, questions, without_transaction
from vacate.domain.criterion import Criterion
from vacate.domain.limits import answers
from vacate.domain.reserved import is_a_nodes, is_the_clusters, is_the_platforms
from vacate.domain.servers import Engine
from vacate.domain.sessions import CLIENT_BACKEND, IDLE, OWN_APPLICATION, Demand, Session, Victim
from vacate.domain.topology import ComponentKind

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

    `demand` is what must still last when it is signalled. Victims are signalled in the order of the look, which is the
    server's, whatever order the limits chose them in: they are all to go.
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
        case Demand.SAME_IDLE_PERIOD | Demand.SAME_IDLE_TRANSACTION:
            # A wait whose length is hidden is none that could be judged.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is asked of a session, in its turn.

    `ask` answers why it objects; it is `None` where a criterion was left open. `off` says that its answer counts for
    nothing here. The rule is moot for whoever misses the criterion `moot_after`.
    """

    by: GuardName | Criterion
    about: str = ""
    ask: Guard | None
    off: bool = False
    moot_after: Criterion | None = None


def rules(criteria: Criteria, settings: GuardSettings) -> tuple[Rule, ...]:
    """Every rule that `judge` goes by but for the limits, in order, also those that are off or were left open.

    What a session is comes first, for it says more than what it does: a checkpointer is spared as one, not for want of
    a state. Identity and the idle state are no guards and cannot be switched off.
    """
    return (
        *_guards(settings, nature=True),
        *(
            Rule(
                by=question.by,
                about=question.about,
                ask=None if question.ask is None else _of_the_session_alone(question.ask),
                moot_after=question.moot_after,
            )
            for question in questions(criteria)
        ),
        *_guards(settings, nature=False),
        Rule(by=Criterion.NOT_IDLE, about="identity", ask=_of_the_session_alone(_hidden)),
    )


def rules_named(settings: GuardSettings, demand: Demand) -> tuple[Rule, ...]:
    """Every rule that `judge_named` goes by, in order."""
    transaction = (
        Rule(by=Criterion.NO_TRANSACTION, about="transaction", ask=_of_the_session_alone(without_transaction)),
        Rule(by=GuardName.UNKNOWN, about="transaction", ask=_of_the_session_alone(_transaction_hidden)),
    )
    return (
        *_guards(settings, nature=True),
        *(transaction if demand is Demand.SAME_TRANSACTION else ()),
        *_guards(settings, nature=False),
        Rule(by=GuardName.UNKNOWN, about="identity", ask=_of_the_session_alone(_start_hidden)),
    )


def judge(
    sessions: Iterable[Session], criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> tuple[Verdict, ...]:
    """Give every session its verdict, in the order given, which are all that the look found.

    Without limits each verdict depends on its own session only. A session whose key or state change the server hides
    is spared whatever the settings say.
    """
    going_by = rules(criteria, settings)
    verdicts = tuple(
        Verdict(
            session=session,
            objections=objections,
            demand=Demand.SAME_IDLE_PERIOD if session.state == IDLE else Demand.SAME_IDLE_TRANSACTION,
        )
        for session, objections in _judged(sessions, going_by, surroundings, settings)
    )
    return _limited(verdicts, criteria) if criteria.limits.any else verdicts


def judge_named(
    sessions: Iterable[Session],
    settings: GuardSettings,
    surroundings: Surroundings,
    *,
    demand: Demand = Demand.SAME_SESSION,
) -> tuple[Verdict, ...]:
    """Give every session its verdict that a caller named, in the order given.

    The instance's criteria and limits are for sessions that nobody named, and so are the guards of
    `WAIVED_WHEN_NAMED`: all of them are waived. Where the demand is a transaction, the session must be in one.
    Identity cannot be waived.
    """
    going_by = rules_named(settings.waiving(WAIVED_WHEN_NAMED), demand)
    return tuple(
        Verdict(session=session, objections=objections, demand=demand)
        for session, objections in _judged(sessions, going_by, surroundings, settings)
    )


def _judged(
    sessions: Iterable[Session], going_by: Sequence[Rule], surroundings: Surroundings, settings: GuardSettings
) -> Iterable[tuple[Session, tuple[Objection, ...]]]:
    asked = [(rule.by, rule.ask) for rule in going_by if rule.ask is not None and not rule.off]
    for session in sessions:
        raised = [
            Objection(by=by, reason=reason) for by, ask in asked if (reason := ask(session, settings, surroundings))
        ]
        yield session, tuple(raised)


def _limited(verdicts: Sequence[Verdict], criteria: Criteria) -> tuple[Verdict, ...]:
    """The same verdicts with what the limits object; asked of sessions that nothing else spares."""
    candidates = [place for place, verdict in enumerate(verdicts) if not verdict.objections]
    found = answers(criteria.limits, [verdict.session for verdict in verdicts], candidates)
    return tuple(
        replace(
            verdict,
            objections=tuple(Objection(by=a.by, reason=a.objection) for a in found[place] if a.objection),
        )
        if place in found
        else verdict
        for place, verdict in enumerate(verdicts)
    )


def _guards(settings: GuardSettings, *, nature: bool) -> Iterable[Rule]:
    return (
        Rule(by=name, ask=guard, off=name in settings.off)
        for name, guard in GUARDS.items()
        if (name in _NATURE) is nature
    )


def _of_the_session_alone(ask: Callable[[Session], str | None]) -> Guard:
    return lambda session, _, __: ask(session)


def _hidden(session: Session) -> str | None:
    hidden = session.backend_start is None or session.state_change is None
    return "the server hides when it began or since when it is idle" if hidden else None


def _start_hidden(session: Session) -> str | None:
    return "the server hides when it began" if session.backend_start is None else None


def _transaction_hidden(session: Session) -> str | None:
    hidden = session.transaction_start is None and without_transaction(session) is None
    return "the server hides whether a transaction is open" if hidden else None

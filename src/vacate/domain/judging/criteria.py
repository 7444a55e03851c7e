"""Which sessions a sweep is about: the criteria, all of them together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.limits import Limits
from vacate.domain.judging.patterns import Pattern, is_one_of
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sessions.session import ABORTED, HIDING, IDLE, IN_TRANSACTION, Session
from vacate.domain.topology.addresses import Network, parse

WAITING_STATES = (IDLE, IN_TRANSACTION, ABORTED)
"""The states in which a session waits for its client. No sweep chooses a session in any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateThreshold:
    """A state that is meant, and for how long a session must have been in it."""

    state: str
    at_least: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Refuse to have busy sessions chosen, whoever writes it.

        Raises:
            ValueError: the state is none in which a session waits for its client.
        """
        if self.state not in WAITING_STATES:
            raise ValueError(f"no sweep chooses a session whose state is {self.state!r}")


def idle_for(at_least: timedelta) -> tuple[StateThreshold, ...]:
    """Idle sessions alone, after so long."""
    return (StateThreshold(state=IDLE, at_least=at_least),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Names to include and to exclude, each exactly or by a pattern.

    `include=None` leaves the choice open; an include list, also an empty one, selects nobody else than it fits.
    An exclude always wins.
    """

    include: tuple[Pattern, ...] | None = None
    exclude: tuple[Pattern, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it selects everybody, so that nobody has to be asked."""
        return self.include is None and not self.exclude

    def refusal(self, what: str, name: str | None) -> str | None:
        """Why `name` is not selected, or `None` when it is. An unknown name is never selected by a list."""
        return self.refusal_of(f"{what} {name!r}", what, name)

    def refusal_of(self, subject: str, what: str, name: str | None) -> str | None:
        """The same with other words for whoever is refused."""
        if name is None:
            return None if self.open else f"its {what} is unknown"
        if self.exclude and is_one_of(name, self.exclude):
            return f"{subject} is excluded"
        if self.include is not None and not is_one_of(name, self.include):
            return f"{subject} is not included"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Clients to include and to exclude, by their address. What holds of a `Selection` holds here.

    An IPv4 address that is written as an IPv6 one is the IPv4 address. An address that cannot be read is as unknown as
    one that is hidden.
    """

    include: tuple[Network, ...] | None = None
    exclude: tuple[Network, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it selects everybody, so that nobody has to be asked."""
        return self.include is None and not self.exclude

    def refusal(self, text: str | None) -> str | None:
        """Why the client at an address is not selected, or `None` when it is."""
        if self.open:
            return None
        if text is None:
            return "its client is unknown"
        address = parse(text)
        if address is None:
            return f"its client {text!r} is at no address that could be compared"
        if any(address in network for network in self.exclude):
            return f"client {text!r} is excluded"
        if self.include is not None and not any(address in network for network in self.include):
            return f"client {text!r} is not included"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """All must hold: in one of the states for long enough, and selected by every list.

    Only waiting states can be meant. `fingerprints` are compared with that of the session's last statement. The limits
    are asked after everything else, guards included.
    """

    states: tuple[StateThreshold, ...] = idle_for(timedelta(0))
    users: Selection = field(default_factory=Selection)
    databases: Selection = field(default_factory=Selection)
    applications: Selection = field(default_factory=Selection)
    clients: Networks = field(default_factory=Networks)
    statements: Selection = field(default_factory=Selection)
    fingerprints: Selection = field(default_factory=Selection)
    limits: Limits = field(default_factory=Limits)

    @property
    def read_statements(self) -> bool:
        """Whether a verdict tells something of what a session ran."""
        return not (self.statements.open and self.fingerprints.open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One criterion, and what it is about. `ask` answers why a session misses it; `None` when nothing was written.

    A question is moot for whoever misses the criterion `moot_after`.
    """

    by: Criterion
    about: str
    ask: Callable[[Session], str | None] | None
    moot_after: Criterion | None = None


def questions(criteria: Criteria) -> tuple[Question, ...]:
    """Every criterion in the order in which they are asked, also those that nothing was written for."""
    by = Criterion.NOT_SELECTED
    names: tuple[tuple[str, Selection, Callable[[Selection, Session], str | None]], ...] = (
        ("user", criteria.users, lambda chosen, session: chosen.refusal("user", session.decidable("user"))),
        (
            "database",
            criteria.databases,
            lambda chosen, session: chosen.refusal("database", session.decidable("database")),
        ),
        (
            "application",
            criteria.applications,
            lambda chosen, session: chosen.refusal("application", session.decidable("application")),
        ),
    )
    texts: tuple[tuple[str, Selection, Callable[[Selection, Session], str | None]], ...] = (
        ("statement", criteria.statements, _statement_refusal),
        ("fingerprint", criteria.fingerprints, _fingerprint_refusal),
    )
    clients = criteria.clients
    return (
        Question(by=Criterion.NOT_IDLE, about="state", ask=partial(_in_no_state, criteria.states)),
        Question(
            by=Criterion.TOO_FRESH,
            about="time in the state",
            ask=partial(_too_fresh, criteria.states),
            moot_after=Criterion.NOT_IDLE,
        ),
        *(Question(by=by, about=what, ask=None if one.open else partial(ask, one)) for what, one, ask in names),
        Question(
            by=by, about="client", ask=None if clients.open else lambda session: clients.refusal(session.client_address)
        ),
        *(Question(by=by, about=what, ask=None if one.open else partial(ask, one)) for what, one, ask in texts),
    )


def misses(session: Session, criteria: Criteria) -> Iterator[tuple[Criterion, str]]:
    """Every criterion that the session misses, with its reason in words."""
    for question in questions(criteria):
        if question.ask is not None and (reason := question.ask(session)):
            yield question.by, reason


def _in_no_state(states: tuple[StateThreshold, ...], session: Session) -> str | None:
    if any(threshold.state == session.state for threshold in states):
        return None
    return "its state is not known" if session.state is None else f"its state is {session.state!r}"


def _too_fresh(states: tuple[StateThreshold, ...], session: Session) -> str | None:
    for threshold in states:
        if threshold.state == session.state:
            if session.in_state_for is None:
                return f"since when it is {threshold.state} is not known"
            if session.in_state_for < threshold.at_least:
                seconds = session.in_state_for.total_seconds()
                return f"{threshold.state} for {seconds:.1f} s, less than {threshold.at_least.total_seconds():g} s"
    return None


# What a session ran is in no words of ours: they go into the audit and to people who may not read statements.
def _statement_refusal(chosen: Selection, session: Session) -> str | None:
    return chosen.refusal_of("its last statement", "last statement", session.decidable("query"))


def _fingerprint_refusal(chosen: Selection, session: Session) -> str | None:
    statement = session.decidable("query")
    found = None if statement is None else fingerprint(statement)
    return chosen.refusal_of("the fingerprint of its last statement", "last statement", found)


def without_transaction(session: Session) -> str | None:
    """Why a session is known to be in no open transaction; `None` when it is in one, or nobody can tell."""
    if session.state == IDLE:
        return "it is idle, so no transaction is open"
    if session.transaction_start is not None or session.state in HIDING:
        return None
    if session.state == ABORTED:
        return "its transaction has failed and is rolled back already"
    return f"no transaction is open (state: {session.state})"

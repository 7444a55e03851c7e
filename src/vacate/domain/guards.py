"""The guards: who is spared although idle, and why.

`judge` gives every session a verdict. A guard never looks anything up: it reads the session of one look and the
facts of the component. What a guard reads can only change by a statement of that session, and a statement moves
`state_change`, which the terminating statement compares again.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from vacate.domain.criteria import Criteria, Criterion, misses
from vacate.domain.sessions import CLIENT_BACKEND, Session, Victim
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
    NO_CLIENT_ADDRESS = "no_client_address"
    SUPERUSER = "superuser"
    PROTECTED_USER = "protected_user"
    PROTECTED_APPLICATION = "protected_application"
    LISTENER = "listener"
    ADVISORY_LOCK = "advisory_lock"
    COORDINATOR_LINK = "coordinator_link"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What an instance protects beyond the defaults, and which defaults it switched off."""

    users: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    off: frozenset[GuardName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The facts of the component that guards need: its kind and the names its coordinators introduce themselves by."""

    kind: ComponentKind
    coordinators: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One reason to leave a session alone: a guard or a missed criterion, and the words for it."""

    by: GuardName | Criterion
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A session with every objection raised against ending it. No objection makes it a victim."""

    session: Session
    objections: tuple[Objection, ...] = field(default=())

    @property
    def victim(self) -> Victim | None:
        """The session as it may be signalled, or `None` when it is spared."""
        session = self.session
        if self.objections or session.key is None or session.state_change is None or session.in_state_for is None:
            return None
        return Victim(
            key=session.key,
            pid=session.pid,
            state_change=session.state_change,
            in_state_for=session.in_state_for,
        )

    @property
    def reason(self) -> str:
        """The first objection in words; empty for a victim."""
        return self.objections[0].reason if self.objections else ""


Guard = Callable[[Session, GuardSettings, Surroundings], str | None]


def _own_session(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it belongs to Vacate" if session.own or session.application == OWN_APPLICATION else None


def _not_a_client(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        None
        if session.backend_type == CLIENT_BACKEND
        else f"it is no client session: {session.backend_type or 'hidden'}"
    )


def _no_client_address(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        "it has no client address (a local socket or an internal session)" if session.client_address is None else None
    )


def _superuser(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return f"user {session.user!r} is a superuser" if session.superuser else None


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
    if surroundings.kind is not ComponentKind.DATA_NODE or session.application is None:
        return None
    if session.application == FDW_APPLICATION or session.application in surroundings.coordinators:
        return f"it is a coordinator's pooled link ({session.application})"
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
    GuardName.NO_CLIENT_ADDRESS: _no_client_address,
    GuardName.SUPERUSER: _superuser,
    GuardName.PROTECTED_USER: _protected_user,
    GuardName.PROTECTED_APPLICATION: _protected_application,
    GuardName.LISTENER: _listener,
    GuardName.ADVISORY_LOCK: _advisory_lock,
    GuardName.COORDINATOR_LINK: _coordinator_link,
    GuardName.UNKNOWN: _unknown,
}

_NATURE = (GuardName.OWN_SESSION, GuardName.NOT_A_CLIENT)


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


def _objections(
    session: Session, criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> Iterator[Objection]:
    raised = {
        name: reason
        for name, guard in GUARDS.items()
        if name not in settings.off and (reason := guard(session, settings, surroundings))
    }
    # What a session is says more than what it does: a checkpointer is spared as one, not for want of a state.
    for name in _NATURE:
        if name in raised:
            yield Objection(by=name, reason=raised.pop(name))
    for criterion, reason in misses(session, criteria):
        yield Objection(by=criterion, reason=reason)
    for name, reason in raised.items():
        yield Objection(by=name, reason=reason)
    if session.key is None or session.state_change is None:
        yield Objection(by=Criterion.NOT_IDLE, reason="the server hides when it began or since when it is idle")

"""Which sessions a sweep is about: the criteria, all of them together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from vacate.domain.sessions import ABORTED, HIDING, IDLE, Session


class Criterion(StrEnum):
    """Why a session was never a candidate. `NO_TRANSACTION` is asked of sessions that a caller named, and only it."""

    NOT_IDLE = "not_idle"
    TOO_FRESH = "too_fresh"
    NOT_SELECTED = "not_selected"
    NO_TRANSACTION = "no_transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Names to include and to exclude, compared exactly.

    `include=None` leaves the choice open; an include list, also an empty one, selects nobody else than it names.
    An exclude always wins.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    def refusal(self, what: str, name: str | None) -> str | None:
        """Why `name` is not selected, or `None` when it is. An unknown name is never selected by a list."""
        if name is None:
            return f"its {what} is unknown" if self.include is not None or self.exclude else None
        if name in self.exclude:
            return f"{what} {name!r} is excluded"
        if self.include is not None and name not in self.include:
            return f"{what} {name!r} is not included"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """All must hold: idle, for at least `min_idle`, and selected by user, database and application."""

    min_idle: timedelta = timedelta(0)
    users: Selection = field(default_factory=Selection)
    databases: Selection = field(default_factory=Selection)
    applications: Selection = field(default_factory=Selection)


def misses(session: Session, criteria: Criteria) -> Iterator[tuple[Criterion, str]]:
    """Every criterion that the session misses, with its reason in words."""
    if session.state != IDLE:
        yield (
            Criterion.NOT_IDLE,
            "its state is not known" if session.state is None else f"its state is {session.state!r}",
        )
    elif session.in_state_for is None:
        yield Criterion.TOO_FRESH, "since when it is idle is not known"
    elif session.in_state_for < criteria.min_idle:
        seconds = session.in_state_for.total_seconds()
        yield (
            Criterion.TOO_FRESH,
            f"idle for {seconds:.1f} s, less than {criteria.min_idle.total_seconds():g} s",
        )
    for what, selection, name in (
        ("user", criteria.users, session.user),
        ("database", criteria.databases, session.database),
        ("application", criteria.applications, session.application),
    ):
        if refusal := selection.refusal(what, name):
            yield Criterion.NOT_SELECTED, refusal


def without_transaction(session: Session) -> str | None:
    """Why a session is known to be in no open transaction; `None` when it is in one, or nobody can tell."""
    if session.state == IDLE:
        return "it is idle, so no transaction is open"
    if session.transaction_start is not None or session.state in HIDING:
        return None
    if session.state == ABORTED:
        return "its transaction has failed and is rolled back already"
    return f"no transaction is open (state: {session.state})"

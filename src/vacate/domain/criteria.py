"""Which sessions a sweep is about: the criteria, all of them together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from vacate.domain.sessions import IDLE, Session


class Criterion(StrEnum):
    """Why a session was never a candidate."""

    NOT_IDLE = "not_idle"
    TOO_FRESH = "too_fresh"
    NOT_SELECTED = "not_selected"


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

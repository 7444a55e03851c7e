"""A clock that stands still until a test moves it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class SetClock:
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    stepped: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """The time that has passed, by a clock that nobody can set."""
        return (self.now - self.stepped - _BEGINNING).total_seconds()

    def step(self, by: timedelta) -> None:
        """Set the wall clock to another time, without any time passing."""
        self.now += by
        self.stepped += by

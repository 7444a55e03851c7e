"""A clock that stands still until a test moves it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class SetClock:
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

"""Seen requests kept in memory, for tests that are not about the store."""

from datetime import datetime

from vacate.operations.access.ports import SeenRequests


class MemoryRequests(SeenRequests):
    def __init__(self) -> None:
        self.kept: dict[bytes, tuple[datetime, datetime]] = {}

    async def first_seen(self, digest: bytes, *, at: datetime, until: datetime) -> datetime | None:
        if digest in self.kept:
            return self.kept[digest][0]
        self.kept[digest] = at, until
        return None

    async def forget(self, before: datetime) -> int:
        over = [digest for digest, (_, until) in self.kept.items() if until < before]
        for digest in over:
            del self.kept[digest]
        return len(over)

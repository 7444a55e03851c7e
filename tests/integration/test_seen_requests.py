"""Signed requests that were received, as the store keeps them: whichever service asks, the first one is the first."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from vacate.domain.errors import StoreUnavailableError
from vacate.store.database import Database, open_database
from vacate.store.seen_requests import SqlSeenRequests

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=15)


@pytest.fixture
async def other(database: Database, store_url: str) -> AsyncIterator[Database]:
    """The same store, opened by another service."""
    del database
    another = await open_database(store_url)
    yield another
    await another.close()


async def test_of_requests_that_come_to_two_services_at_once_one_is_the_first(
    database: Database, other: Database
) -> None:
    services = SqlSeenRequests(database), SqlSeenRequests(other)
    for round_ in range(5):
        digest = bytes([round_]) * 32
        asked = (services[each % 2].first_seen(digest, at=NOW, until=UNTIL) for each in range(10))
        answers = await asyncio.gather(*asked)
        assert sorted(answers, key=bool) == [None, *[NOW] * 9]


async def test_what_one_service_has_seen_is_known_to_one_that_starts_later(database: Database, store_url: str) -> None:
    assert await SqlSeenRequests(database).first_seen(b"a" * 32, at=NOW, until=UNTIL) is None
    later = await open_database(store_url)
    try:
        assert await SqlSeenRequests(later).first_seen(b"a" * 32, at=UNTIL, until=UNTIL) == NOW
    finally:
        await later.close()


async def test_only_what_is_over_is_forgotten(database: Database) -> None:
    seen = SqlSeenRequests(database)
    await seen.first_seen(b"a" * 32, at=NOW, until=UNTIL)
    await seen.first_seen(b"b" * 32, at=NOW, until=UNTIL + timedelta(seconds=1))
    assert await seen.forget(UNTIL) == 0
    assert await seen.forget(UNTIL + timedelta(microseconds=1)) == 1
    assert await seen.first_seen(b"b" * 32, at=NOW, until=UNTIL) == NOW
    assert await seen.first_seen(b"a" * 32, at=NOW, until=UNTIL) is None


async def test_a_store_that_cannot_keep_a_request_says_so(database: Database) -> None:
    await database.close()
    async with database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE seen_requests")
    with pytest.raises(StoreUnavailableError):
        await SqlSeenRequests(database).first_seen(b"a" * 32, at=NOW, until=UNTIL)

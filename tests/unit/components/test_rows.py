"""One row that cannot be read costs that row, and never the list."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from vacate.components import rows
from vacate.components.decoding import Decoder
from vacate.components.drivers import Row
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.guards import GuardName
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.activity import Activity
from vacate.domain.topology.components import ComponentKind

AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
DECODER = Decoder(encoding="UTF8", encodings=("SQL_ASCII", "LATIN1"), statement_limit=1024)


def looked_at(**changes: Any) -> Row:  # noqa: ANN401 - whatever a server might hand over.
    row = {
        "session_id": 4711,
        "pid": 4711,
        "backend_start": AT,
        "backend_type": b"client backend",
        "state": "idle",
        "state_change": AT,
        "in_state_for": timedelta(hours=1),
        "transaction_start": None,
        "user": b"app",
        "superuser": False,
        "database": b"shop",
        "application": b"web",
        "client_address": "192.0.2.7",
        "client_port": 51234,
        "query": b"COMMIT",
        "holds_advisory_lock": False,
        "holds_replication_slot": False,
        "of_own_user": False,
        "own": False,
        "encoding": 1,
    }
    return cast("Row", row | changes)


def reasons(row: Row) -> list[tuple[object, str]]:
    surroundings = Surroundings(kind=ComponentKind.COORDINATOR)
    (verdict,) = judge([rows.session(row, DECODER)], Criteria(), GuardSettings(), surroundings)
    return [(objection.by, objection.reason) for objection in verdict.objections]


def test_a_session_whose_texts_can_be_decoded_is_nobodys_exception() -> None:
    assert reasons(looked_at(query="SELECT 'café'".encode("latin-1"))) == []


def test_each_text_that_could_not_be_decoded_is_named() -> None:
    garbled = looked_at(encoding=0, user=b"\xe9", database=b"\xe9", application=b"\xe9", query=b"\xe9")
    reason = "not decodable: application, database, statement, user"
    assert reasons(garbled) == [(GuardName.UNKNOWN, reason)]


def test_a_row_that_cannot_be_read_is_a_session_of_which_nothing_is_known() -> None:
    session = rows.session(looked_at(application=17), DECODER)
    assert (session.session_id, session.key, session.state, session.query) == (4711, None, None, None)
    assert reasons(looked_at(application=17))


def test_an_activity_that_cannot_be_read_is_still_counted() -> None:
    facts: dict[str, Any] = dict.fromkeys(Activity._fields)
    facts |= {"session_id": 4711, "pid": 4711, "backend_start": AT, "open_for": timedelta(1), "user": 17}
    made = rows.activity([*facts.values(), 1], DECODER)
    assert (made.session_id, made.user) == (4711, None)


async def test_others_have_their_turn_while_thousands_of_rows_are_read() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    try:
        assert await rows.read_each(range(5_000), str) == tuple(map(str, range(5_000)))
    finally:
        running.cancel()
    assert turns >= 49

"""What of the audit is found: a session must meet everything that is asked of sessions, and nothing else counts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.place import PROJECT
from tests.support.recorded import RECORDED_AT, recorded_session
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import AuditQuery, RecordedSession

SESSION = recorded_session(4711)
BEGAN = RECORDED_AT - timedelta(hours=2)
EVERYTHING = AuditQuery(
    pid=4711, session_id=4711, backend_start=BEGAN, user="app_orders", database="shop", client="192.0.2.7"
)


def test_a_query_that_asks_nothing_of_sessions_is_met_by_every_session() -> None:
    assert AuditQuery().meets(SESSION)
    assert AuditQuery(project_id=PROJECT, operator="nobody").meets(SESSION)


def test_a_session_that_meets_everything_is_found() -> None:
    assert EVERYTHING.meets(SESSION)


@pytest.mark.parametrize(
    "other",
    [
        replace(SESSION, pid=4712),
        replace(SESSION, session_id=4712),
        replace(SESSION, backend_start=BEGAN + timedelta(microseconds=1)),
        replace(SESSION, backend_start=None),
        replace(SESSION, user="App_orders"),
        replace(SESSION, user=None),
        replace(SESSION, database="shop2"),
        replace(SESSION, client_address="192.0.2.70"),
        replace(SESSION, client_address=None),
    ],
)
def test_a_session_that_fails_in_one_thing_alone_is_not_found(other: RecordedSession) -> None:
    assert not EVERYTHING.meets(other)


@pytest.mark.parametrize(
    "asked",
    [
        AuditQuery(pid=4711),
        AuditQuery(session_id=4711),
        AuditQuery(backend_start=BEGAN),
        AuditQuery(user="app_orders"),
        AuditQuery(database="shop"),
        AuditQuery(client="192.0.2.7"),
    ],
)
def test_one_thing_asked_of_sessions_is_enough_to_ask_of_them_and_nothing_else_matters(asked: AuditQuery) -> None:
    assert asked.of_sessions
    assert asked.meets(SESSION)


def test_even_a_zero_or_an_empty_name_is_asked_for() -> None:
    for asked in (AuditQuery(pid=0), AuditQuery(session_id=0), AuditQuery(user=""), AuditQuery(client="")):
        assert asked.of_sessions
        assert not asked.meets(SESSION)


def test_what_is_asked_of_events_is_not_asked_of_sessions() -> None:
    about_the_event = AuditQuery(
        project_id=PROJECT,
        operator="olga",
        plan_id="p1",
        request_id="request-1",
        action=AuditAction.KILL_IDLE_FINISHED,
        since=BEGAN,
        until=RECORDED_AT,
        before_id=9,
    )
    assert not about_the_event.of_sessions

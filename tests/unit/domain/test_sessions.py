"""Identity: a pid comes back, a pid together with its start does not."""

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.sessions.session import SessionKey


def test_two_looks_at_one_session_give_the_same_key() -> None:
    assert idle_session().key == idle_session(state="active", query="SELECT 2", in_state_for=timedelta(0)).key


def test_a_pid_that_came_back_is_another_session() -> None:
    first = idle_session(pid=7, backend_start=LOOK_AT)
    second = idle_session(pid=7, backend_start=LOOK_AT + timedelta(microseconds=1))
    assert first.key != second.key
    assert len({first.key, second.key}) == 2


def test_sessions_that_began_together_are_two_sessions() -> None:
    assert idle_session(pid=7).key != idle_session(pid=8).key


def test_a_session_that_hides_its_start_has_no_key() -> None:
    assert idle_session(backend_start=None).key is None


def test_a_key_is_printed_with_both_of_its_parts() -> None:
    assert str(SessionKey(session_id=7, backend_start=LOOK_AT)) == "7@2026-01-02T12:00:00+00:00"


def test_a_session_cannot_be_changed_after_the_look() -> None:
    session = idle_session()
    with pytest.raises(FrozenInstanceError):
        session.state = "active"  # pyright: ignore[reportAttributeAccessIssue] - the attempt is the test.

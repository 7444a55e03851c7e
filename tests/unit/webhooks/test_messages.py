"""Messages: whose sessions, grouped by owner, and never what they ran."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recorded import STATEMENT, recorded_event, recorded_session
from tests.support.sessions import examples
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent
from vacate.domain.sessions.owners import Ownership
from vacate.domain.sweeps.report import Outcome
from vacate.operations.clock import utc_now
from vacate.webhooks.endpoints import Endpoint, MessageType
from vacate.webhooks.messages import MOST_SESSIONS, message_for, ping, type_of

OWNERSHIP = Ownership(roles={"app_orders": "orders"})


def endpoint(*events: MessageType, owners: frozenset[str] | None = None, name: str = "teams") -> Endpoint:
    return Endpoint(
        name=name,
        url="https://hooks.example.net/t0ken",
        keys=(),
        events=frozenset(events or MessageType),
        owners=owners,
    )


def told(event: RecordedEvent, to: Endpoint | None = None) -> Any:  # noqa: ANN401 - JSON of any shape.
    delivery = message_for(to or endpoint(), event, OWNERSHIP)
    return None if delivery is None else json.loads(delivery.body)


def test_a_message_says_what_became_of_each_owners_sessions() -> None:
    message = told(
        recorded_event(
            recorded_session(1, application="owner=payments"),
            recorded_session(2),
            recorded_session(3, user="other", outcome=Outcome.WOKE),
            recorded_session(4, outcome=Outcome.SPARED),
            plan_id="p1",
        )
    )
    assert (message["type"], message["timestamp"]) == ("kill.finished", "2026-01-02T12:00:00Z")
    data = message["data"]
    groups = data.pop("owners")
    assert data == {
        "event_id": 7,
        "action": "session:kill_idle:finished",
        "request_id": "request-1",
        "operator": "olga",
        "project_id": "0611f1bd8b00d5d32f17c017f15b599f",
        "instance_id": "3d39c18788b54a919bab633874c159dfin14",
        "node_id": "52c25e148a4a48c293b66ca95565719cno14",
        "component_id": "cn_5001",
        "plan_id": "p1",
        "error": None,
        "note": None,
        "count": 3,
        "spared": 1,
    }
    assert [(group["owner"], group["count"]) for group in groups] == [("orders", 1), ("payments", 1), (None, 1)]
    assert groups[1]["sessions"] == [
        {
            "session_id": 1,
            "pid": 1,
            "backend_start": "2026-01-02T10:00:00Z",
            "state_change": "2026-01-02T11:00:00Z",
            "user": "app_orders",
            "database": "shop",
            "application": "owner=payments",
            "client": "192.0.2.7",
            "outcome": "terminated",
            "reason": "idle for 1 h",
        }
    ]
    assert groups[2]["sessions"][0]["outcome"] == "woke"


@examples
@given(action=st.sampled_from(AuditAction), outcomes=st.lists(st.sampled_from(Outcome), max_size=5))
def test_no_message_holds_what_a_session_ran(action: AuditAction, outcomes: list[Outcome]) -> None:
    sessions = [recorded_session(number, outcome=outcome) for number, outcome in enumerate(outcomes)]
    assert all(session.statement == STATEMENT for session in sessions)
    delivery = message_for(endpoint(), recorded_event(*sessions, action=action), OWNERSHIP)
    said = "" if delivery is None else f"{delivery.body} {delivery!r}"
    assert all(word not in said.lower() for word in ("card_number", "customers", "statement", "fingerprint", "query"))


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_is_told_or_left_out_on_purpose(action: AuditAction) -> None:
    expected = {
        AuditAction.PLAN_MADE: MessageType.PLAN_MADE,
        AuditAction.FREEZE_ON: MessageType.FREEZE_ON,
        AuditAction.FREEZE_OFF: MessageType.FREEZE_OFF,
    }
    if action.startswith("session:") and action.endswith(":intended"):
        expected[action] = MessageType.KILL_INTENDED
    if action.startswith("session:") and action.endswith(":finished"):
        expected[action] = MessageType.KILL_FINISHED
    assert type_of(action) is expected.get(action)


def test_an_endpoint_is_told_only_what_it_wants() -> None:
    event = recorded_event(recorded_session(1))
    assert told(event, endpoint(MessageType.KILL_FINISHED)) is not None
    assert told(event, endpoint(MessageType.KILL_INTENDED, MessageType.PLAN_MADE)) is None


def test_an_endpoint_with_owners_hears_of_nobody_elses_sessions() -> None:
    event = recorded_event(
        recorded_session(1, application="owner=payments"),
        recorded_session(2),
        recorded_session(3, outcome=Outcome.SPARED),
        recorded_session(4, user="other", application="secret-project"),
    )
    data = told(event, endpoint(owners=frozenset({"payments"})))["data"]
    assert (data["count"], data["spared"]) == (1, 0)
    assert [group["owner"] for group in data["owners"]] == ["payments"]
    assert told(event, endpoint(owners=frozenset({"stock"}))) is None
    nobody = told(event, endpoint(owners=frozenset({""})))["data"]
    assert [(group["owner"], group["count"]) for group in nobody["owners"]] == [(None, 1)]


def test_a_sweep_that_left_everybody_alone_is_no_message() -> None:
    assert told(recorded_event(recorded_session(1, outcome=Outcome.SPARED))) is None
    assert told(recorded_event()) is None


def test_the_freeze_switch_is_told_to_everybody_with_its_reason() -> None:
    event = recorded_event(action=AuditAction.FREEZE_ON, note="all instances, by olga: month end")
    message = told(event, endpoint(owners=frozenset({"payments"})))
    assert (message["type"], message["data"]["note"]) == ("freeze.on", "all instances, by olga: month end")


def test_more_sessions_than_a_receiver_takes_are_counted_and_small_owners_are_listed() -> None:
    many = [recorded_session(number, application="owner=big") for number in range(MOST_SESSIONS + 5)]
    event = recorded_event(*many, recorded_session(90_001, application="owner=small"))
    delivery = message_for(endpoint(), event, OWNERSHIP)
    assert delivery is not None
    assert len(delivery.body) < 500_000
    data = json.loads(delivery.body)["data"]
    listed = {group["owner"]: (group["count"], len(group["sessions"])) for group in data["owners"]}
    assert listed == {"big": (MOST_SESSIONS + 5, MOST_SESSIONS - 1), "small": (1, 1)}
    assert data["count"] == MOST_SESSIONS + 6


def test_the_id_is_the_events_and_the_endpoints_own() -> None:
    event = recorded_event(recorded_session(1))
    ids = [
        delivery.id
        for delivery in (
            message_for(endpoint(), event, OWNERSHIP),
            message_for(endpoint(), event, Ownership()),
            message_for(endpoint(name="other"), event, OWNERSHIP),
            message_for(endpoint(), recorded_event(recorded_session(1), number=8), OWNERSHIP),
        )
        if delivery is not None
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_ping_is_a_message_of_its_own_each_time() -> None:
    one, other = ping("teams", utc_now()), ping("teams", utc_now())
    assert json.loads(one.body)["type"] == "vacate.ping"
    assert one.id != other.id


def test_neither_url_nor_secret_is_in_the_text_of_an_endpoint() -> None:
    shown = repr(endpoint())
    assert "t0ken" not in shown
    assert endpoint().host == "hooks.example.net"

"""The audit at our own door: what is searched for, and how its pages hang together."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT, TARGET
from tests.unit.http.admin_door import Operations
from vacate.domain.access.identity import CredentialKind, Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import AuditQuery, RecordedEvent, RecordedSession
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId

BEGAN = datetime(2026, 1, 2, 10, 0, 0, 123456, tzinfo=UTC)
SESSION = RecordedSession(
    session_id=4711,
    pid=4712,
    backend_start=BEGAN,
    state_change=None,
    user="app",
    database="shop",
    application="web",
    client_address="192.0.2.7",
    outcome=Outcome.TERMINATED,
    by="signal",
    reason="seen to be gone",
    statement="SELECT 1",
    fingerprint="0123456789abcdef",
)
EVENT = RecordedEvent(
    id=42,
    digest="d" * 64,
    at=BEGAN,
    action=AuditAction.KILL_IDLE_FINISHED,
    request_id="r1",
    user_id="u1",
    user_name="olga",
    role=Role.OPERATOR,
    credential_kind=CredentialKind.TOKEN,
    credential="t1",
    source_address="203.0.113.9",
    target=TARGET,
    sessions=(SESSION,),
    named=(4711, 4713),
    error=None,
    plan_id="p1",
    note="said",
)
NOTHING = AuditQuery(project_id=PROJECT, limit=51)


@pytest.fixture
def operations() -> Operations:
    return Operations(events=(EVENT,))


async def asked(operations: Operations, query: str) -> AuditQuery:
    assert (await operations.get(f"audit?{query}")).status == 200
    ((name, project, found),) = operations.asked
    assert (name, project) == ("search_audit", PROJECT)
    assert isinstance(found, AuditQuery)
    return found


async def test_without_a_question_the_last_events_of_the_project_are_asked_for(operations: Operations) -> None:
    assert await asked(operations, "") == NOTHING


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("pid=4712", replace(NOTHING, pid=4712)),
        ("session_id=9223372036854775807", replace(NOTHING, session_id=2**63 - 1)),
        ("user=app&database=shop", replace(NOTHING, user="app", database="shop")),
        ("user=", replace(NOTHING, user="")),
        ("user=null", replace(NOTHING, user="null")),
        ("client=192.0.2.7", replace(NOTHING, client="192.0.2.7")),
        ("operator=olga", replace(NOTHING, operator="olga")),
        ("plan_id=p1&request_id=r1", replace(NOTHING, plan_id="p1", request_id="r1")),
        ("action=plan:apply:refused", replace(NOTHING, action=AuditAction.PLAN_APPLY_REFUSED)),
        (
            f"instance_id={INSTANCE.id}&component_id={COMPONENT.id}",
            replace(NOTHING, instance_id=INSTANCE.id, component_id=COMPONENT.id),
        ),
        ("limit=200&before_id=7", replace(NOTHING, limit=201, before_id=7)),
        ("backend_start=2026-01-02T10:00:00.123456Z", replace(NOTHING, backend_start=BEGAN)),
        (
            "since=2026-01-02T11:00:00.123456%2B01:00&until=2026-01-02T10:00:00.123456Z",
            replace(NOTHING, since=BEGAN, until=BEGAN),
        ),
    ],
)
async def test_each_parameter_is_handed_on(operations: Operations, query: str, wanted: AuditQuery) -> None:
    assert await asked(operations, query) == wanted


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("pid=x", "$.pid"),
        ("pid=1e1", "$.pid"),
        ("pid=null", "$.pid"),
        ("pid=-1", "$.pid"),
        ("pid=9223372036854775808", "$.pid"),
        ("limit=0", "$.limit"),
        ("limit=201", "$.limit"),
        ("before_id=", "$.before_id"),
        ("action=plan:apply", "$.action"),
        ("since=yesterday", "$.since"),
        ("since=1767322800", "$.since"),
        ("since=2026-01-02T10:00:00", "$.since"),
        ("since=null", "$.since"),
        ("since=0001-01-01T00:00:00%2B14:00", "$.since"),
        ("until=9999-12-31T23:59:59-14:00", "$.until"),
        ("user=a%00b", "$.user"),
        ("user=" + "a" * 257, "$.user"),
        ("plan_id=a%0ab", "$.plan_id"),
        ("user=%ff", "cannot be read"),
        ("user=a&user=b", "`user`"),
        ("usr=app", "`usr`"),
        ("project_id=" + PROJECT, "`project_id`"),
        ("&".join(f"a{number}=1" for number in range(200)), "cannot be read"),
    ],
)
async def test_what_is_wrong_in_the_query_is_named_and_nothing_is_searched(
    operations: Operations, query: str, place: str
) -> None:
    answer = await operations.get(f"audit?{query}")
    assert answer.refusal == (400, "DBS.280001")
    assert place in answer.json["error_msg"]
    assert operations.asked == []


async def test_an_event_is_answered_with_everything_that_was_kept(operations: Operations) -> None:
    (event,) = (await operations.get("audit")).json["events"]
    assert event == {
        "id": 42,
        "digest": "d" * 64,
        "at": "2026-01-02T10:00:00.123456Z",
        "action": "session:kill_idle:finished",
        "request_id": "r1",
        "operator": "olga",
        "role": "operator",
        "credential_kind": "token",
        "credential": "t1",
        "source_address": "203.0.113.9",
        "instance_id": INSTANCE.id,
        "node_id": COMPONENT.node_id,
        "component_id": COMPONENT.id,
        "plan_id": "p1",
        "sessions": [
            {
                "session_id": 4711,
                "pid": 4712,
                "backend_start": "2026-01-02T10:00:00.123456Z",
                "state_change": None,
                "user": "app",
                "database": "shop",
                "application": "web",
                "client_address": "192.0.2.7",
                "statement": "SELECT 1",
                "fingerprint": "0123456789abcdef",
                "outcome": "terminated",
                "by": "signal",
                "reason": "seen to be gone",
            }
        ],
        "named": [4711, 4713],
        "note": "said",
        "error": None,
    }


async def test_what_a_call_did_not_name_is_null(operations: Operations) -> None:
    nowhere = replace(TARGET, instance_id=InstanceId(""), node_id=NodeId(""), component_id=ComponentId(""))
    operations.events = (replace(EVENT, target=nowhere),)
    (event,) = (await operations.get("audit")).json["events"]
    assert (event["instance_id"], event["node_id"], event["component_id"]) == (None, None, None)


@pytest.mark.parametrize(("there_are", "next_page"), [(1, None), (2, None), (3, 41)])
async def test_a_page_says_where_the_next_one_begins_if_there_is_one(
    operations: Operations, there_are: int, next_page: int | None
) -> None:
    operations.events = tuple(replace(EVENT, id=42 - at) for at in range(there_are))
    page = (await operations.get("audit?limit=2")).json
    assert [event["id"] for event in page["events"]] == [42, 41][:there_are]
    assert page["next"] == next_page


async def test_nothing_found_is_an_empty_last_page(operations: Operations) -> None:
    operations.events = ()
    assert (await operations.get(f"audit?user={quote('nobody')}")).json == {"events": [], "next": None}

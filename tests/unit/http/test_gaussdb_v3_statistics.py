"""The sums over an instance's sessions: what they count, how they are ordered and paged."""

from datetime import timedelta

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.unit.http.compatible_door import PRIMARY, UNTOLD, WAITING, Operations
from vacate.domain.errors import ComponentUnreachableError, InstanceUnknownError, PermissionDeniedError, VacateError
from vacate.domain.sessions.activity import Activity, ComponentActivity

IDLE = WAITING._replace(
    state="idle",
    running_for=None,
    wait_event_type="Client",
    wait_event="ClientRead",
    blocked_by=None,
)
RUNNING = WAITING._replace(
    wait_event_type=None, wait_event=None, running_for=timedelta(milliseconds=5), blocked_by=None
)

LISTS = ["session-statistics?dimension=usename", "session/statistic/top-sql", "session/statistic/wait-event"]
SUMS = ["session-overview", *LISTS]


def on_coordinator(*activities: Activity) -> ComponentActivity:
    return ComponentActivity(component=COMPONENT, activities=activities)


def on_primary(*activities: Activity) -> ComponentActivity:
    return ComponentActivity(component=PRIMARY, activities=activities)


@pytest.mark.parametrize("name", SUMS)
async def test_a_sum_is_of_the_whole_instance(name: str) -> None:
    operations = Operations()
    assert (await operations.get(name)).status == 200
    assert operations.asked == [("survey", PROJECT, INSTANCE.id)]


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InstanceUnknownError(), (404, "DBS.200045")),
        (PermissionDeniedError(role="none", permission="view"), (403, "DBS.280015")),
        (ComponentUnreachableError("timed out"), (409, "DBS.280011")),
    ],
)
async def test_a_sum_that_cannot_be_whole_is_an_error(name: str, error: VacateError, code: tuple[int, str]) -> None:
    assert (await Operations(fails_with=error).get(name)).refusal == code


# --- session-overview ------------------------------------------------------------------------------------------------


async def test_an_overview_is_four_strings() -> None:
    surveyed = (on_coordinator(WAITING, IDLE, UNTOLD), on_primary(RUNNING, IDLE))
    answer = await Operations(surveyed=surveyed).get("session-overview")
    assert answer.json == {"active_num": "2", "total_num": "5", "slow_sql_num": "1", "lock_num": "1"}


async def test_what_is_slow_is_configured() -> None:
    operations = Operations(surveyed=(on_coordinator(RUNNING, WAITING),), slow_after=timedelta(milliseconds=1))
    assert (await operations.get("session-overview")).json["slow_sql_num"] == "2"


async def test_an_instance_without_sessions_has_none() -> None:
    assert set((await Operations().get("session-overview")).json.values()) == {"0"}


# --- session-statistics ----------------------------------------------------------------------------------------------

NAMED = (
    on_coordinator(
        IDLE._replace(user="carol"),
        RUNNING._replace(user="alice"),
        IDLE._replace(user="bob"),
        RUNNING._replace(user="bob"),
    ),
    on_primary(IDLE._replace(user="bob"), UNTOLD),
)


async def test_sessions_are_counted_by_name_in_strings_and_the_names_in_a_number() -> None:
    answer = await Operations(surveyed=NAMED).get("session-statistics?dimension=usename")
    assert answer.json == {
        "total": 4,
        "statistics_list": [
            {"name": "", "active_num": "0", "total_num": "1"},
            {"name": "alice", "active_num": "1", "total_num": "1"},
            {"name": "bob", "active_num": "1", "total_num": "3"},
            {"name": "carol", "active_num": "0", "total_num": "1"},
        ],
    }


@pytest.mark.parametrize(("dimension", "name"), [("usename", "app"), ("client_addr", "192.0.2.7"), ("datname", "shop")])
async def test_sessions_are_counted_by_each_dimension(dimension: str, name: str) -> None:
    answer = await Operations(surveyed=(on_coordinator(IDLE),)).get(f"session-statistics?dimension={dimension}")
    assert [entry["name"] for entry in answer.json["statistics_list"]] == [name]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["", "alice", "bob", "carol"]),
        ("&order=ASC", ["", "alice", "bob", "carol"]),
        ("&order=DESC", ["carol", "bob", "alice", ""]),
        ("&order_field=total_num", ["", "alice", "carol", "bob"]),
        ("&order_field=total_num&order=DESC", ["bob", "", "alice", "carol"]),
        ("&order_field=active_num", ["", "carol", "alice", "bob"]),
        ("&order_field=active_num&order=DESC", ["alice", "bob", "", "carol"]),
        ("&order_field=total_num&order=DESC&limit=2", ["bob", ""]),
        ("&order_field=total_num&order=DESC&limit=2&offset=1", ["", "alice"]),
        ("&offset=4", []),
        ("&unknown=1&unknown=2", ["", "alice", "bob", "carol"]),
    ],
)
async def test_names_come_in_the_order_that_was_asked_for_and_equals_by_name(query: str, names: list[str]) -> None:
    answer = await Operations(surveyed=NAMED).get(f"session-statistics?dimension=usename{query}")
    assert [entry["name"] for entry in answer.json["statistics_list"]] == names
    assert answer.json["total"] == 4


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "`dimension`"),
        ("dimension=", "`$.dimension`"),
        ("dimension=user", "`$.dimension`"),
        ("dimension=usename&dimension=datname", "`dimension` is more than once"),
        ("dimension=usename&order=asc", "`$.order`"),
        ("dimension=usename&order_field=name", "`$.order_field`"),
        ("dimension=%ff", "The query cannot be read"),
        ("dimension=usename&" + "&".join(f"a{n}=1" for n in range(300)), "The query cannot be read"),
    ],
)
async def test_a_wrong_parameter_is_named(query: str, says: str) -> None:
    operations = Operations()
    answer = await operations.get(f"session-statistics?{query}")
    assert answer.refusal == (400, "DBS.280001")
    assert says in answer.json["error_msg"]
    assert operations.asked == []


@pytest.mark.parametrize("name", [*LISTS, "session/memory-context"])
@pytest.mark.parametrize("value", ["0", "101", "-1", "", "x", "1.0", "1e1", "+5", "05", "9" * 5000, "%20", "null"])
async def test_a_limit_that_is_none_has_its_own_code(name: str, value: str) -> None:
    operations = Operations()
    answer = await operations.get(f"{name}{'&' if '?' in name else '?'}limit={value}")
    assert answer.refusal == (400, "DBS.280439")
    assert "`$.limit`" in answer.json["error_msg"]
    assert operations.asked == []


@pytest.mark.parametrize("name", [*LISTS, "session/memory-context"])
@pytest.mark.parametrize("value", ["-1", "2147483648", "", "x", "0.0"])
async def test_an_offset_that_is_none_has_its_own_code(name: str, value: str) -> None:
    answer = await Operations().get(f"{name}{'&' if '?' in name else '?'}offset={value}")
    assert answer.refusal == (400, "DBS.280440")
    assert "`$.offset`" in answer.json["error_msg"]


@pytest.mark.parametrize("name", LISTS)
async def test_the_ends_of_the_ranges_are_taken(name: str) -> None:
    sign = "&" if "?" in name else "?"
    assert (await Operations().get(f"{name}{sign}limit=1&offset=2147483647")).status == 200
    assert (await Operations().get(f"{name}{sign}limit=100&offset=0")).status == 200


# --- top-sql and wait-event ------------------------------------------------------------------------------------------


async def test_a_statement_is_counted_in_a_number_for_each_component() -> None:
    surveyed = (on_coordinator(WAITING, WAITING, IDLE), on_primary(RUNNING._replace(statement_id=None, query=None)))
    answer = await Operations(surveyed=surveyed).get("session/statistic/top-sql?offset=0&limit=10")
    assert answer.json == {
        "total": 2,
        "top_sql_info": [
            {
                "node_name": "cn_5001",
                "unique_sql_id": "-9223372036854775807",
                "query": "UPDATE orders SET total = 12.5",
                "count": 2,
            },
            {"node_name": "dn_6001", "unique_sql_id": "0", "query": "", "count": 1},
        ],
    }


async def test_an_event_is_counted_in_a_string_for_each_component() -> None:
    surveyed = (on_coordinator(WAITING, IDLE), on_primary(WAITING, WAITING, RUNNING))
    answer = await Operations(surveyed=surveyed).get("session/statistic/wait-event")
    assert answer.json == {
        "total": 2,
        "wait_event_info": [
            {"node_name": "dn_6001", "event_name": "transactionid", "count": "2"},
            {"node_name": "cn_5001", "event_name": "transactionid", "count": "1"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [("session/statistic/top-sql", "top_sql_info"), ("session/statistic/wait-event", "wait_event_info")],
)
async def test_sums_are_paged(name: str, key: str) -> None:
    activities = [WAITING._replace(statement_id=n, wait_event=f"event {n:03}") for n in range(1, 151)]
    operations = Operations(surveyed=(on_coordinator(*activities),))
    assert len((await operations.get(name)).json[key]) == 100
    last = (await operations.get(f"{name}?offset=149&limit=10")).json
    assert (last["total"], len(last[key])) == (150, 1)


# --- memory-context --------------------------------------------------------------------------------------------------


async def test_no_memory_is_told_of_a_session_on_a_node_that_is_there() -> None:
    operations = Operations()
    answer = await operations.get(f"session/memory-context?node_id={COMPONENT.node_id}&session_id=140131075880720")
    assert answer.json == {"total": 0, "memory_context_info": []}
    assert operations.asked == [("describe_instance", PROJECT, INSTANCE.id)]


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("session_id=1", (400, "DBS.280001")),
        (f"node_id={COMPONENT.node_id}", (400, "DBS.280001")),
        (f"node_id={COMPONENT.node_id}&session_id=", (400, "DBS.280001")),
        (f"node_id={COMPONENT.node_id}&session_id=x", (400, "DBS.280001")),
        (f"node_id={COMPONENT.node_id}&session_id=+1", (400, "DBS.280001")),
        (f"node_id={'n' * 200}&session_id=1", (400, "DBS.280001")),
        ("node_id=short&session_id=1", (400, "DBS.280404")),
        ("node_id=ffffffffffffffffffffffffffffffffno14&session_id=1", (400, "DBS.280407")),
    ],
)
async def test_what_names_no_session_of_the_instance_is_refused(query: str, refusal: tuple[int, str]) -> None:
    assert (await Operations().get(f"session/memory-context?{query}")).refusal == refusal


async def test_the_instance_is_asked_for_before_the_node_is_looked_at() -> None:
    operations = Operations(fails_with=InstanceUnknownError())
    answer = await operations.get("session/memory-context?node_id=short&session_id=1")
    assert answer.refusal == (404, "DBS.200045")

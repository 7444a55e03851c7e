"""The calls that tell which nodes and components an instance has."""

from dataclasses import replace

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.unit.http.compatible_door import DISTRIBUTED, PRIMARY, STANDBY, STANDBY_NODE, Operations, state
from vacate.domain.errors import InstanceUnknownError, PermissionDeniedError, VacateError
from vacate.domain.topology.components import Instance

CALLS = [("POST", "key-view-execute-node"), ("GET", "components"), ("GET", "coordinators")]
DOWN = {STANDBY: "cannot be reached: timed out"}
CENTRALISED = replace(DISTRIBUTED, components=(PRIMARY, STANDBY), nodes=DISTRIBUTED.nodes[1:])


def of(instance: Instance) -> Operations:
    return Operations(states=(state(instance),))


@pytest.mark.parametrize(("method", "name"), CALLS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InstanceUnknownError(), (404, "DBS.200045")),
        (PermissionDeniedError(role="none", permission="view"), (403, "DBS.280015")),
    ],
)
async def test_an_instance_that_may_not_be_seen_is_refused(
    method: str, name: str, error: VacateError, code: tuple[int, str]
) -> None:
    operations = Operations(fails_with=error)
    answer = await operations.send(method, f"/v3/{PROJECT}/instances/{INSTANCE.id}/{name}")
    assert answer.refusal == code
    assert operations.asked == [("describe_instance", PROJECT, INSTANCE.id)]


# --- key-view-execute-node -------------------------------------------------------------------------------------------


async def test_every_component_is_told_with_its_node() -> None:
    answer = await Operations(states=(state(problems=DOWN),)).post("key-view-execute-node", {})
    assert answer.json == {
        "nodes": [
            {
                "node_id": COMPONENT.node_id,
                "node_name": "cn-1",
                "role": "master",
                "type": "CN",
                "distributed_id": "",
                "component_id": "cn_5001",
                "detail": "Normal",
            },
            {
                "node_id": PRIMARY.node_id,
                "node_name": "dn-1",
                "role": "master",
                "type": "DN",
                "distributed_id": "60011",
                "component_id": "dn_6001",
                "detail": "Normal",
            },
            {
                "node_id": STANDBY_NODE,
                "node_name": "dn-2",
                "role": "slave",
                "type": "DN",
                "distributed_id": "60011",
                "component_id": "dn_6002",
                "detail": "cannot be reached: timed out",
            },
        ]
    }


async def test_a_node_is_told_once_for_each_of_its_components() -> None:
    second = replace(PRIMARY, node_id=COMPONENT.node_id)
    answer = await of(replace(DISTRIBUTED, components=(COMPONENT, second))).post("key-view-execute-node", {})
    pairs = [(row["node_id"], row["component_id"]) for row in answer.json["nodes"]]
    assert pairs == [(COMPONENT.node_id, "cn_5001"), (COMPONENT.node_id, "dn_6001")]


@pytest.mark.parametrize("body", [b"", b"{}", b"{}\n", b'{"a": [1]}', b"[]", b"null", b"{", b"\xff"])
async def test_whatever_the_body_holds_it_is_not_looked_at(body: bytes) -> None:
    path = f"/v3/{PROJECT}/instances/{INSTANCE.id}/key-view-execute-node"
    answer = await Operations().send("POST", path, body)
    assert (answer.status, len(answer.json["nodes"])) == (200, 3)


# --- components ------------------------------------------------------------------------------------------------------


async def test_a_node_is_told_with_its_components() -> None:
    answer = await Operations(states=(state(problems=DOWN),)).get("components")
    assert answer.json["total_count"] == 3
    assert answer.json["nodes"][0] == {
        "id": COMPONENT.node_id,
        "name": "cn-1",
        "availability_zone_id": "az1",
        "description": "",
        "status": "normal",
        "components": [
            {
                "id": "cn_5001",
                "role": "master",
                "status": "Normal",
                "distributed_id": "",
                "type": "CN",
                "detail": "Normal",
            }
        ],
    }
    assert answer.json["nodes"][2] == {
        "id": STANDBY_NODE,
        "name": "dn-2",
        "availability_zone_id": "az2",
        "description": "",
        "status": "abnormal",
        "components": [
            {
                "id": "dn_6002",
                "role": "slave",
                "status": "Down",
                "distributed_id": "60011",
                "type": "DN",
                "detail": "cannot be reached: timed out",
            }
        ],
    }


async def test_a_data_node_that_is_ready_has_its_role_for_a_status() -> None:
    answer = await Operations().get("components?component_type=DN")
    assert [node["components"][0]["status"] for node in answer.json["nodes"]] == ["Primary", "Standby"]


async def test_a_component_that_was_never_checked_is_down() -> None:
    unchecked = replace(state(), components=())
    answer = await Operations(states=(unchecked,)).get("components")
    shown = [component for node in answer.json["nodes"] for component in node["components"]]
    assert {(component["status"], component["detail"]) for component in shown} == {("Down", "not checked yet")}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["cn_5001", "dn_6001", "dn_6002"]),
        ("component_type=ALL&availability_zone_id=ALL", ["cn_5001", "dn_6001", "dn_6002"]),
        ("component_type=CN", ["cn_5001"]),
        ("component_type=DN", ["dn_6001", "dn_6002"]),
        ("component_type=CM", []),
        ("component_type=GTM", []),
        ("component_type=ETCD", []),
        # The standby is in another zone, and comes along with its primary.
        ("availability_zone_id=az1", ["cn_5001", "dn_6001", "dn_6002"]),
        ("availability_zone_id=az2", []),
        ("availability_zone_id=az1&component_type=DN", ["dn_6001", "dn_6002"]),
        ("availability_zone_id=", []),
    ],
)
async def test_components_are_chosen_by_kind_and_by_the_zone_of_their_primary(query: str, ids: list[str]) -> None:
    answer = await Operations().get(f"components?{query}")
    assert [c["id"] for node in answer.json["nodes"] for c in node["components"]] == ids
    assert answer.json["total_count"] == len(answer.json["nodes"]) == len(ids)


@pytest.mark.parametrize(("zone", "ids"), [("az1", ["cn_5001", "dn_6001"]), ("az2", ["dn_6002"])])
async def test_a_data_node_without_a_shard_is_where_it_is_itself(zone: str, ids: list[str]) -> None:
    apart = (COMPONENT, replace(PRIMARY, shard=""), replace(STANDBY, shard=""))
    answer = await of(replace(DISTRIBUTED, components=apart)).get(f"components?availability_zone_id={zone}")
    assert [c["id"] for node in answer.json["nodes"] for c in node["components"]] == ids


async def test_a_shard_without_a_primary_is_in_no_zone() -> None:
    answer = await of(replace(DISTRIBUTED, components=(COMPONENT, STANDBY))).get("components?availability_zone_id=az2")
    assert answer.json == {"nodes": [], "total_count": 0}


@pytest.mark.parametrize(
    ("query", "names"),
    [("limit=2", ["cn-1", "dn-1"]), ("limit=2&offset=2", ["dn-2"]), ("offset=3", []), ("limit=1&offset=1", ["dn-1"])],
)
async def test_nodes_are_paged_and_all_are_counted(query: str, names: list[str]) -> None:
    answer = await Operations().get(f"components?{query}")
    assert [node["name"] for node in answer.json["nodes"]] == names
    assert answer.json["total_count"] == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("component_type=cn", "DBS.280001"),
        ("component_type=", "DBS.280001"),
        ("component_type=CN&component_type=DN", "DBS.280001"),
        ("limit=101", "DBS.280439"),
        ("offset=-1", "DBS.280440"),
    ],
)
async def test_a_wrong_choice_of_components_is_refused(query: str, code: str) -> None:
    assert (await Operations().get(f"components?{query}")).refusal == (400, code)


# --- coordinators ----------------------------------------------------------------------------------------------------


async def test_the_nodes_of_the_coordinators_are_told() -> None:
    answer = await Operations(states=(state(problems={COMPONENT: "x"}),)).get("coordinators")
    assert answer.json == {
        "instance_id": INSTANCE.id,
        "max_reduction_num": 0,
        "nodes": [
            {
                "id": COMPONENT.node_id,
                "name": "cn-1",
                "status": "abnormal",
                "availability_zone": "az1",
                "support_reduce": False,
            }
        ],
    }


async def test_an_instance_without_coordinators_has_no_such_nodes() -> None:
    assert (await of(CENTRALISED).get("coordinators")).json["nodes"] == []


@pytest.mark.parametrize(("query", "status"), [("limit=200", 200), ("limit=201", 400), ("limit=0", 400)])
async def test_a_page_of_coordinators_may_have_two_hundred(query: str, status: int) -> None:
    assert (await Operations().get(f"coordinators?{query}")).status == status


async def test_coordinators_are_paged() -> None:
    assert (await Operations().get("coordinators?offset=1")).json["nodes"] == []

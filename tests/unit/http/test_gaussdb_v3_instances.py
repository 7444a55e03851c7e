"""The lists of instances, under each of their versions, and the versions themselves."""

from dataclasses import replace

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.unit.http.compatible_door import DISTRIBUTED, PRIMARY, PRIMARY_NODE, STANDBY, STANDBY_NODE, Operations, state
from vacate.domain.errors import PermissionDeniedError
from vacate.domain.topology.components import InstanceId, Labels, Node

VERSIONS = ["v3", "v3.1", "v3.2", "v3.3"]
CENTRALISED = replace(
    DISTRIBUTED,
    id=InstanceId("aaaaaaaabbbbbbbbccccccccddddddddin14"),
    name="archive",
    components=(PRIMARY, STANDBY),
    nodes=DISTRIBUTED.nodes[1:],
    labels=Labels(),
)
BOTH = (state(), state(CENTRALISED))

IN_FULL: dict[str, object] = {
    "id": INSTANCE.id,
    "name": "shop",
    "status": "ACTIVE",
    "private_ips": ["192.0.2.11"],
    "public_ips": [],
    "port": 8000,
    "type": "Enterprise",
    "ha": {"consistency": "", "replication_mode": "sync"},
    "replica_num": 2,
    "region": "north-1",
    "datastore": {
        "type": "GaussDB",
        "version": "18.6",
        "complete_version": "18.6",
        "target_version": "",
        "complete_kernel_version": "18.6",
        "hotfix_version_infos": [],
    },
    "created": "",
    "updated": "",
    "db_user_name": "",
    "vpc_id": "vpc-1",
    "subnet_id": "net-1",
    "security_group_id": "",
    "flavor_ref": "",
    "flavor_info": {"vcpu": 0, "mem": 0},
    "volume": {"type": "", "size": 0},
    "switch_strategy": "",
    "backup_strategy": {"start_time": "", "keep_days": 0},
    "maintenance_window": "",
    "nodes": [
        {
            "id": COMPONENT.node_id,
            "name": "cn-1",
            "role": "master",
            "status": "ACTIVE",
            "availability_zone": "az1",
            "private_ip": "192.0.2.11",
            "public_ip": "",
            "component_names": "cn_5001:",
        },
        {
            "id": PRIMARY_NODE,
            "name": "dn-1",
            "role": "master",
            "status": "ACTIVE",
            "availability_zone": "az1",
            "private_ip": "",
            "public_ip": "",
            "component_names": "dn_6001:60011",
        },
        {
            "id": STANDBY_NODE,
            "name": "dn-2",
            "role": "slave",
            "status": "ACTIVE",
            "availability_zone": "az2",
            "private_ip": "",
            "public_ip": "",
            "component_names": "dn_6002:60011",
        },
    ],
    "enterprise_project_id": "0",
    "instance_mode": "",
    "disk_encryption_id": "",
    "charge_info": {"charge_mode": "prePaid"},
    "time_zone": "",
    "tags": [{"key": "team", "value": "checkout"}, {"key": "tier", "value": "1"}],
    "disk_usage": "",
    "mysql_compatibility": {"port": ""},
}


def listed(version: str = "v3.3", query: str = "") -> str:
    return f"/{version}/{PROJECT}/instances?{query}"


async def names(query: str) -> list[str]:
    answer = await Operations(states=BOTH).send("GET", listed(query=query))
    assert answer.status == 200, answer.body
    found = [instance["name"] for instance in answer.json["instances"]]
    assert answer.json["total_count"] >= len(found)
    return found


@pytest.mark.parametrize("version", ["v3.2", "v3.3"])
async def test_an_instance_is_told_in_every_field_of_the_contract(version: str) -> None:
    operations = Operations()
    answer = await operations.send("GET", listed(version))
    assert answer.json == {"instances": [IN_FULL], "total_count": 1}
    assert operations.asked == [("describe_instances", PROJECT)]


@pytest.mark.parametrize("version", ["v3", "v3.1"])
async def test_the_first_versions_also_tell_of_backups(version: str) -> None:
    answer = await Operations().send("GET", listed(version))
    assert answer.json["instances"] == [IN_FULL | {"backup_used_space": "0"}]


@pytest.mark.parametrize("version", ["V3", "v3.4", "v2", "v3.", "v4"])
async def test_there_are_no_other_versions(version: str) -> None:
    assert (await Operations().send("GET", listed(version))).refusal == (404, "APIGW.0101")
    assert (await Operations().send("GET", f"/{version}")).refusal == (404, "APIGW.0101")


async def test_clients_of_an_instance_without_coordinators_go_to_its_data_nodes() -> None:
    (row,) = (await Operations(states=(state(CENTRALISED),)).send("GET", listed())).json["instances"]
    assert (row["type"], row["private_ips"]) == ("Ha", ["192.0.2.12", "192.0.2.13"])
    assert [node["private_ip"] for node in row["nodes"]] == ["192.0.2.12", "192.0.2.13"]


async def test_addresses_that_are_not_told_or_told_twice_are_left_out() -> None:
    nodes = tuple(replace(node, address=address) for node, address in zip(CENTRALISED.nodes, ("", ""), strict=True))
    third = Node(id=COMPONENT.node_id, name="dn-3", address="192.0.2.12")
    second = replace(CENTRALISED.nodes[1], address="192.0.2.12")
    on_third = replace(STANDBY, node_id=third.id)
    for instance, addresses in (
        (replace(CENTRALISED, nodes=nodes), []),
        (
            replace(CENTRALISED, nodes=(second, third), components=(*CENTRALISED.components, on_third)),
            ["192.0.2.12"],
        ),
    ):
        (row,) = (await Operations(states=(state(instance),)).send("GET", listed())).json["instances"]
        assert row["private_ips"] == addresses


@pytest.mark.parametrize(
    ("down", "status", "nodes"),
    [
        ([], "ACTIVE", ["ACTIVE", "ACTIVE", "ACTIVE"]),
        ([PRIMARY, STANDBY], "ACTIVE", ["ACTIVE", "FAILED", "FAILED"]),
        ([COMPONENT, PRIMARY, STANDBY], "FAILED", ["FAILED", "FAILED", "FAILED"]),
    ],
)
async def test_an_instance_is_active_as_long_as_a_component_is_ready(
    down: list[object], status: str, nodes: list[str]
) -> None:
    problems = {component: "x" for component in DISTRIBUTED.components if component in down}
    (row,) = (await Operations(states=(state(problems=problems),)).send("GET", listed())).json["instances"]
    assert (row["status"], [node["status"] for node in row["nodes"]]) == (status, nodes)


async def test_a_version_that_was_never_read_is_empty() -> None:
    (row,) = (await Operations(states=(state(version=None),)).send("GET", listed())).json["instances"]
    assert row["datastore"]["version"] == ""


async def test_a_node_names_all_of_its_components() -> None:
    together = replace(PRIMARY, node_id=COMPONENT.node_id)
    instance = replace(DISTRIBUTED, components=(COMPONENT, together, STANDBY))
    (row,) = (await Operations(states=(state(instance),)).send("GET", listed())).json["instances"]
    assert row["nodes"][0]["component_names"] == "cn_5001:;dn_6001:60011"


@pytest.mark.parametrize(
    ("components", "replicas"),
    [
        ((COMPONENT,), 0),
        ((COMPONENT, PRIMARY, STANDBY), 2),
        ((replace(PRIMARY, shard=""), replace(STANDBY, shard="")), 1),
        ((PRIMARY, replace(STANDBY, shard="60012")), 1),
    ],
)
async def test_replicas_are_counted_in_the_largest_shard(components: tuple[object, ...], replicas: int) -> None:
    instance = replace(DISTRIBUTED, components=components)
    (row,) = (await Operations(states=(state(instance),)).send("GET", listed())).json["instances"]
    assert row["replica_num"] == replicas


# --- which instances -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["shop", "archive"]),
        ("unknown=1&unknown=2", ["shop", "archive"]),
        (f"id={INSTANCE.id}", ["shop"]),
        (f"id={INSTANCE.id[:10]}", []),
        (f"id=*{INSTANCE.id[5:10]}", ["shop"]),
        (f"id=%2A{INSTANCE.id[5:10]}", ["shop"]),
        ("id=*in14", ["shop", "archive"]),
        ("name=shop", ["shop"]),
        ("name=Shop", []),
        ("name=sho", []),
        ("name=*ho", ["shop"]),
        ("name=*h", ["shop", "archive"]),
        ("name=", ["shop", "archive"]),
        ("type=Enterprise", ["shop"]),
        ("type=Ha", ["archive"]),
        ("datastore_type=GaussDB", ["shop", "archive"]),
        ("vpc_id=vpc-1", ["shop"]),
        ("vpc_id=vpc-2", []),
        ("subnet_id=net-1", ["shop"]),
        ("charge_mode=prePaid", ["shop"]),
        ("charge_mode=postPaid", ["archive"]),
        ("type=Ha&name=shop", []),
        ("tags=team:checkout", ["shop"]),
        ("tags=team%3Acheckout", ["shop"]),
        ("tags=team:+checkout+", ["shop"]),
        ("tags=team:", ["shop"]),
        ("tags=team", ["shop"]),
        ("tags=team:other", []),
        ("tags=other:", []),
        ("tags=team:checkout&tags=tier:1", ["shop"]),
        ("tags=team:checkout&tags=tier:2", []),
        ("tags=team:other&tags=team:checkout", ["shop"]),
        ("tags=team:checkout,tier:1", ["shop"]),
        ("tags=", ["shop", "archive"]),
        ("&".join("tags=team:checkout" for _ in range(10)), ["shop"]),
    ],
)
async def test_instances_are_chosen_by_all_that_is_given(query: str, found: list[str]) -> None:
    assert await names(query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [("limit=1", ["shop"]), ("limit=1&offset=1", ["archive"]), ("offset=2", []), ("name=*h&offset=1", ["archive"])],
)
async def test_instances_are_paged_and_all_that_were_chosen_are_counted(query: str, found: list[str]) -> None:
    assert await names(query) == found
    assert (await Operations(states=BOTH).send("GET", listed(query=query))).json["total_count"] == 2


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("id=*", "DBS.280001", "`id` is a lone *"),
        ("name=%2A", "DBS.280001", "`name` is a lone *"),
        ("type=enterprise", "DBS.280001", "`$.type`"),
        ("type=", "DBS.280001", "`$.type`"),
        ("datastore_type=MySQL", "DBS.280001", "`$.datastore_type`"),
        ("charge_mode=free", "DBS.280001", "`$.charge_mode`"),
        ("name=a&name=b", "DBS.280001", "`name` is more than once"),
        ("tags=:checkout", "DBS.280001", "has no key"),
        ("tags=%20:x", "DBS.280001", "has no key"),
        ("&".join(f"tags=k{n}:" for n in range(11)), "DBS.280001", "`$.tags`"),
        ("limit=0", "DBS.280439", "`$.limit`"),
        ("offset=x", "DBS.280440", "`$.offset`"),
        ("limit=1&limit=2", "DBS.280001", "`limit` is more than once"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_wrong_choice_is_refused_and_named(version: str, query: str, code: str, says: str) -> None:
    operations = Operations()
    answer = await operations.send("GET", listed(version, query))
    assert answer.refusal == (400, code)
    assert says in answer.json["error_msg"]
    assert operations.asked == []


async def test_who_may_not_look_is_refused() -> None:
    operations = Operations(fails_with=PermissionDeniedError(role="none", permission="view"))
    assert (await operations.send("GET", listed())).refusal == (403, "DBS.280015")


# --- the versions ----------------------------------------------------------------------------------------------------


async def test_anybody_may_ask_for_the_versions() -> None:
    operations = Operations()
    answer = await operations.send("GET", "/")
    assert [version["id"] for version in answer.json["versions"]] == VERSIONS
    assert answer.json["versions"][0] == {
        "id": "v3",
        "links": [],
        "status": "CURRENT",
        "version": "",
        "min_version": "",
        "updated": "2017-02-07T17:34:02Z",
    }
    assert operations.admitted == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_version_is_told_as_it_is_in_the_list(version: str) -> None:
    listed_ones = (await Operations().send("GET", "/")).json["versions"]
    answer = await Operations().send("GET", f"/{version}")
    assert answer.json == {"version": next(entry for entry in listed_ones if entry["id"] == version)}


async def test_later_versions_link_to_themselves() -> None:
    listed_ones = (await Operations().send("GET", "/")).json["versions"]
    links = {entry["id"]: entry["links"] for entry in listed_ones}
    assert links == {
        "v3": [],
        "v3.1": [],
        "v3.2": [{"href": "/v3.2", "rel": "self"}],
        "v3.3": [{"href": "/v3.3", "rel": "self"}],
    }

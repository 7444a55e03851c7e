"""Patroni's answer becomes a roster, and an address that cannot be one is refused without being repeated."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vacate.domain.discovery.facts import DiscoveryError, Member
from vacate.domain.topology.dsn import Address
from vacate.inventory.patroni import PatroniCluster, understood

MEMBER = {
    "name": "postgresql0",
    "role": "leader",
    "state": "running",
    "api_url": "http://10.0.0.11:8008/patroni",
    "host": "10.0.0.11",
    "port": 5432,
    "timeline": 5,
    "tags": {"clonefrom": True},
}


def answer(*members: Mapping[str, object], **others: object) -> bytes:
    return json.dumps({"members": members, **others}).encode()


def test_members_come_in_patronis_order_with_what_matters_of_them() -> None:
    replica = {**MEMBER, "name": "b", "role": "sync_standby", "state": "streaming", "host": "DB2", "lag": "unknown"}
    roster = understood(answer(MEMBER, replica, scope="batman", pause=True))
    assert roster.name == "batman"
    assert roster.members == (
        Member(name="postgresql0", role="leader", state="running", address=Address(host="10.0.0.11", port=5432)),
        Member(name="b", role="sync_standby", state="streaming", address=Address(host="db2", port=5432)),
    )
    assert [each.is_leader for each in roster.members] == [True, False]


def test_an_old_patroni_that_does_not_name_the_cluster_is_understood() -> None:
    assert understood(answer({**MEMBER, "role": "master", "port": "5432"})).name == ""


def test_a_member_without_an_address_is_kept_for_whoever_decides() -> None:
    bare = {key: MEMBER[key] for key in ("name", "role")} | {"state": "creating replica"}
    (member,) = understood(answer(bare)).members
    assert member.address == Address(host="", port=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"members": []}',
        b'{"members": [{}]}',
        b'{"members": [{"name": "a", "role": null, "state": "running"}]}',
        b'{"members": [{"name": "a", "role": "leader", "state": "running", "port": "x"}]}',
        b'{"members": [{"name": "\xff", "role": "leader", "state": "running"}]}',
    ],
)
def test_what_is_no_roster_is_refused(body: bytes) -> None:
    with pytest.raises(DiscoveryError, match="Patroni"):
        understood(body)


@given(st.binary(max_size=200))
def test_no_answer_breaks_it(body: bytes) -> None:
    with pytest.raises(DiscoveryError):
        understood(body)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.11:8008", "http://10.0.0.11:8008/", "https://db1", "http://[::1]:8008/cluster"]
)
def test_an_address_with_or_without_a_port_is_taken(url: str) -> None:
    assert PatroniCluster(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "10.0.0.11:8008",
        "ftp://hunter2",
        "http://",
        "http://admin:hunter2@10.0.0.11:8008",
        "http://10.0.0.11:hunter2",
        "http://10.0.0.11:70000/hunter2",
        "http://[hunter2",
        "http://10.0.0.11:8008/patroni/hunter2",
        "http://10.0.0.11:8008/?hunter2",
        "http://10.0.0.11:8008/#hunter2",
        "http://10.0.0.11:8008/\n",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DiscoveryError, match="must be like") as refused:
        PatroniCluster(url)
    assert "hunter2" not in str(refused.value)

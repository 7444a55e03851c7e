"""Which connections stay when there is no room for all of them."""

from dataclasses import dataclass

import pytest

from vacate.cli.admission import Admission, Standing
from vacate.cli.descriptors import room_for_connections
from vacate.cli.port_limits import PortLimits, port_limits
from vacate.domain.errors import SettingsError
from vacate.settings.file import ConnectionsSection

ATTACKER, CLIENT, PROXY = "203.0.113.66", "198.51.100.7", "127.0.0.1"


@dataclass(eq=False, kw_only=True)
class Link:
    """A connection that only remembers whether it was closed."""

    source: str = ATTACKER
    standing: Standing = Standing.WAITS_FOR_PEER
    open: bool = True

    def let_go(self) -> None:
        self.open = False


def admission(*, room: int = 1000, most: int = 100, unproven: int = 20, per_source: int = 10) -> Admission:
    return Admission(PortLimits(most=most, unproven=unproven, unproven_per_source=per_source), room)


def admitted(where: Admission, *links: Link) -> list[Link]:
    for link in links:
        assert where.admit(link)
    return list(links)


def test_of_one_source_the_oldest_idle_connection_gives_way() -> None:
    where = admission()
    links = admitted(where, *(Link() for _ in range(10)))
    where.used(links[0])
    admitted(where, Link())
    assert [link.open for link in links] == [True, False, *[True] * 8]
    assert len(where) == 10


def test_a_trusted_source_may_hold_more() -> None:
    where = admission()
    links = admitted(where, *(Link(source=PROXY) for _ in range(20)))
    assert all(link.open for link in links)


def test_when_all_is_full_the_source_with_the_most_gives_way() -> None:
    where = admission(per_source=15)
    mine = admitted(where, *(Link(source=CLIENT) for _ in range(5)))
    theirs = admitted(where, *(Link() for _ in range(15)))
    admitted(where, Link(source="192.0.2.1"))
    assert all(link.open for link in mine)
    assert [link.open for link in theirs] == [False, *[True] * 14]


def test_a_request_that_is_answered_is_never_broken_off() -> None:
    where = admission(per_source=20)
    links = admitted(where, *(Link(standing=Standing.IS_ANSWERED) for _ in range(20)))
    assert not where.admit(Link())
    links[7].standing = Standing.ASKS
    assert where.admit(Link())
    assert [link.open for link in links].index(False) == 7


def test_whoever_waits_for_its_peer_gives_way_before_whoever_asks() -> None:
    where = admission()
    links = admitted(where, *(Link(standing=Standing.ASKS) for _ in range(10)))
    links[4].standing = Standing.WAITS_FOR_PEER
    admitted(where, Link())
    assert [link.open for link in links].index(False) == 4


def test_a_proved_connection_keeps_its_place_whatever_others_open() -> None:
    where = admission()
    (proved,) = admitted(where, Link())
    where.prove(proved)
    for number in range(500):
        admitted(where, Link(source=f"10.0.0.{number % 100}"))
    assert proved.open
    assert len(where) == 21


def test_proved_connections_leave_a_place_for_new_ones() -> None:
    where = admission(most=10, unproven=5)
    links = admitted(where, *(Link() for _ in range(5)))
    for link in links:
        where.prove(link)
    more = admitted(where, *(Link() for _ in range(5)))
    for link in more:
        where.prove(link)
    admitted(where, Link())
    assert [link.open for link in links] == [False, *[True] * 4]
    assert len(where) == 10


def test_what_left_takes_no_place() -> None:
    where = admission()
    for _ in range(100):
        (link,) = admitted(where, Link())
        where.leave(link)
        where.leave(link)
        assert link.open
    assert len(where) == 0


@pytest.mark.parametrize(("open_files", "room"), [(20_000, 19_744), (1024, 768), (256, 128)])
def test_files_are_kept_aside_for_everything_else(open_files: int, room: int) -> None:
    assert room_for_connections(open_files, 256) == room


def test_the_room_there_is_bounds_what_was_asked_for() -> None:
    where = admission(room=12, most=100, unproven=100, per_source=100)
    links = admitted(where, *(Link() for _ in range(9)))
    admitted(where, Link())
    assert not links[0].open


def test_a_network_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match=r"connections\.trusted: .*10\.0\.0\.1/8"):
        port_limits(ConnectionsSection(trusted=("10.0.0.1/8",)))


def test_the_defaults_are_the_same_with_and_without_a_file() -> None:
    assert port_limits(ConnectionsSection()) == PortLimits()

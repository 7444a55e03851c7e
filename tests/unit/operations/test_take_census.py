"""A census counts the last snapshot of every component, and leaves out those of which nothing is known now."""

from datetime import UTC, datetime, timedelta

from tests.support.hurry import run
from tests.support.watched import WatchedGateway, WatchedLink, component, instance_of, inventory_of
from vacate.domain.sessions.census import Census, Uncounted
from vacate.domain.sessions.session import IDLE
from vacate.domain.sessions.slots import Slots
from vacate.domain.topology.components import Component
from vacate.operations.reading.take_census import TakeCensus

CN, ONE, TWO = component("cn_5001"), component("dn_6001"), component("dn_6002")
INSTANCE = instance_of(CN, ONE, TWO)
GOOD_FOR = timedelta(seconds=40)


class Scene:
    """Three components with one idle session each, all read once."""

    def __init__(self) -> None:
        self.links = {each: WatchedLink(component=each) for each in (CN, ONE, TWO)}
        self.now = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
        for link in self.links.values():
            link.server.now = self.now
            link.server.open()
        self.gateway = WatchedGateway(self.links)
        self.census = TakeCensus(
            inventory=inventory_of(INSTANCE), gateway=self.gateway, clock=lambda: self.now, good_for=GOOD_FOR
        )
        for each in self.links:
            self.read(each)

    def read(self, component: Component) -> None:
        self.gateway.snapshots[component] = run(self.links[component].snapshot())

    def take(self) -> dict[str, Census | Uncounted]:
        return {entry.component.id: entry for entry in run(self.census())}


def counted(found: dict[str, Census | Uncounted]) -> list[str]:
    return [name for name, entry in found.items() if isinstance(entry, Census)]


def reason(entry: Census | Uncounted) -> str:
    assert isinstance(entry, Uncounted)
    return entry.reason


def test_every_component_is_counted_in_the_order_of_the_configuration() -> None:
    found = Scene().take()
    assert list(found) == ["cn_5001", "dn_6001", "dn_6002"]
    for entry in found.values():
        assert isinstance(entry, Census)
        assert [(each.state, each.sessions) for each in entry.counts] == [(IDLE, 1)]
        assert entry.slots == Slots(maximum=100, reserved=3, used=1)


def test_no_server_is_asked() -> None:
    scene = Scene()
    scene.take()
    assert not scene.gateway.asked


def test_a_component_that_was_found_in_no_state_to_be_read_is_left_out_with_the_reason() -> None:
    scene = Scene()
    scene.gateway.problems[ONE] = "the role is locked"
    found = scene.take()
    assert counted(found) == ["cn_5001", "dn_6002"]
    assert reason(found["dn_6001"]) == "the role is locked"


def test_a_component_that_was_never_read_is_left_out() -> None:
    scene = Scene()
    del scene.gateway.snapshots[TWO]
    found = scene.take()
    assert counted(found) == ["cn_5001", "dn_6001"]
    assert reason(found["dn_6002"]) == "it was not read yet"


def test_a_snapshot_that_is_too_old_tells_nothing_of_now() -> None:
    scene = Scene()
    scene.now += GOOD_FOR
    assert len(counted(scene.take())) == 3
    scene.now += timedelta(seconds=1)
    assert reason(scene.take()["cn_5001"]) == "it was last read 41 s ago"


def test_a_new_snapshot_is_counted_anew() -> None:
    scene = Scene()
    scene.take()
    scene.links[CN].server.open()
    unread = scene.take()["cn_5001"]
    scene.read(CN)
    read = scene.take()["cn_5001"]
    assert isinstance(unread, Census)
    assert isinstance(read, Census)
    assert (unread.slots.used, read.slots.used) == (1, 2)


def test_a_census_is_of_the_time_of_its_snapshot() -> None:
    scene = Scene()
    read_at = scene.gateway.snapshots[CN].taken_at
    scene.now += timedelta(seconds=5)
    found = scene.take()["cn_5001"]
    assert isinstance(found, Census)
    assert found.taken_at == read_at

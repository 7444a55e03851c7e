"""A server is compared with what its component should be, before anything is asked of it."""

import pytest

from tests.support.in_process import COMPONENT, COORDINATOR, STANDBY
from vacate.components.capabilities import Capabilities, check
from vacate.components.recognition import ServerSoftware
from vacate.domain.errors import MissingRightsError, WrongServerError
from vacate.domain.topology.components import Component
from vacate.domain.topology.servers import Engine

SOFTWARE = ServerSoftware(engine=Engine.GAUSSDB, version="505.2.1")


class Pinned:
    """Pins in memory."""

    def __init__(self) -> None:
        self.kept: dict[Component, str] = {}

    async def pinned(self, component: Component) -> str | None:
        return self.kept.get(component)

    async def pin(self, component: Component, system_identifier: str) -> str:
        return self.kept.setdefault(component, system_identifier)


def found(
    *,
    identifier: str = "7001",
    in_recovery: bool = False,
    node_name: str | None = None,
    remedies: tuple[str, ...] = (),
) -> Capabilities:
    return Capabilities(
        software=SOFTWARE,
        system_identifier=identifier,
        in_recovery=in_recovery,
        maximum=100,
        reserved=3,
        node_name=node_name,
        remedies=remedies,
    )


async def test_the_first_server_is_pinned_and_another_one_refused() -> None:
    pins = Pinned()
    await check(found(), COMPONENT, pins)
    await check(found(), COMPONENT, pins)
    with pytest.raises(WrongServerError, match=r"7002.*pinned to 7001.*vacate component unpin"):
        await check(found(identifier="7002"), COMPONENT, pins)


@pytest.mark.parametrize(
    ("component", "in_recovery", "words"), [(COMPONENT, True, "a standby"), (STANDBY, False, "a primary")]
)
async def test_the_other_role_is_refused_and_not_pinned(component: Component, in_recovery: bool, words: str) -> None:  # noqa: FBT001
    pins = Pinned()
    with pytest.raises(WrongServerError, match=f"it is {words}.*correct the role"):
        await check(found(in_recovery=in_recovery), component, pins)
    assert not pins.kept


@pytest.mark.parametrize(
    ("component", "name"),
    [(COMPONENT, "cn_5001"), (COORDINATOR, "dn_6001"), (COORDINATOR, "dn_6001_6002_6003")],
)
async def test_a_node_of_the_other_kind_is_refused_and_not_pinned(component: Component, name: str) -> None:
    pins = Pinned()
    with pytest.raises(WrongServerError, match=f"its node name is {name}.*correct the component's kind"):
        await check(found(node_name=name), component, pins)
    assert not pins.kept


@pytest.mark.parametrize(
    ("component", "name"),
    [(COMPONENT, "dn_6001_6002_6003"), (COORDINATOR, "cn_5001"), (COMPONENT, "sgnode"), (COORDINATOR, None)],
)
async def test_a_node_of_the_kind_or_with_a_name_of_its_own_is_taken(component: Component, name: str | None) -> None:
    await check(found(node_name=name), component, Pinned())


async def test_what_lacks_is_named_with_what_to_run() -> None:
    with pytest.raises(MissingRightsError) as refused:
        await check(found(remedies=('ALTER USER "v" MONADMIN;',)), COMPONENT, Pinned())
    assert refused.value.remedies == ('ALTER USER "v" MONADMIN;',)

"""A link that adds what only Vacate knows: what sessions were seen to hold, and which are its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.server_model import ModelLink, ServerModel
from vacate.domain.sessions import Held, Session
from vacate.engines.recollection import CompletedLink, Recollection

LISTENING = Held(listening=True)


@dataclass(kw_only=True)
class World:
    server: ServerModel = field(default_factory=ServerModel)
    recollection: Recollection = field(default_factory=Recollection)
    own_users: frozenset[str] = frozenset()

    async def look(self) -> Sequence[Session]:
        link = CompletedLink(
            link=ModelLink(server=self.server), recollection=self.recollection, own_users=self.own_users
        )
        return await link.look()


async def test_a_look_brings_what_earlier_looks_saw() -> None:
    world = World()
    listener = world.server.open(query="LISTEN jobs")
    (first,) = await world.look()
    world.server.change(listener, query="SELECT 1")
    (second,) = await world.look()
    assert (first.held, second.held) == (LISTENING, LISTENING)


async def test_whoever_gets_an_id_again_has_no_past() -> None:
    world = World()
    listener = world.server.open(query="LISTEN jobs")
    await world.look()
    world.server.reuse(listener)
    (found,) = await world.look()
    assert found.session_id == listener
    assert found.held == Held()
    assert not world.recollection.held


async def test_what_is_seen_in_between_counts_as_well() -> None:
    world = World()
    session_id = world.server.open()
    key = world.server.key(session_id)
    world.recollection.saw([(key.session_id, key.backend_start, "DECLARE c CURSOR WITH HOLD FOR SELECT 1")])
    (found,) = await world.look()
    assert found.held.cursors == {"c"}


async def test_only_the_name_and_the_user_together_make_a_session_vacates_own() -> None:
    world = World(own_users=frozenset({"vacate_store"}))
    own = world.server.open(application="vacate", user="vacate_store")
    world.server.open(application="vacate", user="app")
    world.server.open(application="psql", user="vacate_store")
    assert {session.session_id for session in await world.look() if session.own} == {own}

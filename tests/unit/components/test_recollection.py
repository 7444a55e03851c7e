"""What only Vacate knows of sessions: what they were seen to hold, and which are its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.server_model import ServerModel
from vacate.components.recollection import Recollection
from vacate.domain.sessions.session import Held, Session

LISTENING = Held(listening=True)


@dataclass(kw_only=True)
class World:
    server: ServerModel = field(default_factory=ServerModel)
    recollection: Recollection = field(default_factory=Recollection)
    own_users: frozenset[str] = frozenset()

    def look(self) -> Sequence[Session]:
        listed = self.server.listed()
        self.recollection.saw((each.session_id, each.backend_start, each.query) for each in listed)
        return [self.recollection.completed(each, self.own_users) for each in listed]


def test_a_look_brings_what_earlier_looks_saw() -> None:
    world = World()
    listener = world.server.open(query="LISTEN jobs")
    (first,) = world.look()
    world.server.change(listener, query="SELECT 1")
    (second,) = world.look()
    assert (first.held, second.held) == (LISTENING, LISTENING)


def test_whoever_gets_an_id_again_has_no_past() -> None:
    world = World()
    listener = world.server.open(query="LISTEN jobs")
    world.look()
    world.server.reuse(listener)
    (found,) = world.look()
    assert found.session_id == listener
    assert found.held == Held()
    assert not world.recollection.held


def test_what_is_seen_in_between_counts_as_well() -> None:
    world = World()
    session_id = world.server.open()
    key = world.server.key(session_id)
    world.recollection.saw([(key.session_id, key.backend_start, "DECLARE c CURSOR WITH HOLD FOR SELECT 1")])
    (found,) = world.look()
    assert found.held.cursors == {"c"}


def test_only_the_name_and_the_user_together_make_a_session_vacates_own() -> None:
    world = World(own_users=frozenset({"vacate_store"}))
    own = world.server.open(application="vacate", user="vacate_store")
    world.server.open(application="vacate", user="app")
    world.server.open(application="psql", user="vacate_store")
    assert {session.session_id for session in world.look() if session.own} == {own}

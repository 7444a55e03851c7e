"""Who is hit in a thread pool, where a pid says nothing: an idle session has none, a busy one only for a while.

Nothing is drawn here: these are the shortest stories in which it matters that a session is found by its id.
"""

from collections import deque
from collections.abc import Callable, Sequence

import pytest

from tests.support.fakes import World
from tests.support.hurry import run
from tests.support.server_model import Kind, ModelLink, ServerModel
from tests.unit.operations.test_kill_idle_interleaved import world_of
from vacate.domain.sweeps.report import Outcome, Report

FITS_IN_32_BITS = 2**32


def after_the_look(world: World, change: Callable[[], object]) -> None:
    """Let the change happen right before the first victim is read a second time."""
    left = deque[Callable[[], object]]([lambda: None, change])

    def next_change() -> None:
        if left:
            left.popleft()()

    world.link.meanwhile = next_change


def outcomes(report: Report) -> dict[int, Outcome]:
    return {entry.session.session_id: entry.outcome for entry in report.sessions}


# --- what the model is -----------------------------------------------------------------------------------------------


def test_ids_are_counted_and_an_idle_session_has_no_pid() -> None:
    server = ServerModel(kind=Kind.POOL)
    assert [server.open() for _ in range(3)] == [1, 2, 3]
    assert {server.session(each).pid for each in server.session_ids()} == {0}


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL, Kind.THREADS])
def test_without_a_pool_the_pid_is_the_id(kind: Kind) -> None:
    server = ServerModel(kind=kind)
    session_id = server.open()
    for does in (server.wake, server.begin, server.arrive, server.rest, server.reuse):
        does(session_id)
        assert server.session(session_id).pid == session_id
    assert (session_id > FITS_IN_32_BITS) == (kind is Kind.THREADS)


def test_a_worker_is_kept_to_the_end_of_the_transaction_and_serves_another_session_afterwards() -> None:
    server = ServerModel(kind=Kind.POOL)
    first, second = server.open(), server.open()
    server.begin(first)
    worker = server.session(first).pid
    server.wake(first)
    assert server.session(first).pid == worker > FITS_IN_32_BITS
    server.wake(second)
    assert server.session(second).pid > worker
    server.rest(second)
    server.rest(first)
    server.wake(second)
    assert (server.session(first).pid, server.session(second).pid) == (0, worker)


def signal(server: ServerModel, session_id: int) -> None:
    assert server.terminate_session(server.session(session_id).pid, session_id)


@pytest.mark.parametrize("leave", [ServerModel.end, signal], ids=["by itself", "by a signal"])
def test_whoever_ends_leaves_its_worker_to_the_next(leave: Callable[[ServerModel, int], object]) -> None:
    server = ServerModel(kind=Kind.POOL)
    first, second = server.open(), server.open()
    server.wake(first)
    worker = server.session(first).pid
    leave(server, first)
    server.wake(second)
    assert server.session(second).pid == worker


def test_after_a_restart_an_id_is_another_session() -> None:
    server = ServerModel(kind=Kind.POOL)
    before = server.key(server.open())
    server.restart()
    after = server.key(server.open())
    assert before.session_id == after.session_id == 1
    assert before != after


def test_a_session_past_the_pool_has_a_thread_of_its_own() -> None:
    server = ServerModel(kind=Kind.POOL)
    server.open()
    past = server.open(past_the_pool=True)
    server.wake(past)
    server.rest(past)
    assert server.session(past).pid == past > FITS_IN_32_BITS


@pytest.mark.parametrize("kind", Kind)
def test_a_link_says_which_engine_the_server_is(kind: Kind) -> None:
    snapshot = run(ModelLink(server=ServerModel(kind=kind)).snapshot())
    assert snapshot.engine.of_gauss_family == (kind is not Kind.POSTGRESQL)


# --- the right session, by the right function ------------------------------------------------------------------------


def test_idle_sessions_end_in_the_pool_and_past_it() -> None:
    world = world_of(Kind.POOL)
    ids = [world.server.open(), world.server.open(past_the_pool=True), world.server.open()]
    assert outcomes(world.sweep()) == dict.fromkeys(ids, Outcome.TERMINATED)
    assert [seen.session_id for seen in world.server.signals] == ids


def test_an_idle_session_that_has_just_got_a_worker_was_used() -> None:
    world = world_of(Kind.POOL)
    session_id = world.server.open()
    after_the_look(world, lambda: world.server.arrive(session_id))
    assert outcomes(world.sweep()) == {session_id: Outcome.WOKE}
    assert world.server.session(session_id).state == "idle"


def test_an_idle_session_that_has_a_worker_at_the_look_already_was_used_too() -> None:
    world = world_of(Kind.POOL)
    session_id = world.server.open()
    world.server.arrive(session_id)
    assert outcomes(world.sweep()) == {session_id: Outcome.WOKE}
    assert world.server.signals == []


def test_whoever_has_the_id_after_a_restart_lives_on() -> None:
    world = world_of(Kind.POOL)
    ids = [world.server.open(), world.server.open()]
    after_the_look(world, lambda: world.server.reuse(ids[0]))
    assert outcomes(world.sweep()) == dict.fromkeys(ids, Outcome.GONE)
    assert world.server.session_ids() == tuple(ids)


def busy_and_idle(world: World) -> Sequence[int]:
    """Two sessions, of which the first hands its worker on to the second after the look."""
    busy, idle = world.server.open(), world.server.open()
    world.server.begin(busy)
    after_the_look(world, lambda: world.server.pass_on(busy))
    return busy, idle


def test_a_named_session_ends_and_not_the_one_that_has_got_its_worker() -> None:
    world = world_of(Kind.POOL)
    named, other = busy_and_idle(world)
    assert outcomes(world.kill_named(named)) == {named: Outcome.TERMINATED}
    assert world.server.session_ids() == (other,)


def test_a_transaction_that_has_ended_leaves_whoever_has_got_its_worker_alone() -> None:
    world = world_of(Kind.POOL)
    named, other = busy_and_idle(world)
    assert outcomes(world.kill_named_transactions(named)) == {named: Outcome.WOKE}
    assert world.server.session_ids() == (named, other)

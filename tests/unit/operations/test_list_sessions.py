"""The sessions of a component: those with a client address, the oldest first, all of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, OTHER_PROJECT, PROJECT, TARGET
from tests.support.watched import (
    SEEN_AT,
    WatchedGateway,
    WatchedLink,
    busy,
    idle,
    in_transaction,
    instance_of,
    inventory_of,
)
from vacate.domain.access.identity import Role
from vacate.domain.errors import ComponentUnknownError, ComponentUnreachableError, ProjectMismatchError
from vacate.domain.sessions.activity import Activity, ActivityFilter
from vacate.domain.topology.components import ComponentId
from vacate.operations.reading.list_sessions import ListSessions

EVERYBODY = ActivityFilter()


def listing(*activities: Activity) -> ListSessions:
    return ListSessions(
        inventory=inventory_of(instance_of(COMPONENT)),
        gateway=WatchedGateway({COMPONENT: WatchedLink(activities=activities)}),
    )


def test_sessions_with_a_client_address_are_listed_the_oldest_first() -> None:
    young, old = idle(pid=1, backend_start=SEEN_AT), busy(pid=2, backend_start=SEEN_AT - timedelta(days=1))
    local = idle(pid=3, client_address=None, client_port=-1)
    assert run(listing(young, local, old)(actor(), TARGET, EVERYBODY)) == (old, young)


def test_two_thousand_sessions_are_all_listed() -> None:
    crowd = tuple(idle(pid=pid) for pid in range(1, 2001))
    assert run(listing(*reversed(crowd))(actor(), TARGET, EVERYBODY)) == crowd


def test_only_what_the_filter_wants_is_listed() -> None:
    wanted = ActivityFilter(user="batch")
    assert run(listing(idle(), idle(user="batch"))(actor(), TARGET, wanted)) == (idle(user="batch"),)


def test_a_viewer_sees_the_sessions_and_not_their_statements() -> None:
    listed = run(listing(idle(pid=1), in_transaction(pid=2))(actor(Role.VIEWER), TARGET, EVERYBODY))
    assert listed == (idle(pid=1, query=None), in_transaction(pid=2, query=None))


def test_an_operator_reads_the_statements() -> None:
    assert run(listing(idle(pid=1))(actor(Role.OPERATOR), TARGET, EVERYBODY)) == (idle(pid=1),)


def test_nobody_sees_another_projects_sessions() -> None:
    with pytest.raises(ProjectMismatchError):
        run(listing(idle())(actor(Role.ADMIN, project_id=OTHER_PROJECT), TARGET, EVERYBODY))


def test_who_may_not_ask_learns_nothing_of_what_there_is() -> None:
    nowhere = replace(TARGET, component_id=ComponentId("cn_9999"))
    with pytest.raises(ProjectMismatchError):
        run(listing()(actor(project_id=OTHER_PROJECT), nowhere, EVERYBODY))
    with pytest.raises(ComponentUnknownError):
        run(listing()(actor(project_id=PROJECT), nowhere, EVERYBODY))


def test_a_component_that_does_not_answer_is_an_error() -> None:
    dead = WatchedLink(fails=ComponentUnreachableError("the cable was cut"))
    operation = replace(listing(), gateway=WatchedGateway({COMPONENT: dead}))
    with pytest.raises(ComponentUnreachableError, match="the cable was cut"):
        run(operation(actor(), TARGET, EVERYBODY))

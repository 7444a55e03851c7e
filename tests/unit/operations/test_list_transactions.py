"""The open transactions of a component, the longest open first."""

from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, OTHER_PROJECT, TARGET
from tests.support.watched import WatchedGateway, WatchedLink, busy, idle, in_transaction, instance_of, inventory_of
from vacate.domain.access.identity import Role
from vacate.domain.errors import ProjectMismatchError
from vacate.domain.sessions.activity import Activity, TransactionFilter
from vacate.operations.reading.list_transactions import ListTransactions

MINUTE = timedelta(minutes=1)
LONG = in_transaction(2 * MINUTE, pid=1, client_address=None)
SHORT = busy(pid=2)
OTHERS = in_transaction(MINUTE, pid=3, user="batch")


def listed(
    wanted: TransactionFilter, *, role: Role = Role.OPERATOR, project: str | None = None
) -> tuple[Activity, ...]:
    operation = ListTransactions(
        inventory=inventory_of(instance_of(COMPONENT)),
        gateway=WatchedGateway({COMPONENT: WatchedLink(activities=(SHORT, idle(pid=4), OTHERS, LONG))}),
    )
    caller = actor(role) if project is None else actor(role, project_id=OTHER_PROJECT)
    return run(operation(caller, TARGET, wanted))


def test_open_transactions_are_listed_the_longest_first_wherever_they_are_from() -> None:
    assert listed(TransactionFilter()) == (LONG, OTHERS, SHORT)


def test_only_what_the_filter_wants_is_listed() -> None:
    assert listed(TransactionFilter(open_at_least=2 * MINUTE)) == (LONG,)
    assert listed(TransactionFilter(users=("batch",))) == (OTHERS,)


def test_a_viewer_sees_the_transactions_and_not_their_statements() -> None:
    assert {activity.query for activity in listed(TransactionFilter(), role=Role.VIEWER)} == {None}


def test_nobody_sees_another_projects_transactions() -> None:
    with pytest.raises(ProjectMismatchError):
        listed(TransactionFilter(), role=Role.ADMIN, project="other")

"""What one caller sees of a component, and how long its answer is waited for."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT
from tests.support.watched import WatchedGateway, WatchedLink, busy
from vacate.domain.access.identity import Role
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sessions.activity import Activity
from vacate.operations.reading.one_component import watch, within


def watched(role: Role) -> tuple[Activity, ...]:
    gateway = WatchedGateway({COMPONENT: WatchedLink(activities=(busy(),))})
    return run(watch(gateway, COMPONENT, actor(role)))


def test_who_may_not_read_statements_gets_none() -> None:
    assert watched(Role.VIEWER) == (busy(None),)
    assert watched(Role.OPERATOR) == watched(Role.ADMIN) == (busy(),)


def test_an_answer_that_takes_too_long_is_an_error_that_names_the_component() -> None:
    with pytest.raises(ComponentUnreachableError, match=r"cn_5001: no answer within 0\.01 s"):
        run(within(timedelta(seconds=0.01), COMPONENT, asyncio.sleep(5)))


def test_an_error_names_the_component_and_keeps_its_reason() -> None:
    async def cut() -> None:
        raise ComponentUnreachableError("the cable was cut")

    with pytest.raises(ComponentUnreachableError) as unreachable:
        run(within(timedelta(seconds=9), COMPONENT, cut()))
    assert str(unreachable.value) == "the component cannot be reached: cn_5001: the cable was cut"

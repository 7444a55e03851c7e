"""Reads of one component for one caller: what the caller may see, and how long it is waited for."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sessions.activity import Activity, without_statements
from vacate.domain.topology.components import Component
from vacate.operations.ports import Gateway

Answer = TypeVar("Answer")


async def watch(gateway: Gateway, component: Component, actor: Actor) -> tuple[Activity, ...]:
    """Read what the sessions of a component do, as far as the actor may see it.

    Who may not read statements gets every session without the text of its statement.

    Raises:
        ComponentUnreachableError, MissingRightsError, WrongServerError, UnsupportedServerError,
        StoreUnavailableError: the component's server is in no state to be read.
    """
    activities = await gateway.activity(component)
    if actor.may(Permission.READ_STATEMENTS, component.project_id):
        return activities
    return without_statements(activities)


async def within(patience: timedelta, component: Component, answer: Awaitable[Answer]) -> Answer:
    """Wait for a component's answer for so long and no longer.

    Raises:
        ComponentUnreachableError: there is none in time, or none at all; it names the component.
    """
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await answer
    except TimeoutError:
        reason = f"no answer within {patience.total_seconds():g} s"
        raise ComponentUnreachableError(f"{component.id}: {reason}") from None
    except ComponentUnreachableError as error:
        raise ComponentUnreachableError(f"{component.id}: {error.reason}") from error

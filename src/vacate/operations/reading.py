"""Reads over a component's link, which no caller can break off half way.

A component has one warm link, and when its server has no slot left there is no second one. An answer that nobody
takes off the link costs the link. So whoever asks may go away, or lose patience, and the read runs to its own end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from vacate.domain.activity import Activity, without_statements
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.identity import Actor, Permission
from vacate.domain.topology import Component
from vacate.operations.ports import Gateway, Link

Answer = TypeVar("Answer")

# The event loop itself holds its tasks only weakly.
_under_way: set[asyncio.Task[object]] = set()


async def watch(gateway: Gateway, component: Component, actor: Actor) -> tuple[Activity, ...]:
    """Read what the sessions of a component do, as far as the actor may see it.

    Who may not read statements gets every session without the text of its statement.

    Raises:
        ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError, UnsupportedServerError,
        StoreUnavailableError: the component's server is in no state to be read.
    """
    activities = await read(gateway, component, lambda link: link.activity())
    if actor.may(Permission.READ_STATEMENTS, component.project_id):
        return activities
    return without_statements(activities)


async def read(gateway: Gateway, component: Component, question: Callable[[Link], Awaitable[Answer]]) -> Answer:
    """Hold the component's link for one question.

    A caller that goes away gets no answer and is not kept waiting. A question that is already under way is answered
    all the same, and the link is given back then; one that still waits for the link is not asked any more.
    """
    caller = _Caller()
    reading = asyncio.ensure_future(_to_its_end(gateway, component, question, caller))
    _under_way.add(reading)
    reading.add_done_callback(_ended)
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        caller.waits = False
        raise


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


@dataclass(slots=True)
class _Caller:
    waits: bool = True


async def _to_its_end(
    gateway: Gateway, component: Component, question: Callable[[Link], Awaitable[Answer]], caller: _Caller
) -> Answer:
    async with gateway.link(component) as link:
        if not caller.waits:
            raise asyncio.CancelledError
        return await question(link)


def _ended(reading: asyncio.Task[object]) -> None:
    _under_way.discard(reading)
    if not reading.cancelled():
        # Where the caller is gone nobody else looks at it.
        reading.exception()

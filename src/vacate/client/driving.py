"""Calls that are written once become methods that wait, and methods that are awaited.

A method under `call` is a generator of steps (`exchange.Flow`). On an object that waits it is a plain method; on one
that is awaited it is a coroutine. The same holds for `listing` with lists that come page by page. Type checkers see
the right one of the two.
"""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from vacate.client.exchange import Answer, Flow, Pages, Reply, Request, Send, Step, Unanswered

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")


class Waiting:
    """A client whose methods return when the answer is there."""

    def transmit(self, request: Request) -> Answer | Unanswered:
        """Send a request and wait for its answer."""
        raise NotImplementedError

    def pause(self, seconds: float) -> None:
        """Wait."""
        raise NotImplementedError

    def run(self, flow: Flow[ResultT]) -> ResultT:
        """Take a call's steps, one after the other."""
        reply: Reply = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                return end.value
            reply = self._take(step)

    def _take(self, step: Step) -> Reply:
        if isinstance(step, Send):
            return self.transmit(step.request)
        return self.pause(step.seconds)

    def iterate(self, pages: Pages[ItemT]) -> Iterator[ItemT]:
        """Fetch a list's pages as its entries are wanted."""
        cursor: int | None = None
        while True:
            entries, cursor = self.run(pages(cursor))
            yield from entries
            if cursor is None:
                return


class Awaiting:
    """A client whose methods are awaited."""

    async def transmit(self, request: Request) -> Answer | Unanswered:
        """Send a request and wait for its answer."""
        raise NotImplementedError

    async def pause(self, seconds: float) -> None:
        """Wait."""
        raise NotImplementedError

    async def run(self, flow: Flow[ResultT]) -> ResultT:
        """Take a call's steps, one after the other."""
        reply: Reply = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                return end.value
            reply = await self._take(step)

    async def _take(self, step: Step) -> Reply:
        if isinstance(step, Send):
            return await self.transmit(step.request)
        return await self.pause(step.seconds)

    async def iterate(self, pages: Pages[ItemT]) -> AsyncIterator[ItemT]:
        """Fetch a list's pages as its entries are wanted."""
        cursor: int | None = None
        while True:
            entries, cursor = await self.run(pages(cursor))
            for entry in entries:
                yield entry
            if cursor is None:
                return


class call(Generic[ParamsT, ResultT]):  # noqa: N801 - a decorator
    """A call: waits on one kind of client, is awaited on the other."""

    def __init__(self, function: Callable[Concatenate[Any, ParamsT], Flow[ResultT]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, ParamsT], Flow[ResultT]]: ...
    @overload
    def __get__(self, instance: Waiting, owner: type) -> Callable[ParamsT, ResultT]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type) -> Callable[ParamsT, Coroutine[Any, Any, ResultT]]: ...
    def __get__(self, instance: Waiting | Awaiting | None, owner: type) -> object:
        if instance is None:
            return self._function

        @functools.wraps(self._function)
        def bound(*args: ParamsT.args, **kwargs: ParamsT.kwargs) -> object:
            return instance.run(self._function(instance, *args, **kwargs))

        return bound


class listing(Generic[ParamsT, ItemT]):  # noqa: N801 - a decorator
    """A list that comes page by page: an iterator on one kind of client, an async iterator on the other."""

    def __init__(self, function: Callable[Concatenate[Any, ParamsT], Pages[ItemT]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, ParamsT], Pages[ItemT]]: ...
    @overload
    def __get__(self, instance: Waiting, owner: type) -> Callable[ParamsT, Iterator[ItemT]]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type) -> Callable[ParamsT, AsyncIterator[ItemT]]: ...
    def __get__(self, instance: Waiting | Awaiting | None, owner: type) -> object:
        if instance is None:
            return self._function

        @functools.wraps(self._function)
        def bound(*args: ParamsT.args, **kwargs: ParamsT.kwargs) -> object:
            return instance.iterate(self._function(instance, *args, **kwargs))

        return bound

"""The gate before every call: the body is read once, with a cap, and its sender is proved once."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vacate.api.bodies import BODY_LIMIT, BODY_SECONDS, BodyTooLargeError, BodyTooSlowError
from vacate.api.errors import ErrorTable, row_for
from vacate.api.language import language_of
from vacate.api.operation import Operation
from vacate.domain.access.identity import Actor
from vacate.domain.errors import AuthenticationError, ThrottledError, VacateError
from vacate.http.answers import error_response
from vacate.http.envelope import source_address
from vacate.http.peer import peer_of
from vacate.operations.access.ports import Authenticator, Presented

_LENGTH_DIGITS = 20
_STRANGERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call whose sender need not be known: what was presented, and the decoded segments of its path."""

    presented: Presented
    path: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(OpenCall):
    """A call whose sender is proved."""

    actor: Actor


class FailureLog(Protocol):
    """Who hears of what the caller is not told, and counts the senders that could not be proved."""

    def not_authenticated(self, kind: str) -> None:
        """One more, by the kind of error."""
        ...

    def withheld(self, *, request_id: str, error: VacateError) -> None:
        """An error whose words the caller did not get."""
        ...


Endpoint = Callable[[Request], Awaitable[Response]]


class Gate:
    """Makes endpoints from a door's handlers; the door's table turns their errors into answers."""

    def __init__(self, authenticator: Authenticator, failures: FailureLog) -> None:
        self._authenticator = authenticator
        # Unproven senders ask the store about their credentials, and must not keep it busy for the proved ones.
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)
        self._failures = failures

    def authenticated(
        self, operation: Operation, handler: Callable[[Call], Awaitable[Response]], table: ErrorTable
    ) -> Endpoint:
        """An endpoint whose handler is called only with a proved sender, once for a request that changes something."""

        async def answer(request: Request, call: OpenCall) -> Response:
            actor = await self._prove(request, call.presented, once=operation.changes)
            return await handler(Call(presented=call.presented, path=call.path, actor=actor))

        return self._endpoint(operation.path, answer, table)

    def open(self, route: str, handler: Callable[[OpenCall], Awaitable[Response]], table: ErrorTable) -> Endpoint:
        """An endpoint that anybody may call."""

        def answer(_: Request, call: OpenCall) -> Awaitable[Response]:
            return handler(call)

        return self._endpoint(route, answer, table)

    async def _prove(self, request: Request, presented: Presented, *, once: bool) -> Actor:
        peer = peer_of(request.scope)
        if peer is not None and not peer.proved:
            async with self._strangers:
                actor = await self._authenticator.authenticate(presented, once=once)
        else:
            actor = await self._authenticator.authenticate(presented, once=once)
        request.state.proved = True
        if peer is not None:
            peer.prove()
        return actor

    def _endpoint(
        self, route: str, handler: Callable[[Request, OpenCall], Awaitable[Response]], table: ErrorTable
    ) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            request.state.route = route
            try:
                presented = await _present(request)
                path = {name: unquote(value) for name, value in request.path_params.items()}
                return await handler(request, OpenCall(presented=presented, path=path))
            except VacateError as error:
                if isinstance(error, AuthenticationError):
                    self._failures.not_authenticated(type(error).__name__)
                row = row_for(table, error)
                headers = _headers_with(error)
                if not row.told:
                    self._failures.withheld(request_id=request.state.request_id, error=error)
                detail = str(error) if row.told else ""
                return error_response(
                    row,
                    detail,
                    request_id=request.state.request_id,
                    language=language_of(request.scope["headers"]),
                    headers=headers,
                )

        return endpoint


def _headers_with(error: VacateError) -> dict[str, str]:
    match error:
        case BodyTooSlowError():
            # What is left of a late body would be taken for the next request's beginning by whoever sends it.
            return {"Connection": "close"}
        case ThrottledError(retry_after=wait):
            return {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))}
        case _:
            return {}


async def _present(request: Request) -> Presented:
    scope = request.scope
    return Presented(
        method=request.method,
        path=scope["raw_path"],
        query=scope["query_string"],
        headers=tuple((name.lower(), value) for name, value in scope["headers"]),
        body=await _body(request),
        source_address=source_address(scope),
        request_id=request.state.request_id,
        scheme=scope["scheme"],
    )


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    # Python refuses to read numbers of thousands of digits, so the length of the length is looked at first.
    if not announced.isdecimal() or len(announced) > _LENGTH_DIGITS or int(announced) > BODY_LIMIT:
        raise BodyTooLargeError
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > BODY_LIMIT:
                    raise BodyTooLargeError
                parts.append(part)
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlowError from None
    return b"".join(parts)

"""Equal signed calls of one second: carried out once, and answered alike."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from vacate.domain.errors import RequestDoubledError, VacateError
from vacate.operations.access import Presented

REPEATS_HEADER = "X-Vacate-Repeats"

_MOST = 256
_KEPT_S = 2.0


@dataclass(slots=True, kw_only=True)
class _First:
    request_id: str
    answer: asyncio.Future[Response]
    ended: float | None = None


class Doubles:
    """The answers of calls that change something, for as long as an honest client may have signed the same again.

    They are of this process only, and of the last few hundred calls; where there is none, the client is told to wait
    for a second.
    """

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        """Take a clock that never goes back, and how many answers to keep."""
        self._seconds = seconds
        self._most = most
        self._kept: OrderedDict[bytes, _First] = OrderedDict()

    async def first(self, request: Presented, work: Awaitable[Response]) -> Response:
        """Do the work of a call, and keep what comes of it."""
        self._forget()
        first = _First(request_id=request.request_id, answer=asyncio.get_running_loop().create_future())
        self._kept[_key(request)] = first
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            response = await work
        except BaseException as error:
            first.answer.set_exception(error if isinstance(error, VacateError) else RequestDoubledError())
            # Nobody may ever ask for it, and that is no mistake.
            first.answer.exception()
            raise
        else:
            first.answer.set_result(response)
            return response
        finally:
            first.ended = self._seconds()

    async def again(self, request: Presented) -> Response:
        """Answer the same call as the first one was, as soon as that has been; a header names the first one's id.

        Raises:
            RequestDoubledError: its answer is not known here.
            VacateError: what the first one was refused with.
        """
        self._forget()
        first = self._kept.get(_key(request))
        if first is None:
            raise RequestDoubledError
        answer = await asyncio.shield(first.answer)
        headers = {**answer.headers, REPEATS_HEADER: first.request_id}
        return Response(answer.body, status_code=answer.status_code, headers=headers)

    def _forget(self) -> None:
        now = self._seconds()
        over = [key for key, first in self._kept.items() if first.ended is not None and now - first.ended > _KEPT_S]
        for key in over:
            del self._kept[key]


def _key(request: Presented) -> bytes:
    """What is the same in the same signed request; the signature stands for its headers and its body."""
    signatures = (value for name, value in request.headers if name == b"authorization")
    return b"\n".join((request.method.encode(), request.path, request.query, *signatures))

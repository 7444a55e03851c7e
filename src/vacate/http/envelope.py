"""Around every request: its id, its log line and metrics, routing on the path as sent, and the last resort."""

import re
import time
import uuid
from collections.abc import Iterable
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vacate.api.errors import REQUEST_ID_HEADER, ErrorRow
from vacate.api.language import language_of
from vacate.http.answers import error_response

NOT_UNDERSTOOD = ErrorRow(
    status=400,
    code="APIGW.0201",
    message="Bad request. It cannot be read as HTTP.",
    chinese="请求错误。无法解析为HTTP请求。",
)
UNFORESEEN = ErrorRow(status=500, code="DBS.108000", message="Server failure.", chinese="服务器故障。")

# A target may be the whole URL (RFC 9112, section 3.2.2). One with a user in it is no address of an HTTP service.
_SCHEME_AND_AUTHORITY = re.compile(rb"https?://[^/@]+(?=/|\Z)", re.IGNORECASE)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})


class AccessLog(Protocol):
    """Who is told of every answer."""

    def answered(  # noqa: PLR0913 - one parameter for each field of the line
        self,
        *,
        request_id: str,
        source_address: str,
        method: str,
        path: str,
        route: str,
        status: int,
        seconds: float,
        proved: bool,
    ) -> None:
        """A request was answered; `proved` tells whether it is known who sent it.

        `route` is the matched template, or `unmatched`; `method` one of HTTP's own, or `other`. Both are few, so that
        they may be counted by: what a caller makes up must not fill the metrics.
        """
        ...

    def failed(self, *, request_id: str, error: Exception) -> None:
        """Something unforeseen happened; the caller got the last resort."""
        ...


class Envelope:
    """The outermost layer of the application.

    The path is routed as it was sent: an encoded slash stays part of its segment and never makes a new one. Of a
    target that is a whole URL, the path is what is routed, signed and logged.
    """

    def __init__(self, app: ASGIApp, access_log: AccessLog) -> None:
        self._app = app
        self._log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection's event scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        began = time.perf_counter()
        status = 0
        path = _path_of(scope["raw_path"])
        scope = {**scope, "path": path.decode("latin-1"), "raw_path": path, "state": {"request_id": request_id}}

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = (REQUEST_ID_HEADER.lower().encode(), request_id.encode())
                message = {**message, "headers": [*_uncached(message.get("headers", [])), named]}
            await send(message)

        try:
            if _ambiguous(scope):
                await _not_understood(scope, request_id)(scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last resort: the caller gets an envelope, the log gets the trace
            self._log.failed(request_id=request_id, error=error)
            if status == 0:
                language = language_of(scope["headers"])
                answer = error_response(UNFORESEEN, "", request_id=request_id, language=language)
                await answer(scope, receive, send_with_id)
        finally:
            route = scope.get("state", {}).get("route", "unmatched")
            self._log.answered(
                request_id=request_id,
                source_address=source_address(scope),
                method=scope["method"] if scope["method"] in _METHODS else "other",
                path=scope["path"],
                route=route,
                status=status,
                seconds=time.perf_counter() - began,
                proved=scope.get("state", {}).get("proved", False),
            )


def _ambiguous(scope: Scope) -> bool:
    """Whether others on the way may see the body's end elsewhere (RFC 9112, section 6.1)."""
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" not in names:
        return False
    return b"content-length" in names or scope["http_version"] == "1.0"


def _not_understood(scope: Scope, request_id: str) -> Response:
    """The refusal, after which nothing else on the connection is read as a request."""
    language = language_of(scope["headers"])
    headers = {"Connection": "close"}
    return error_response(NOT_UNDERSTOOD, "", request_id=request_id, language=language, headers=headers)


def _uncached(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Nothing keeps an answer that does not say otherwise: there are tokens, keys and names of sessions in them."""
    sent = list(headers)
    return sent if any(name == b"cache-control" for name, _ in sent) else [*sent, (b"cache-control", b"no-store")]


def _path_of(target: bytes) -> bytes:
    """The path of a request's target, which comes without its query."""
    found = _SCHEME_AND_AUTHORITY.match(target)
    return target if found is None else target[found.end() :] or b"/"


def source_address(scope: Scope) -> str:
    """The address of the peer that sent the request."""
    client = scope.get("client")
    return client[0] if client else "unknown"

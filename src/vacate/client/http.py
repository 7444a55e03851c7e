"""The two clients of a running service, over httpx: one that waits, and one that is awaited."""

import asyncio
import logging
import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from vacate.client.access import Access
from vacate.client.audit import Audit
from vacate.client.calling import Clocks
from vacate.client.credentials import Credentials
from vacate.client.driving import Awaiting, Waiting
from vacate.client.exchange import Answer, Request, Unanswered
from vacate.client.freezes import Freezes
from vacate.client.plans import Plans
from vacate.client.retrying import Retries
from vacate.client.sessions import Sessions
from vacate.client.statistics import Statistics
from vacate.client.topology import Topology
from vacate.domain.texts import for_terminal

# The service closes a connection that was quiet for 5 s, and a request that meets the closing has an unknown fate.
_QUIET_S = 2.0
_LONGEST_PROBLEM = 300
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)

_sending: ContextVar[bool] = ContextVar("sending", default=False)


def _is_anothers(_: logging.LogRecord) -> bool:
    """Whether a line of the HTTP library is about a request of somebody else: ours would tell tokens and names."""
    return not _sending.get()


for _talker in ("httpx", "httpcore.connection", "httpcore.http11"):
    logging.getLogger(_talker).addFilter(_is_anothers)


@contextmanager
def _unlogged() -> Generator[None]:
    before = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(before)


class _Service(Sessions, Statistics, Topology, Plans, Audit, Freezes, Access):
    """Every call, and how both clients are made."""

    def __init__(
        self,
        endpoint: str,
        *,
        project_id: str,
        credentials: Credentials,
        ca_file: str | Path | None = None,
        timeout: timedelta = timedelta(minutes=2),
        connect_timeout: timedelta = timedelta(seconds=10),
        retries: Retries | None = None,
    ) -> None:
        """Take where the service is and who calls; nothing is sent before the first call.

        Args:
            endpoint: The service's address, such as `https://vacate.example:8686`.
            project_id: The project that calls are about: 32 letters and digits.
            credentials: Who calls: `AccessKey`, `Token` or `Password`.
            ca_file: The authority that the service's certificate is signed by, as a PEM file; None trusts those that
                the machine trusts. Certificates are always verified.
            timeout: How long an answer may take, from the first byte sent to the last one received.
            connect_timeout: How long a connection may take to come about.
            retries: How often calls that change nothing are sent again; None is twice.

        Raises:
            ValueError: the endpoint is no address of a service.
            OSError: `ca_file` cannot be read, or holds no certificate.
        """
        super().__init__(
            endpoint,
            project_id=project_id,
            credentials=credentials,
            retries=retries or Retries(),
            timeout=timeout,
            clocks=Clocks(),
        )
        self._trusted = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self._timeouts = httpx.Timeout(timeout.total_seconds(), connect=connect_timeout.total_seconds())


_LIMITS = httpx.Limits(keepalive_expiry=_QUIET_S)


class Client(_Service, Waiting):
    """A client of a running service whose methods return when the answer is there.

    Use it in a `with` statement, or call `close` at the end. Several threads may share one.
    """

    _http: httpx.Client | None = None

    def transmit(self, request: Request) -> Answer | Unanswered:
        """Send a request and wait for its whole answer."""
        if self._http is None:
            # No proxy and no login comes from the environment: a call goes to the very address that was signed.
            self._http = httpx.Client(
                verify=self._trusted, timeout=self._timeouts, limits=_LIMITS, trust_env=False, follow_redirects=False
            )
        until = time.monotonic() + self._timeout.total_seconds()
        parts: list[bytes] = []
        try:
            with (
                _unlogged(),
                self._http.stream(
                    request.method, request.url, headers=dict(request.headers), content=request.body
                ) as response,
            ):
                # The library's own time begins anew with every byte, and an answer may drip.
                for part in response.iter_bytes():
                    parts.append(part)
                    if time.monotonic() > until:
                        return _too_slow(self._timeout)
        except httpx.RequestError as error:
            return _unanswered(error)
        return _answer(response, b"".join(parts))

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Revoke the tokens that this client signed in for by itself, and close its connections."""
        try:
            self.run(self._farewell())
        finally:
            if self._http is not None:
                self._http.close()
                self._http = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Service, Awaiting):
    """A client of a running service whose methods are awaited.

    Use it in an `async with` statement, or await `close` at the end. It belongs to one event loop.
    """

    _http: httpx.AsyncClient | None = None

    async def transmit(self, request: Request) -> Answer | Unanswered:
        """Send a request and wait for its whole answer."""
        if self._http is None:
            # No proxy and no login comes from the environment: a call goes to the very address that was signed.
            self._http = httpx.AsyncClient(
                verify=self._trusted, timeout=self._timeouts, limits=_LIMITS, trust_env=False, follow_redirects=False
            )
        try:
            with _unlogged():
                # The library's own time begins anew with every byte, and an answer may drip.
                async with asyncio.timeout(self._timeout.total_seconds()):
                    response = await self._http.request(
                        request.method, request.url, headers=dict(request.headers), content=request.body
                    )
        except TimeoutError:
            return _too_slow(self._timeout)
        except httpx.RequestError as error:
            return _unanswered(error)
        return _answer(response, response.content)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Revoke the tokens that this client signed in for by itself, and close its connections."""
        try:
            await self.run(self._farewell())
        finally:
            if self._http is not None:
                await self._http.aclose()
                self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(status=response.status_code, headers=dict(response.headers), body=body)


def _too_slow(timeout: timedelta) -> Unanswered:
    return Unanswered(problem=f"it took longer than {timeout.total_seconds():g} s", sent=True)


def _unanswered(error: httpx.RequestError) -> Unanswered:
    said = for_terminal(str(error))[:_LONGEST_PROBLEM] or type(error).__name__
    return Unanswered(problem=said, sent=not isinstance(error, _NOT_SENT))

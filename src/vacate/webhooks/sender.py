"""Sends one message to one endpoint, in bounded time and reading a bounded answer."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import timedelta

import httpx

from vacate.domain.errors import SettingsError
from vacate.domain.texts import for_terminal
from vacate.operations.ports import Clock
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.signing import signed_headers

_MOST_BYTES_READ = 2_048
_MOST_WORDS = 200
_MOST_DIGITS = 6
_GONE = 410

# They would write every URL into the log, with the token that it may hold, and at the finest level every header.
for _talker in ("httpx", "httpcore"):
    logging.getLogger(_talker).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint said to one attempt.

    `problem` says in words why it was not accepted, `None` when it was. `final` is set when the endpoint wants no more
    attempts, `asked` when it wants them later.
    """

    status: int | None
    problem: str | None
    final: bool = False
    asked: timedelta | None = None


class Sender:
    """One endpoint's own connections: another endpoint that is slow has no part in them."""

    def __init__(self, endpoint: Endpoint, *, version: str, clock: Clock) -> None:
        """Take the endpoint; nothing is opened before the first message.

        Raises:
            SettingsError: the file of trusted certificates cannot be used.
        """
        self._endpoint = endpoint
        self._clock = clock
        self._client = httpx.AsyncClient(
            headers={"user-agent": f"Vacate/{version}", "accept-encoding": "identity"},
            verify=_trusted(endpoint),
            # Where messages go is said by the configuration alone: no proxy and no login comes from the environment.
            trust_env=False,
            # Another address would get what was signed for this one.
            follow_redirects=False,
            timeout=endpoint.timeout.total_seconds(),
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
        )

    async def send(self, message_id: str, body: str) -> Answer:
        """Sign and send one message; whatever the network does is an answer and no error."""
        content = body.encode()
        headers = {
            "content-type": "application/json",
            **signed_headers(self._endpoint.keys, message_id, self._clock(), content),
        }
        limit_s = self._endpoint.timeout.total_seconds()
        try:
            # The client's own timeouts begin anew with every byte, and an answer may drip.
            async with (
                asyncio.timeout(limit_s),
                self._client.stream("POST", self._endpoint.url, content=content, headers=headers) as response,
            ):
                if response.is_success:
                    # It is accepted; what else is said, and how slowly, changes nothing.
                    return Answer(status=response.status_code, problem=None)
                return _refusal(response, await _beginning(response))
        except (TimeoutError, httpx.TimeoutException):
            return Answer(status=None, problem=f"no answer within {limit_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(status=None, problem=_clean(f"{type(error).__name__}: {error}"))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def _trusted(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if endpoint.authorities is not None:
        try:
            context.load_verify_locations(endpoint.authorities)
        except OSError as error:
            raise SettingsError(
                f"webhook {endpoint.name}: the certificates in {endpoint.authorities} cannot be used: {error}"
            ) from error
    return context


async def _beginning(response: httpx.Response) -> str:
    """The first words of the answer. More is not read, and nothing is unpacked."""
    read = b""
    async for part in response.aiter_raw():
        read += part
        if len(read) >= _MOST_BYTES_READ:
            break
    return _clean(read[:_MOST_BYTES_READ].decode("utf-8", "replace"))


def _refusal(response: httpx.Response, words: str) -> Answer:
    status = response.status_code
    problem = f"answered {status}"
    if response.is_redirect:
        problem += ", and redirects are not followed"
    if words:
        problem += f": {words}"
    after = response.headers.get("retry-after", "")
    asked = timedelta(seconds=int(after)) if after.isdecimal() and len(after) <= _MOST_DIGITS else None
    return Answer(status=status, problem=problem, final=status == _GONE, asked=asked)


def _clean(words: str) -> str:
    """One short line without anything that a terminal or a log would act on."""
    return for_terminal(" ".join(words.split())[:_MOST_WORDS])

"""The members of a cluster, as Patroni's own interface tells them: `GET /cluster`."""

import asyncio
import os
import ssl
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import msgspec

from vacate.domain.discovery.facts import DiscoveryError, Member, Roster
from vacate.domain.topology.dsn import Address

_PATH = "/cluster"
_MOST_BYTES = 1_000_000
_OK = 200


class _Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member, as far as it is read. One that has never been up has no address."""

    name: str
    role: str
    state: str
    host: str = ""
    port: int = 0


class _Cluster(msgspec.Struct, frozen=True, kw_only=True):
    members: tuple[_Member, ...]
    scope: str = ""


class PatroniCluster:
    """Asks Patroni on one of the members, or wherever its interface is served."""

    def __init__(self, url: str, *, within: timedelta = timedelta(seconds=10)) -> None:
        """Take the address of the interface, such as `http://10.0.0.11:8008`; `within` bounds the whole call.

        Raises:
            DiscoveryError: it is no such address.
        """
        self._within_s = within.total_seconds()
        self._url = _cluster_url(url)

    async def roster(self) -> Roster:
        """Ask for the members, in the order in which Patroni names them. Those without an address have the port 0.

        Raises:
            DiscoveryError: no answer in time, or none that can be understood.
        """
        try:
            # The client's own timeouts begin anew with every byte, and an answer may drip.
            async with asyncio.timeout(self._within_s):
                return understood(await self._body())
        except (TimeoutError, httpx.TimeoutException):
            raise DiscoveryError(f"Patroni gave no answer within {self._within_s:g} s") from None
        except httpx.ConnectError as error:
            raise DiscoveryError(f"Patroni cannot be reached: {_cause(error)}") from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise DiscoveryError("Patroni cannot be reached: its host is no name that can be looked up") from error
        except httpx.HTTPError as error:
            raise DiscoveryError(f"what answers does not speak HTTP as Patroni does: {type(error).__name__}") from error

    async def _body(self) -> bytes:
        """Make the call.

        The configuration alone says where it goes: neither proxies nor logins come from the environment, and
        redirects are not followed. Certificates are trusted as the system trusts them.
        """
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        trusted = ssl.create_default_context()
        async with (
            httpx.AsyncClient(trust_env=False, verify=trusted, timeout=self._within_s) as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != _OK:
                raise DiscoveryError(f"Patroni answered GET {_PATH} with the status {response.status_code}")
            body = b""
            async for part in response.aiter_raw():
                body += part
                if len(body) > _MOST_BYTES:
                    raise DiscoveryError(f"Patroni's answer is longer than {_MOST_BYTES} bytes, which no cluster is")
            return body


def understood(body: bytes) -> Roster:
    """Read the answer to `GET /cluster`.

    Raises:
        DiscoveryError: it is none.
    """
    try:
        cluster = msgspec.json.decode(body, type=_Cluster, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DiscoveryError(f"Patroni's answer cannot be understood: {error}") from error
    if not cluster.members:
        raise DiscoveryError("Patroni names no member")
    return Roster(
        name=cluster.scope,
        members=tuple(
            Member(
                name=each.name,
                role=each.role,
                state=each.state,
                address=Address(host=each.host.lower(), port=each.port),
            )
            for each in cluster.members
        ),
    )


def _cluster_url(url: str) -> str:
    """The URL to ask, from the address of the interface. What is wrong is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    plain = parts.scheme in {"http", "https"} and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not plain or not host or parts.path not in {"", "/", _PATH} or not url.isprintable():
        raise DiscoveryError("Patroni's address must be like http://10.0.0.11:8008, without user and path")
    return f"{parts.scheme}://{parts.netloc}{_PATH}"


def _cause(error: BaseException) -> str:
    """The system's own words for why there is no connection, where the client has them."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and cause.errno is not None:
            return os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__

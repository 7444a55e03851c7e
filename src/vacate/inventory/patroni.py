"""The members of a cluster, as Patroni's own interface tells them: `GET /cluster`."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

from vacate.domain.discovery import DiscoveryError, Member, Roster
from vacate.domain.dsn import Address

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


class _Call:
    """One call, made in one thread and perhaps given up in another."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        # The connection forgets its socket as soon as it knows that no other call will use it.
        self._socket: socket.socket | None = None

    def body(self) -> bytes:
        with closing(self._connection) as connection:
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", _PATH, headers={"Accept": "application/json", "Connection": "close"})
            with connection.getresponse() as response:
                if response.status != _OK:
                    raise DiscoveryError(f"Patroni answered GET {_PATH} with the status {response.status}")
                body = response.read(_MOST_BYTES + 1)
        if len(body) > _MOST_BYTES:
            raise DiscoveryError(f"Patroni's answer is longer than {_MOST_BYTES} bytes, which no cluster is")
        return body

    def give_up(self) -> None:
        """Wake the thread where it still reads."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class PatroniCluster:
    """Asks Patroni on one of the members, or wherever its interface is served."""

    def __init__(self, url: str, *, within: timedelta = timedelta(seconds=10)) -> None:
        """Take the address of the interface, such as `http://10.0.0.11:8008`; `within` bounds the whole call.

        Raises:
            DiscoveryError: it is no such address.
        """
        self._within_s = within.total_seconds()
        self._secure, self._host, self._port = _address(url)

    async def roster(self) -> Roster:
        """The members, in the order in which Patroni names them. Those without an address have the port 0.

        Raises:
            DiscoveryError: no answer in time, or none that can be understood.
        """
        call = _Call(self._connection())
        try:
            async with asyncio.timeout(self._within_s):
                return understood(await _beside_the_loop(call.body))
        except TimeoutError:
            raise DiscoveryError(f"Patroni gave no answer within {self._within_s:g} s") from None
        except OSError as error:
            raise DiscoveryError(f"Patroni cannot be reached: {error.strerror or error}") from error
        except UnicodeError as error:
            raise DiscoveryError("Patroni cannot be reached: its host is no name that can be looked up") from error
        except http.client.HTTPException as error:
            raise DiscoveryError(f"what answers does not speak HTTP as Patroni does: {type(error).__name__}") from error
        finally:
            call.give_up()

    def _connection(self) -> http.client.HTTPConnection:
        make = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return make(self._host, self._port, timeout=self._within_s)


def _beside_the_loop(work: Callable[[], bytes]) -> asyncio.Future[bytes]:
    """Work in a thread. One that hangs in looking up a name does not hold up the end of the program."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def settle(body: bytes, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(body)

    def run() -> None:
        body, problem = b"", None
        try:
            body = work()
        except (DiscoveryError, OSError, http.client.HTTPException, UnicodeError) as error:
            problem = error
        # The loop is closed when nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, body, problem)

    threading.Thread(target=run, name="patroni", daemon=True).start()
    return answer


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


def _address(url: str) -> tuple[bool, str, int | None]:
    """Whether it is encrypted, host and port. What is wrong is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    plain = parts.scheme in {"http", "https"} and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not plain or not host or parts.path not in {"", "/", _PATH} or not url.isprintable():
        raise DiscoveryError("Patroni's address must be like http://10.0.0.11:8008, without user and path")
    return parts.scheme == "https", host, port

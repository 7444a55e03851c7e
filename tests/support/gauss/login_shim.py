"""A stock PostgreSQL that takes logins as openGauss does: its challenge has code 10, and PostgreSQL's SCRAM has it too.

    async with LoginShim(server.port, {"vacate": PASSWORD}) as shim:
        ...  # log in at shim.port with a driver of the Gauss family

The shim checks the proof as openGauss would, logs in at the PostgreSQL behind it by itself, and from then on passes
bytes both ways.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import struct
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from vacate.demo.servers import HOST

SHA256, MD5_SHA256, SHA256_RFC, SM3, IAM = 10, 11, 12, 13, 14
"""The codes of the family's authentication messages."""
BY_MD5, BY_SHA256, BY_SM3 = 1, 2, 3
"""How a role's password is stored. One that is stored by md5 is asked for as PostgreSQL's own md5 login."""

# What the names of the family's own tools are at a login, of those that it keeps for the initial user.
_MAINTENANCE = frozenset({"cm_agent", "OM", "gs_clean", "gs_ctl", "gs_rewind", "WDRXdb"})
_MD5 = 5
_CANCEL, _SSL, _GSS = 80877102, 80877103, 80877104
_POSTGRESQL = 3 << 16
# Clients of older protocols get the server's signature where later ones get the number of iterations.
_TELLS_ITERATIONS = 51
_SAYS_READY = b"Z"


class _LeftError(Exception):
    """The client was shown the door, or the server behind the shim went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Startup:
    minor: int
    parameters: Mapping[str, str]

    @property
    def user(self) -> str:
        return self.parameters["user"]


class LoginShim:
    """A port of its own that leads to a PostgreSQL by way of openGauss's login.

    `code`, `stored_method`, `iterations`, `silent` and the others count from the next login on. A silent shim takes
    clients and answers nothing, as a server does whose workers are all held by open transactions; one that
    `answers_after_s` has made more of them by then. One that has `no_certificate` agrees to encrypt, and does not.
    One that is `full` has no slot left. A role that was refused `locks_after` times is locked.
    """

    def __init__(
        self,
        port: int,
        passwords: Mapping[str, str],
        *,
        code: int = SHA256,
        stored_method: int = BY_SHA256,
        iterations: int = 10000,
        server_version: str = "9.2.4",
        silent: bool = False,
    ) -> None:
        self._to = port
        self._passwords = dict(passwords)
        self.code = code
        self.stored_method = stored_method
        self.iterations = iterations
        self.server_version = server_version
        self.silent = silent
        self.answers_after_s = 0.0
        self.no_certificate = False
        self.full = False
        self.locks_after = 10
        self.initial_user = "postgres"
        self.refused: Counter[str] = Counter()
        """How often a role's password was wrong since it was right."""
        self.asked: Counter[str] = Counter()
        """How many clients began a login, by protocol, such as `3.51`."""
        self.logins: Counter[str] = Counter()
        """How many were let in, by protocol."""
        self.cancelled = 0
        """How many requests to cancel a statement were passed on."""
        self._listener: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where to log in."""
        assert self._listener is not None
        return int(self._listener.sockets[0].getsockname()[1])

    def dsn(self, user: str, password: str, database: str = "postgres", *, scheme: str = "gaussdb") -> str:
        """A login by way of the shim, as a URL."""
        return f"{scheme}://{user}:{password.replace(' ', '%20')}@{HOST}:{self.port}/{database}"

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            # Whoever leaves in the middle of it, on either side, ends only this client's way; so does the shim's end.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, _LeftError):
                await self._answer(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            while await reader.read(4096):
                pass
            return
        await asyncio.sleep(self.answers_after_s)
        request = await _first_message(reader)
        while int.from_bytes(request[4:8]) in {_SSL, _GSS}:
            if self.no_certificate:
                writer.write(b"S")
                await reader.read(4)
                writer.write(b"EFATAL:  unsupported frontend protocol\n\0")
                await writer.drain()
                return
            writer.write(b"N")
            request = await _first_message(reader)
        if int.from_bytes(request[4:8]) == _CANCEL:
            await self._pass_cancel(request)
            return
        startup = _read_startup(request)
        protocol = f"3.{startup.minor}"
        self.asked[protocol] += 1
        if refusal := self._refusal(startup):
            writer.write(_error(*refusal))
            await writer.drain()
            return
        await self._challenge(startup, reader, writer)
        from_server, to_server = await asyncio.open_connection(HOST, self._to)
        try:
            answer = await _log_in(from_server, to_server, startup, self._passwords[startup.user])
            writer.write(answer)
            if answer.startswith(b"R"):
                self.logins[protocol] += 1
                writer.write(_message(b"S", b"session_respool\0default_pool\0"))
            await self._pass_greeting(from_server, writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, to_server))
                both.create_task(_pump(from_server, writer))
        finally:
            to_server.close()

    def _refusal(self, startup: _Startup) -> tuple[str, str] | None:
        """What a server says to some before it asks for their password."""
        if self.full:
            return "53300", "Too many clients already, current: 400, max_connections/reserved: 400/3."
        if startup.parameters.get("application_name") in _MAINTENANCE and startup.user != self.initial_user:
            return "D0011", "Inner maintenance tools only for the initial user."
        if self.refused[startup.user] >= self.locks_after:
            return "28000", "The account has been locked."
        return None

    async def _challenge(self, startup: _Startup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        password = self._passwords.get(startup.user)
        salt, token = secrets.token_hex(32).encode(), secrets.token_bytes(4)
        keys = _Keys.of(password or secrets.token_hex(8), salt, self.iterations)
        if self.stored_method == BY_MD5:
            body = _MD5.to_bytes(4) + token
        elif self.code == SM3 and self.stored_method != BY_SM3:
            body = self.code.to_bytes(4)
        elif self.code == MD5_SHA256:
            body = self.code.to_bytes(4) + salt + token
        else:
            signature = hmac.digest(keys.server_key, token, "sha256").hex().encode()
            last = self.iterations.to_bytes(4) if startup.minor >= _TELLS_ITERATIONS else signature
            body = struct.pack("!ii", self.code, self.stored_method) + salt + token.hex().encode() + last
        writer.write(_message(b"R", body))
        kind, body = await _read_message(reader)
        proof = body.rstrip(b"\0")
        by_md5 = self.stored_method == BY_MD5
        right = proof == _md5_proof(startup.user, password or "", token) if by_md5 else keys.fit(proof, token)
        if kind == b"p":
            self.refused[startup.user] = 0 if right and password is not None else self.refused[startup.user] + 1
        if kind != b"p" or password is None or not right:
            writer.write(_error("28P01", "Invalid username/password,login denied."))
            await writer.drain()
            raise _LeftError

    async def _pass_greeting(self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes after a login, in which the server says its version."""
        kind = b""
        while kind != _SAYS_READY:
            kind, body = await _read_message(from_server)
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = f"server_version\0{self.server_version}\0".encode()
            writer.write(_message(kind, body))

    async def _pass_cancel(self, request: bytes) -> None:
        from_server, to_server = await asyncio.open_connection(HOST, self._to)
        try:
            to_server.write(request)
            # The server answers nothing and closes when it has passed the signal on; so does the shim.
            await from_server.read()
            self.cancelled += 1
        finally:
            to_server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


# --- messages --------------------------------------------------------------------------------------------------------


async def _first_message(reader: asyncio.StreamReader) -> bytes:
    """What a client sends first has no letter in front."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head) - 4)


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    length = int.from_bytes(await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def _read_startup(request: bytes) -> _Startup:
    words = request[8:].decode().split("\0")
    names = words[::2]
    return _Startup(
        minor=int.from_bytes(request[6:8]),
        parameters={name: value for name, value in zip(names, words[1::2], strict=False) if name},
    )


def _error(sqlstate: str, words: str) -> bytes:
    fields = {"S": "FATAL", "C": sqlstate, "M": words}
    return _message(b"E", b"".join(f"{letter}{value}\0".encode() for letter, value in fields.items()) + b"\0")


# --- openGauss's proof -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What a server keeps of a password."""

    stored_key: bytes
    server_key: bytes

    @classmethod
    def of(cls, password: str, salt: bytes, iterations: int) -> Self:
        salted = hashlib.pbkdf2_hmac("sha1", password.encode(), bytes.fromhex(salt.decode()), iterations, 32)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        # The misspelling is the family's own.
        server_key = hmac.digest(salted, b"Sever Key", "sha256")
        return cls(stored_key=hashlib.sha256(client_key).digest(), server_key=server_key)

    def fit(self, proof: bytes, token: bytes) -> bool:
        """Whether the proof comes from somebody who knows the client's key, of which the server has the hash only."""
        try:
            masked = bytes.fromhex(proof.decode())
        except ValueError:
            return False
        client_key = _xor(masked, hmac.digest(self.stored_key, token, "sha256"))
        return hashlib.sha256(client_key).digest() == self.stored_key


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))


def _md5_proof(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5((password + user).encode()).hexdigest()  # noqa: S324 - the old login is what it is.
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode()  # noqa: S324


# --- PostgreSQL's own login ------------------------------------------------------------------------------------------


async def _log_in(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, startup: _Startup, password: str
) -> bytes:
    """Log in by SCRAM-SHA-256 with the client's own startup parameters; what the server said in the end."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in startup.parameters.items())
    body = _POSTGRESQL.to_bytes(4) + pairs + b"\0"
    writer.write((len(body) + 4).to_bytes(4) + body)
    kind, body = await _read_message(reader)
    if kind == b"E":
        return _message(kind, body)
    nonce = secrets.token_urlsafe(18)
    bare = f"n=,r={nonce}"
    first = f"n,,{bare}".encode()
    writer.write(_message(b"p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4) + first))
    _, body = await _read_message(reader)
    theirs = body[4:].decode()
    fields = dict(field.split("=", 1) for field in theirs.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    unproven = f"c=biws,r={fields['r']}"
    signature = hmac.digest(hashlib.sha256(client_key).digest(), f"{bare},{theirs},{unproven}".encode(), "sha256")
    proof = base64.b64encode(_xor(client_key, signature)).decode()
    writer.write(_message(b"p", f"{unproven},p={proof}".encode()))
    kind, body = await _read_message(reader)
    if kind == b"R" and int.from_bytes(body[:4]) == 12:
        # The server's own proof is not looked at: it is a server of ours.
        kind, body = await _read_message(reader)
    return _message(kind, body)

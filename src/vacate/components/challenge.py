"""What a server asks of whoever logs in: the challenge, read without answering it.

To a login that failed the Gauss family says only that user name or password are wrong. Its challenge tells how the
password is stored, of which the driver can answer just one way; and one challenge ends the driver's whole process, so
it has to be known before. A server sends its challenge to anybody. That nobody answered counts as no wrong password,
though a server that audits logins notes it.
"""

import asyncio
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

_PROTOCOL = 3 << 16 | 51
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_PORT = 5432
_WORDS = struct.Struct("!ii")
# A message's length counts itself, and not the letter before it. A challenge is much shorter than the longest here.
_HEAD = struct.Struct("!ci")
_LENGTH = 4
_LONGEST = 2000
# A server that is asked nothing more leaves at once.
_FAREWELL_S = 0.5
_AUTHENTICATION = b"R"
# Notices, and PostgreSQL's remark that it knows no such minor version.
_PASSED_OVER = frozenset({b"N", b"v"})
_MOST_PASSED_OVER = 100
_SHA256, _MD5_OF_SHA256, _RFC, _SM3, _TOKEN = range(10, 15)
_STORED_MD5, _STORED_SHA256, _STORED_SM3 = 1, 2, 3
# Salt and token are hexadecimal digits; the number of iterations ends the message.
_DIGITS = 64 + 8
_ITERATIONS = 10000

_SAY_SHA256 = "let the line for Vacate's role in pg_hba.conf say sha256"
_ANEW = "give the role its password anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a server asks for: the code of its authentication message, and for 10 and 13 how the password is stored.

    PostgreSQL's own SCRAM has code 10 too; nothing else is known then. Code 13 comes alone where the rule says sm3 and
    the password is stored in another way.
    """

    code: int
    stored_method: int | None = None
    iterations: int | None = None


def explain(challenge: Challenge) -> str | None:
    """Why no password can satisfy this challenge, and what to do; none if a right one would have done."""
    iterations = challenge.iterations
    if challenge.code == _MD5_OF_SHA256:
        return (
            "the server asks for md5 where the role's password is stored as sha256, which no driver of Vacate's can "
            f"answer: {_SAY_SHA256}"
        )
    if challenge.code == _SM3 and challenge.stored_method != _STORED_SM3:
        return (
            "the line for Vacate's role in pg_hba.conf says sm3, which the driver cannot answer, and the role's "
            f"password is not stored so: {_SAY_SHA256}"
        )
    if challenge.stored_method == _STORED_SM3:
        return (
            "the role's password is stored as SM3, which the driver cannot log in with: set password_encryption_type "
            f"= 2, {_ANEW}, and {_SAY_SHA256}"
        )
    if challenge.code in {_RFC, _TOKEN}:
        return f"the server asks for a login that the driver does not know: {_SAY_SHA256}"
    if iterations is not None and iterations != _ITERATIONS:
        return (
            f"the role's password was stored under auth_iteration_count = {iterations}, and the driver can only log in "
            f"with {_ITERATIONS}: set auth_iteration_count = {_ITERATIONS} and {_ANEW}"
        )
    return None


async def read_challenge(dsn: str, *, within_s: float | None) -> Challenge | None:
    """Ask a server for the challenge of the DSN's role, and leave. Without a limit the caller has to set one.

    None if there is none: the server cannot encrypt as the DSN wants it, refuses the role before it asks, or does not
    answer in time; or the DSN names no single TCP address and user.
    """
    with suppress(OSError, ValueError, asyncio.IncompleteReadError, _NoChallengeError):
        question = _Question.of(dsn)
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(question.host, question.port)
            try:
                return await _answer(reader, writer, question)
            finally:
                await _leave(reader, writer)
    return None


async def _leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up, and where that can be seen wait until the server has: only then the slot is free for the login."""
    try:
        with suppress(OSError):
            if writer.can_write_eof():
                writer.write_eof()
                async with asyncio.timeout(_FAREWELL_S):
                    # One that goes on talking is left at once.
                    for _ in range(_MOST_PASSED_OVER):
                        if not await reader.read(_LONGEST):
                            break
    finally:
        # Also where whoever asked loses patience meanwhile.
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: "_Question") -> Challenge:
    if question.may_encrypt:
        writer.write(_SSL_REQUEST)
        if await reader.readexactly(1) == b"S":
            await writer.start_tls(question.context(), server_hostname=question.host)
        elif question.must_encrypt:
            raise _NoChallengeError
    writer.write(question.startup())
    for _ in range(_MOST_PASSED_OVER):
        kind, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if not _LENGTH <= length <= _LONGEST:
            raise _NoChallengeError
        body = await reader.readexactly(length - _LENGTH)
        if kind == _AUTHENTICATION:
            return challenge_in(body)
        if kind not in _PASSED_OVER:
            raise _NoChallengeError
    raise _NoChallengeError


class _NoChallengeError(Exception):
    """The server says something else first, or cannot be asked."""


def challenge_in(body: bytes) -> Challenge:
    """Read the body of an authentication message."""
    if len(body) < _WORDS.size:
        return Challenge(code=int.from_bytes(body[:4]))
    code, method = _WORDS.unpack_from(body)
    if code not in {_SHA256, _SM3} or method not in {_STORED_MD5, _STORED_SHA256, _STORED_SM3}:
        return Challenge(code=code)
    rest = body[_WORDS.size :]
    iterations = int.from_bytes(rest[_DIGITS:]) if len(rest) == _DIGITS + 4 else None
    return Challenge(code=code, stored_method=method, iterations=iterations)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Whom to ask about whom, and how the link must be encrypted, in libpq's words."""

    host: str
    port: int
    user: str
    database: str
    sslmode: str
    authority: str | None

    @classmethod
    def of(cls, dsn: str) -> Self:
        parts = urlsplit(dsn)
        options = dict(parse_qsl(parts.query))
        host = parts.hostname or options.get("host", "")
        user = unquote(parts.username or "") or options.get("user")
        # Of several hosts nobody knows here which one the driver will take, and a socket is a local matter.
        several = "," in parts.netloc.rpartition("@")[2] or "," in host
        if not host or not user or several or unquote(host).startswith("/"):
            raise _NoChallengeError
        named = unquote(parts.path.lstrip("/")) or options.get("dbname") or options.get("database")
        return cls(
            host=host,
            port=parts.port or int(options.get("port", _PORT)),
            user=user,
            database=named or user,
            sslmode=options.get("sslmode", "prefer").replace("_", "-"),
            authority=options.get("sslrootcert"),
        )

    @property
    def may_encrypt(self) -> bool:
        return self.sslmode not in {"disable", "allow"}

    @property
    def must_encrypt(self) -> bool:
        return self.may_encrypt and self.sslmode != "prefer"

    def context(self) -> ssl.SSLContext:
        """A server that must prove who it is hears nobody's name before it has."""
        if self.sslmode == "prefer" or (self.sslmode == "require" and self.authority is None):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        context = ssl.create_default_context(cafile=self.authority)
        context.check_hostname = self.sslmode == "verify-full"
        return context

    def startup(self) -> bytes:
        fields = b"".join(f"{word}\0".encode() for word in ("user", self.user, "database", self.database))
        message = _PROTOCOL.to_bytes(4) + fields + b"\0"
        return (_LENGTH + len(message)).to_bytes(_LENGTH) + message

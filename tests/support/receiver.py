"""A receiver of webhooks on loopback, which verifies signatures as a receiver does and answers as it is told to."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from vacate.webhooks.signing import signing_keys

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
KEYS = signing_keys({"HOOK": SECRET}, variable="HOOK", file=None)

HANGS = b""
"""Nothing is answered, until the sender goes away."""
DIES = b"dies"
"""The connection breaks after the request was read."""
DRIPS = b"drips"
"""A refusal whose words never end, byte by byte."""
ACCEPTS_AND_DRIPS = b"accepts and drips"
"""The same in an acceptance."""


def answer(status: int, words: str = "", *headers: str) -> bytes:
    """A whole answer, after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status} So",
        f"content-length: {len(words.encode())}",
        "connection: close",
        *headers,
        "",
        words,
    ]
    return "\r\n".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self) -> Any:  # noqa: ANN401 - JSON of any shape.
        """What it says, if the reference library finds the signature right."""
        return Webhook(SECRET).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What came in, in order, and what is answered: each answer once, and then 204."""

    url: str
    answers: list[bytes] = field(default_factory=list[bytes])
    received: list[Received] = field(default_factory=list[Received])
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(await _request(reader), reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(request)
        said = self.answers.pop(0) if self.answers else answer(204)
        self.came.set()
        if said is DIES:
            writer.transport.abort()
        elif said is HANGS:
            await reader.read()
        elif said in {DRIPS, ACCEPTS_AND_DRIPS}:
            writer.write(
                b"HTTP/1.1 %d So\r\ncontent-length: 1000\r\n\r\n" % (200 if said is ACCEPTS_AND_DRIPS else 500)
            )
            while not reader.at_eof():
                writer.write(b".")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.02)
        else:
            writer.write(said)
            with suppress(ConnectionError):
                await writer.drain()


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(path=head[0].split(" ")[1], headers=headers, body=body)


@asynccontextmanager
async def receiving(
    answers: Sequence[bytes] = (), *, identity: ssl.SSLContext | None = None
) -> AsyncGenerator[Receiver]:
    """Run a receiver for the length of the block; with an identity it speaks TLS only."""
    receiver = Receiver(url="", answers=list(answers))
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=identity)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"{'http' if identity is None else 'https'}://127.0.0.1:{port}/hooks/t0ken"
    try:
        yield receiver
    finally:
        server.close()


def identity_of(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A receiver's identity that no system trusts, and the file that makes a sender trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, kept = directory / "receiver.crt", directory / "receiver.key"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    kept.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, kept)
    return context, trusted

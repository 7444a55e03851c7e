"""A program: sends requests that were right once and have been changed at random, and counts the answers.

    python -m benchmarks.siege.mutations '{"port": 8686, "requests": 100000, ...}'

Half of them are changed before they are signed, so that their sender is proved and they get further; the others
afterwards. The seed makes them the same ones again, but for the signing times.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from vacate.api.signing import sign

HOST: Final = "127.0.0.1"
_AT_ONCE: Final = 48
_ANSWER_S: Final = 1.0
_PATIENCE_S: Final = 30.0
_MOST_ANSWER: Final = 65536


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is right."""

    method: str
    path: str
    body: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests, made of which, and signed by whom."""

    port: int
    requests: int
    seed: int
    access_key: str
    secret_key: str
    bases: tuple[Base, ...]


_ODD: Final = (
    *(
        b"",
        b"\0",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"%00",
        b"%ff",
        b"%2F..",
        b"../",
        b"?",
        b"#",
        b"//",
        b"\xc3\x28",
        b"\xed\xa0\x80",
    ),
    *(
        "\u202e".encode(),
        "\u009b".encode(),
        "\U0001f600".encode(),
        b"9" * 400,
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
        b"true",
    ),
    *(b"[" * 2000, b'{"a":' * 500, b'"', b"\\u0000", b"\\ud800", b"{}", b"[]", b"'; --", b"A" * 5000),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n"),
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.randint(0, 12))
        change = chance.randint(0, 6)
        match change:
            case 0:
                data = data[:at] + chance.randbytes(chance.randint(1, 8)) + data[to:]
            case 1:
                data = data[:at] + chance.choice(_ODD) + data[at:]
            case 2:
                data = data[:at] + chance.choice(_ODD) + data[to:]
            case 3:
                data = data[:at] + data[to:]
            case 4:
                data = data[:at] + data[at:to] * chance.randint(2, 40) + data[to:]
            case 5 if data and at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << chance.randint(0, 7))]) + data[at + 1 :]
            case _:
                data = data[:at]
    return data


class _Attacker:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.chance = random.Random(order.seed)  # noqa: S311 - no secret, and to be had again.
        self.heard: Counter[str] = Counter()
        self.failed: list[str] = []
        self._left = order.requests

    async def work(self) -> None:
        """Send request after request until all are sent."""
        while self._left > 0:
            self._left -= 1
            sent = self._next()
            status = await self._send(sent)
            self.heard[status] += 1
            # 503 is the answer of what is not ready, or too busy, and no failure.
            if status.startswith("5") and status != "503" and len(self.failed) < 20:
                self.failed.append(f"{status} for {sent[:2000]!r}")

    def _next(self) -> bytes:
        base = self.chance.choice(self.order.bases)
        body = base.body.encode()
        if self.chance.random() < 0.5:
            body = mutated(body, self.chance) if body else body
            path = (
                mutated(base.path.encode(), self.chance)
                if not body or self.chance.random() < 0.2
                else base.path.encode()
            )
            try:
                headers = self._signed(base.method, path.decode("ascii"), body)
            except ValueError:
                # What cannot be in a URL cannot be signed either; it is sent with the signature of what was right.
                headers = self._signed(base.method, base.path, body)
            return _written(base.method, path, headers, body)
        return mutated(
            _written(base.method, base.path.encode(), self._signed(base.method, base.path, body), body), self.chance
        )

    def _signed(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        return sign(
            method=method,
            url=f"http://{HOST}:{self.order.port}{path}",
            headers={"Content-Type": "application/json"},
            body=body,
            access_key=self.order.access_key,
            secret=self.order.secret_key.encode(),
            at=datetime.now(UTC),
        )

    async def _send(self, data: bytes) -> str:
        """The status of the first answer, or why there was none."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_connection(HOST, self.order.port)
        except (OSError, TimeoutError):
            return "no connection"
        try:
            writer.write(data)
            # What is cut short is waited for by the service for longer than we wait for it.
            async with asyncio.timeout(_ANSWER_S):
                line = await reader.readline()
            return line.split(b" ")[1].decode("latin-1") if line.startswith(b"HTTP/") else "closed"
        except TimeoutError:
            return "no answer"
        except (OSError, IndexError, ValueError):
            return "closed"
        finally:
            writer.transport.abort()


def _written(method: str, path: bytes, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{name}: {value}".encode("latin-1") for name, value in headers.items()]
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method.encode(), path), *lines, b"", body])


async def _run(order: Order) -> None:
    attacker = _Attacker(order)
    await asyncio.gather(*(attacker.work() for _ in range(_AT_ONCE)))
    print(json.dumps({"heard": attacker.heard, "failed": attacker.failed}), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(msgspec.json.decode(sys.argv[1], type=Order)))

"""An ASGI application called without a server: one request in, one answer out, however odd the request."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the application sent. `headers` are by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and error code of an envelope, which must be whole."""
        content = self.json
        assert set(content) == {"error_code", "error_msg", "request_id"}, content
        assert content["error_code"]
        assert content["error_msg"]
        assert content["request_id"] == self.headers["x-request-id"]
        assert self.headers["content-type"] == "application/json"
        return self.status, content["error_code"]


@dataclass(kw_only=True)
class Caller:
    """Sends the parts of a body one by one, and counts how many were asked for; then it leaves, or falls silent."""

    parts: Sequence[bytes] = (b"",)
    leaves_early: bool = False
    stalls: bool = False
    asked: int = 0
    sent: list[Message] = field(default_factory=list[Message])

    async def receive(self) -> Message:
        at, self.asked = self.asked, self.asked + 1
        if at < len(self.parts):
            more = at < len(self.parts) - 1 or self.leaves_early or self.stalls
            return {"type": "http.request", "body": self.parts[at], "more_body": more}
        if self.stalls:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def answer(self) -> Answer:
        """The one answer that was sent, from its start to its end."""
        start, *bodies = self.sent
        assert start["type"] == "http.response.start"
        assert [message["type"] for message in bodies] == ["http.response.body"] * len(bodies)
        assert not bodies[-1].get("more_body", False)
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"]]
        assert len(dict(headers)) == len(headers), "a header was sent twice"
        return Answer(
            status=start["status"], headers=dict(headers), body=b"".join(message["body"] for message in bodies)
        )


async def call(
    app: ASGIApp,
    method: str = "GET",
    target: bytes = b"/",
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    caller: Caller | None = None,
    client: tuple[str, int] | None = ("203.0.113.9", 40000),
    version: str = "1.1",
) -> Answer:
    """Make one request, with exactly the bytes given."""
    caller = caller or Caller()
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "method": method,
        "scheme": "http",
        # A server decodes the path; whoever routes on that is wrong.
        "path": "/decoded",
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": client,
        "server": ("127.0.0.1", 8686),
        "state": {},
    }
    await app(scope, caller.receive, caller.send)
    return caller.answer()

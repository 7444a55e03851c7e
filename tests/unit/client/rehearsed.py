"""A client whose network is written down beforehand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from vacate.client import AccessKey, Client, Retries
from vacate.client.calling import Clocks
from vacate.client.credentials import Credentials
from vacate.client.exchange import Answer, Request, Unanswered

PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
ENDPOINT = "https://vacate.example.test:8686"
SECRET = "SKtest0123456789abcdefghijSKtest01234567"  # noqa: S105 - of nobody
KEY = AccessKey(access_key="AKTEST0123456789ABCD", secret_key=SECRET)
REQUEST_ID = "b1ec39e0a7bd4c0f8b0a7a8b2c1f6f2e"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def answer(content: object = None, *, status: int = 200, **headers: str) -> Answer:
    """What the service answers, with its request id."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"" if content is None else msgspec.json.encode(content)
    return Answer(status=status, headers={"x-request-id": REQUEST_ID, **named}, body=body)


def refusal(status: int, code: str = "DBS.108000", message: str = "Server failure.", **headers: str) -> Answer:
    """How the service refuses."""
    content = {"error_code": code, "error_msg": message, "request_id": REQUEST_ID}
    return answer(content, status=status, **headers)


class Rehearsed(Client):
    """Sends nothing: keeps what would be sent and how long it would have waited, and gives the answers in turn."""

    def __init__(
        self,
        *replies: Answer | Unanswered,
        credentials: Credentials = KEY,
        retries: Retries | None = None,
        timeout: timedelta = timedelta(minutes=2),
    ) -> None:
        super().__init__(ENDPOINT, project_id=PROJECT, credentials=credentials, retries=retries, timeout=timeout)
        self.replies = list(replies)
        self.sent: list[Request] = []
        self.pauses: list[float] = []
        self.at = AT
        self.elapsed = 0.0
        self._clocks = Clocks(now=lambda: self.at, elapsed=lambda: self.elapsed)

    def transmit(self, request: Request) -> Answer | Unanswered:
        self.sent.append(request)
        return self.replies.pop(0)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.elapsed += seconds
        self.at += timedelta(seconds=seconds)


def bodies(requests: Sequence[Request]) -> list[Any]:
    """What was sent, read."""
    return [msgspec.json.decode(request.body) if request.body else None for request in requests]

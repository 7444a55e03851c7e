"""The vendor's client for Node, driven from here: one program of it serves every call of the tests."""

import json
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.service import Key

FOLDER = Path(__file__).with_name("node")

_ENDED_S = 20.0


class NodeRefusedError(Exception):
    """The client threw; the fields are those of the client's own exception."""

    def __init__(self, failure: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(failure))
        self.kind: str = failure["kind"]
        self.status_code: int | None = failure.get("status")
        self.error_code: str | None = failure.get("code")
        self.error_msg: str | None = failure.get("message")
        self.request_id: str | None = failure.get("requestId")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What the client gave back."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClient:
    """A running Node program that holds the client."""

    orders: IO[str] = field(repr=False)
    answers: IO[str] = field(repr=False)
    log_path: Path

    def ask(  # noqa: PLR0913 - what a user of the client sets, each by its name
        self,
        endpoint: str,
        key: Key,
        method: str,
        path: str,
        *,
        project: str | None = None,
        query: Mapping[str, object] | None = None,
        body: object = None,
        region: str | None = None,
        iam_endpoint: str | None = None,
        security_token: str | None = None,
    ) -> NodeAnswer:
        """Have the client make one call. Without a project it looks for the one of the region.

        Raises:
            NodeRefusedError: the client threw.
        """
        credentials = {
            "ak": key.access_key,
            "sk": key.secret_key,
            "projectId": project,
            "iamEndpoint": iam_endpoint,
            "securityToken": security_token,
        }
        order = {
            "endpoint": endpoint,
            "credentials": {name: value for name, value in credentials.items() if value is not None},
            "region": region,
            "method": method,
            "path": path,
            "query": query or {},
            "body": {} if body is None else body,
        }
        self.orders.write(json.dumps(order) + "\n")
        self.orders.flush()
        line = self.answers.readline()
        assert line, f"Node ended: {self.log_path.read_text(errors='replace')[-2000:]}"
        answer = json.loads(line)
        if "failure" in answer:
            raise NodeRefusedError(answer["failure"])
        return NodeAnswer(status=answer["status"], body=answer["body"])


@contextmanager
def node_client(folder: Path) -> Generator[NodeClient]:
    """Start the program in a folder of its own, and end it with the block."""
    log_path = folder / "node.log"
    with log_path.open("wb") as words:
        process = subprocess.Popen(
            [_node(), FOLDER / "client.cjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            cwd=folder,
            encoding="utf-8",
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield NodeClient(orders=process.stdin, answers=process.stdout, log_path=log_path)
    finally:
        # The program ends when there are no more orders.
        process.stdin.close()
        process.wait(_ENDED_S)
        process.stdout.close()


def _node() -> Path | str:
    if not (FOLDER / "node_modules" / ".installed").exists():
        pytest.fail("The vendor's client for Node is not installed: run `make test` once, it does that.")
    ours = Path(sys.executable).with_name("node")
    found = ours if ours.exists() else shutil.which("node")
    if found is None:
        pytest.fail("There is no Node on this machine: the development requirements bring one, so run `make test`.")
    return found

"""HTTP by hand: what the official client cannot send, and answers looked at byte by byte."""

import hashlib
import hmac
import http.client
import json
import re
import socket
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.contract.places import NODES, call
from tests.support.service import COORDINATOR, HOST, Key, RunningService
from vacate.api.signing import sign

KILL_BODY = json.dumps({"node_id": NODES[COORDINATOR], "component_id": COORDINATOR}).encode()
JSON = {"Content-Type": "application/json"}

_PATIENCE_S = 60.0
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `headers` are by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def code(self) -> str:
        """The error code of the envelope, which must be whole."""
        content = self.json
        assert self.headers["content-type"] == "application/json"
        assert set(content) == {"error_code", "error_msg", "request_id"}, content
        assert content["error_code"], content
        assert content["error_msg"], content
        assert content["request_id"] == self.request_id
        return content["error_code"]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and error code together."""
        return self.status, self.code


def receive(link: socket.socket, method: str = "POST") -> Answer:
    """Read one answer, and hold it against what every answer must be."""
    reader = http.client.HTTPResponse(link, method=method)
    try:
        reader.begin()
        answer = Answer(
            status=reader.status,
            headers={name.lower(): value for name, value in reader.getheaders()},
            body=reader.read(),
        )
    finally:
        reader.close()
    assert _REQUEST_ID.fullmatch(answer.headers.get("x-request-id", "")), "an answer without its id"
    assert not 300 <= answer.status < 400, "clients take a redirect for success"
    assert "location" not in answer.headers
    return answer


@contextmanager
def connected(port: int) -> Generator[socket.socket]:
    """A bare link to the port."""
    with socket.create_connection((HOST, port), timeout=_PATIENCE_S) as link:
        yield link


def exchange(port: int, request: bytes, method: str = "POST") -> Answer:
    """Send bytes and read one answer."""
    with connected(port) as link:
        link.sendall(request)
        return receive(link, method)


def ends(link: socket.socket) -> bool:
    """Whether the service hangs up, after whatever it still says."""
    try:
        while link.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def head(method: str, target: str, headers: Mapping[str, str | bytes]) -> bytes:
    """The first bytes of a request, up to its body."""
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1")]
    lines += [name.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for name, v in headers.items()]
    return b"\r\n".join([*lines, b"", b""])


def ask(
    service: RunningService,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str | bytes] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send a request as it is given, with a Host and the body's length unless they are given too."""
    sent: dict[str, str | bytes] = {"host": f"{HOST}:{service.port}", "connection": "close"}
    if body is not None:
        sent["content-length"] = str(len(body))
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    return exchange(service.port, head(method, target, sent) + (body or b""), method)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Makes signed calls, each as its parts say.

    A request that changes something counts once, and a test may need two of a kind in one second: each has a header of
    its own that is signed.
    """

    service: RunningService = field(repr=False)
    key: Key = field(repr=False)

    def request(
        self,
        body: bytes = KILL_BODY,
        *,
        path: str | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        off_by: timedelta = timedelta(0),
    ) -> bytes:
        """The bytes of a signed call."""
        target = call() if path is None else path
        signed = sign(
            method=method,
            url=self.service.endpoint + target,
            headers={"X-Turn": uuid4().hex, **(JSON if headers is None else headers)},
            body=body,
            access_key=self.key.access_key,
            secret=self.key.secret_key.encode(),
            at=datetime.now(UTC) + off_by,
        )
        return head(method, target, {**signed, "Content-Length": str(len(body))}) + body

    def send(
        self,
        body: bytes = KILL_BODY,
        *,
        path: str | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        off_by: timedelta = timedelta(0),
    ) -> Answer:
        """Sign a call and send it."""
        request = self.request(body, path=path, method=method, headers=headers, off_by=off_by)
        return exchange(self.service.port, request, method)


def by_the_book(
    key: Key,
    *,
    path: str,
    signed: Mapping[str, str],
    body: bytes,
    method: str = "POST",
    query: Iterable[tuple[str, str]] = (),
) -> dict[str, str]:
    """The headers of a request signed from the published rules alone, with no code of Vacate's; its path is plain."""
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**{name.lower(): value for name, value in signed.items()}, "x-sdk-date": date}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    pairs = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query))
    request = f"{method}\n{path}/\n{pairs}\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"SDK-HMAC-SHA256 Access={key.access_key}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryKey:
    """An access key that ends by itself, and the token that goes with each of its calls."""

    key: Key
    security_token: str = field(repr=False)


def token_for(service: RunningService, *, name: str, password: str, scope: Mapping[str, object] | None) -> str:
    """Sign in with a password; without a scope the token is for no project."""
    user = {"name": name, "password": password, "domain": {"name": "default"}}
    auth: dict[str, object] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if scope is not None:
        auth["scope"] = scope
    answer = ask(service, "POST", "/v3/auth/tokens", headers=JSON, body=json.dumps({"auth": auth}).encode())
    assert answer.status == 201, answer.body
    return answer.headers["x-subject-token"]


def temporary_key(service: RunningService, token: str, *, duration_s: int = 900) -> TemporaryKey:
    """Change a token for a temporary access key."""
    identity = {"methods": ["token"], "token": {"id": token, "duration_seconds": duration_s}}
    answer = ask(
        service,
        "POST",
        "/v3.0/OS-CREDENTIAL/securitytokens",
        headers={**JSON, "X-Auth-Token": token},
        body=json.dumps({"auth": {"identity": identity}}).encode(),
    )
    assert answer.status == 201, answer.body
    made = answer.json["credential"]
    return TemporaryKey(
        key=Key(access_key=made["access"], secret_key=made["secret"]), security_token=made["securitytoken"]
    )


class Recorder:
    """A port that takes one request, keeps its bytes, and answers as the service would."""

    def __init__(self) -> None:
        self._port = socket.create_server((HOST, 0))
        self._port.settimeout(_PATIENCE_S)
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        self._taken = b""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self._port.getsockname()[1]}"

    def request(self) -> bytes:
        """The bytes of the request, once they have come."""
        self._thread.join()
        self._port.close()
        return self._taken

    def _take(self) -> None:
        link, _ = self._port.accept()
        with link:
            taken = b""
            while b"\r\n\r\n" not in taken:
                taken += link.recv(65536)
            first, _, body = taken.partition(b"\r\n\r\n")
            length = re.search(rb"(?mi)^content-length: *(\d+)", first)
            while length and len(body) < int(length[1]):
                body += link.recv(65536)
            self._taken = first + b"\r\n\r\n" + body
            content = b'{"success": true}'
            link.sendall(head("HTTP/1.1", "200", {}).replace(b" HTTP/1.1\r\n", b" OK\r\n", 1).removesuffix(b"\r\n"))
            link.sendall(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

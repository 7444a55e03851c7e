"""What is measured on: a real server, and in front of it the service as its users run it."""

import http.client
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from tests.support.postgres import LiveServer
from tests.support.service import (
    HOST,
    Key,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    RunningService,
    Site,
    configuration,
    eventually,
)
from vacate.api.signing import sign
from vacate.demo.servers import Installation, Workplace
from vacate.domain.access.identity import Role

PROJECT = "b0e7c4" + "0" * 26
INSTANCE = "b0e7c4" + "0" * 26 + "in14"
_CALLS = f"/v3/{PROJECT}/instances/{INSTANCE}"
_PATIENCE_S = 120.0
_DONE = frozenset({200, 201})


class BenchmarkError(Exception):
    """What was to be measured did not happen, so there is no figure for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call before it is signed."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure, how often, on which servers, and where the servers and the service live meanwhile."""

    rounds: int
    sizes: tuple[int, ...]
    installations: tuple[Installation, ...]
    place: Workplace
    folder: Path
    beside: Path | None = None
    """Another checkout, whose service is measured in the same turns."""

    @contextmanager
    def server(
        self, benchmark: str, installation: Installation, *, slots: int, settings: Mapping[str, str] | None = None
    ) -> Generator[LiveServer]:
        """Run a server with so many slots until the block ends."""
        settings = {"max_connections": str(slots), **(settings or {})}
        live = LiveServer.start(self.place, f"{benchmark}-{installation.major}", installation, settings=settings)
        try:
            yield live
        finally:
            live.server.stop("immediate")

    @contextmanager
    def serving_beside(self, name: str, server: LiveServer) -> Generator["Caller | None"]:
        """Run the service of the other checkout on the same server, where one was named."""
        if self.beside is None:
            yield None
            return
        with self.site(f"{name}-beside", server, checkout=self.beside).serving() as caller:
            yield caller

    def site(self, name: str, server: LiveServer, *, components: int = 1, checkout: Path | None = None) -> "Stage":
        """Set up a service, with the default limits, whose components are all this one server.

        Args:
            name: What its folder is called.
            server: The server.
            components: How many components it stands for.
            checkout: Where Vacate is taken from, if it is not from here.
        """
        return self.stage(
            f"{name}-{server.major}",
            [
                PlannedComponent(node_id=node_id(number), id=component_id(number), dsn=server.dsn())
                for number in range(components)
            ],
            checkout=checkout,
        )

    def stage(self, name: str, components: Sequence[PlannedComponent], *, checkout: Path | None = None) -> "Stage":
        """Set up a service, with the default limits, for these components."""
        instance = PlannedInstance(id=INSTANCE, name="measured", components=components)
        folder = self.folder / name
        folder.mkdir()
        text = configuration([PlannedProject(id=PROJECT, name="bench", instances=[instance])], sweep={})
        site = Site(folder, text, checkout=checkout)
        return Stage(site=site, key=site.add_user("bench", project_id=PROJECT, role=Role.OPERATOR))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A service that is set up and not running, and the key of somebody who may call it."""

    site: Site
    key: Key = field(repr=False)

    @contextmanager
    def serving(self) -> Generator["Caller"]:
        """Run `vacate serve` until the block ends; every component is ready by then."""
        with self.site.serving() as service:
            eventually(lambda: not any(service.readiness().values()))
            yield Caller(service=service, key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever calls the running service, for its first component."""

    service: RunningService
    key: Key = field(repr=False)

    def signed(self, request: Request | None = None) -> Mapping[str, str]:
        """The headers of one call, signed now; without a request, of the one that ends the idle sessions."""
        request = request or KILL_IDLE
        return sign(
            method=request.method,
            url=self.service.endpoint + request.path,
            # Calls are made many times a second, and each must differ from the others in something that is signed.
            headers={"X-Turn": uuid4().hex} | ({"Content-Type": "application/json"} if request.body else {}),
            body=request.body,
            access_key=self.key.access_key,
            secret=self.key.secret_key.encode(),
            at=datetime.now(UTC),
        )

    @contextmanager
    def connection(self) -> Generator[http.client.HTTPConnection]:
        """A way to the service, opened by its first call and kept for the next ones."""
        connection = http.client.HTTPConnection(HOST, self.service.port, timeout=_PATIENCE_S)
        try:
            yield connection
        finally:
            connection.close()

    def call_once(self, headers: Mapping[str, str]) -> str:
        """Make a signed call over a connection of its own; the outcomes it had."""
        with self.connection() as connection:
            return send(connection, headers)


def send(connection: http.client.HTTPConnection, headers: Mapping[str, str]) -> str:
    """Have the idle sessions ended by a signed call; the outcomes it had, as the answer counts them."""
    told, body = fetch(connection, KILL_IDLE, headers)
    if json.loads(body) != {"success": True}:
        raise BenchmarkError(f"the call did not succeed: {body.decode(errors='replace')}")
    return told["X-Vacate-Outcomes"]


def fetch(
    connection: http.client.HTTPConnection, request: Request, headers: Mapping[str, str]
) -> tuple[http.client.HTTPMessage, bytes]:
    """Make any signed call; the headers and the body of its answer, to the last byte."""
    connection.request(request.method, request.path, body=request.body or None, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status not in _DONE:
        raise BenchmarkError(f"the call was not answered: {answer.status} {body.decode(errors='replace')}")
    return answer.headers, body


def application_of(plan: Mapping[str, str]) -> Request:
    """The call that applies a plan to its end."""
    body = json.dumps({"digest": plan["digest"], "wait_seconds": 60}).encode()
    return Request(method="POST", path=f"{ADMINISTRATION}/plans/{plan['id']}/apply", body=body)


def node_id(number: int) -> str:
    return f"{number:032x}no14"


def component_id(number: int) -> str:
    return f"dn_{6001 + number}"


def kill_idle(number: int) -> Request:
    """The call that ends the idle sessions of one component."""
    body = {"node_id": node_id(number), "component_id": component_id(number)}
    return Request(method="POST", path=f"{_CALLS}/kill-free-session", body=json.dumps(body).encode())


_FIRST = json.dumps({"node_id": node_id(0), "component_id": component_id(0)}).encode()
ADMINISTRATION = f"/admin/v1/{PROJECT}"
MAKE_PLAN = Request(
    method="POST",
    path=f"{ADMINISTRATION}/plans",
    body=json.dumps({"instance_id": INSTANCE, "node_id": node_id(0), "component_id": component_id(0)}).encode(),
)
KILL_IDLE = kill_idle(0)
LIST_SESSIONS = Request(method="POST", path=f"{_CALLS}/real-time-session", body=_FIRST)
COUNT_SESSIONS = Request(method="GET", path=f"{_CALLS}/session-overview")

"""The real service as a program of its own, set up with its own commands, beside a small cluster of real servers.

    with running_cluster(folder / "servers") as cluster:
        site = Site(folder, configuration(projects))
        olga = site.add_user("olga", project_id=PROJECT, role=Role.OPERATOR)
        with site.serving() as service:
            ...  # service.endpoint answers until the block ends

Everything here blocks. Whatever is started ends with its block, by process id.
"""

import base64
import http.client
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from vacate.demo.servers import Server, find_installations, open_workplace
from vacate.domain.access.identity import Role
from vacate.domain.topology.components import ComponentKind, ComponentRole

T = TypeVar("T")

COORDINATOR = "cn_5001"
DATA_NODE = "dn_6001"
HOST = "127.0.0.1"

# Everything waits less than it does by default, so that a test of a fault takes seconds.
QUICK_SWEEP: Mapping[str, str] = {
    "connect_timeout": "5s",
    "statement_timeout": "5s",
    "confirm_for": "3s",
    "busy_after": "1s",
    "check_every": "500ms",
}

# Tests fail on purpose, and often in a row; what holds such callers off has tests of its own.
UNLIMITED: Mapping[str, object] = {"lockout": False, "requests_per_second": 0, "sign_ins_per_second": 0}

_STARTED_S = 60.0
_STOPPED_S = 30.0
_POLL_S = 0.02

# `vacate` has what the service needs; `watcher` sees every session and may end none.
_ROLES = """
CREATE ROLE vacate LOGIN PASSWORD :'password';
GRANT pg_read_all_stats, pg_signal_backend TO vacate;
CREATE ROLE watcher LOGIN PASSWORD :'password';
GRANT pg_read_all_stats TO watcher;
CREATE ROLE app LOGIN PASSWORD :'password';
"""


class ServiceFailedError(Exception):
    """A command or the service did not do what was asked; the message quotes what it said."""


def eventually(condition: Callable[[], T], *, within_s: float = 20.0) -> T:
    """Ask again and again until the answer is a yes, and give it back."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(_POLL_S)
    return answer


# --- servers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Two real servers, each with a system identifier of its own: a coordinator and a data node."""

    coordinator: Server
    data_node: Server
    password: str = field(repr=False)

    def dsn(self, server: Server, role: str) -> str:
        """The login of `vacate`, `watcher` or `app`."""
        return server.dsn(role, self.password)


@contextmanager
def running_cluster(records: Path) -> Generator[Cluster]:
    """Start both servers side by side; they end with the block, or soon after the program."""
    installation = find_installations()[0]
    password = secrets.token_hex(16)
    with open_workplace(records) as place, ThreadPoolExecutor() as pool:

        def started(name: str) -> Server:
            server = Server.create(place, name, installation, own_identity=True)
            server.start()
            server.psql(_ROLES, variables={"password": password})
            return server

        coordinator, data_node = pool.map(started, (COORDINATOR, DATA_NODE))
        yield Cluster(coordinator=coordinator, data_node=data_node, password=password)


# --- configuration ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedComponent:
    """One component of the configuration, with the node it is on."""

    node_id: str
    id: str
    dsn: str = field(repr=False)
    role: ComponentRole = ComponentRole.PRIMARY
    shard: str = ""

    @property
    def kind(self) -> ComponentKind:
        return ComponentKind.COORDINATOR if self.id.startswith("cn_") else ComponentKind.DATA_NODE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNode:
    """One node of the configuration, with what a test wants said about it."""

    id: str
    components: Sequence[PlannedComponent]
    name: str = ""
    availability_zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedInstance:
    """One instance of the configuration: its nodes, or the components that each have a node of their own."""

    id: str
    name: str
    components: Sequence[PlannedComponent] = ()
    nodes: Sequence[PlannedNode] = ()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    guards_off: Sequence[str] = ()

    def all_nodes(self) -> tuple[PlannedNode, ...]:
        """Every node with its components."""
        return (*self.nodes, *(PlannedNode(id=each.node_id, components=(each,)) for each in self.components))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProject:
    """One project of the configuration."""

    id: str
    name: str
    instances: Sequence[PlannedInstance] = ()


def configuration(
    projects: Iterable[PlannedProject],
    *,
    sweep: Mapping[str, str] = QUICK_SWEEP,
    service: Mapping[str, str] | None = None,
    access: Mapping[str, object] = UNLIMITED,
    watch: Mapping[str, str] | None = None,
    regions: Iterable[str] = (),
) -> str:
    """The text of a vacate.toml; a `Site` adds where the store and its key are."""
    lines = [
        *_table("[service]", service or {}),
        *_table("[sweep]", sweep),
        *_table("[access]", access),
        *_table("[watch]", watch or {}),
    ]
    for region in regions:
        lines += _table("[[regions]]", {"id": region})
    for project in projects:
        lines += _table("[[projects]]", {"id": project.id, "name": project.name})
        for instance in project.instances:
            lines += _table("[[projects.instances]]", {"id": instance.id, "name": instance.name})
            lines += _table("[projects.instances.guards]", {"off": list(instance.guards_off)})
            lines += _table("[projects.instances.labels]", instance.labels)
            lines += _table("[projects.instances.labels.tags]", instance.tags)
            for node in instance.all_nodes():
                about = {"name": node.name, "availability_zone": node.availability_zone}
                lines += _table("[[projects.instances.nodes]]", {"id": node.id, **_said(about)})
                for component in node.components:
                    facts = {"id": component.id, "kind": component.kind, "role": component.role, "dsn": component.dsn}
                    shard = _said({"shard": component.shard})
                    lines += _table("[[projects.instances.nodes.components]]", {**facts, **shard})
    return "\n".join([*lines, ""])


def _said(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


def _table(header: str, values: Mapping[str, object]) -> list[str]:
    # What is written here is plain enough to be the same in JSON and in TOML.
    return [header, *(f"{name} = {json.dumps(value)}" for name, value in values.items())]


# --- the service -----------------------------------------------------------------------------------------------------

_HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key with its secret key."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """The service, answering. Health and metrics are at `health_port`, which mostly is that of the calls."""

    endpoint: str
    port: int
    health_port: int
    process: subprocess.Popen[bytes] = field(repr=False)
    log_path: Path
    certificate: Path | None = None

    def get(self, path: str) -> tuple[int, Any]:
        """Ask one of the open questions: the status, and the JSON of the answer."""
        status, _, body = self.fetch(path)
        return status, json.loads(body)

    def fetch(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask one of the open questions: the status, the headers and the bytes of the answer."""
        link = self._link(self.health_port if path in _HEALTH else self.port)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def readiness(self) -> dict[tuple[str, str], str | None]:
        """The problem of every component that `/readyz` tells of, by instance and component; `None` is ready."""
        _, content = self.get("/readyz")
        return {
            (entry["instance_id"], entry["component_id"]): entry["problem"] or None for entry in content["components"]
        }

    def log(self) -> list[dict[str, Any]]:
        """Every line that the service has logged so far."""
        return _lines(self.log_path)

    def errors(self) -> int:
        """How many lines of the log so far tell of something unforeseen."""
        return sum(line["level"] == "error" for line in self.log())

    def _link(self, port: int) -> http.client.HTTPConnection:
        if self.certificate is None:
            return http.client.HTTPConnection(HOST, port, timeout=30)
        context = ssl.create_default_context(cafile=str(self.certificate))
        return http.client.HTTPSConnection(HOST, port, timeout=30, context=context)


class Site:
    """A folder with everything that a service needs: vacate.toml, the sealing key, the store."""

    def __init__(self, folder: Path, text: str, *, store_url: str | None = None, checkout: Path | None = None) -> None:
        """Write everything down. `checkout` is where Vacate is taken from, if it is not the one under test."""
        self._environment = _environment() | ({"PYTHONPATH": str(checkout / "src")} if checkout else {})
        self.folder = folder
        self.config = folder / "vacate.toml"
        self.store = folder / "vacate.db"
        self.log_path = folder / "service.log"
        key = folder / "sealing.key"
        key.touch(mode=0o600)
        key.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        store = _table("[store]", {"url": store_url or f"sqlite:///{self.store.name}", "secret_key_file": key.name})
        self.config.touch(mode=0o600)
        self.config.write_text("\n".join([*store, text]))

    def vacate(self, *arguments: str, stdin: str = "") -> str:
        """Run one of the service's commands to its end, and return what it printed.

        Raises:
            ServiceFailedError: it failed; the message is what it said.
        """
        done = subprocess.run(
            [_program(), *arguments, "--config", self.config],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
        if done.returncode:
            raise ServiceFailedError(f"vacate {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def add_user(self, name: str, *, project_id: str, role: Role, password: str | None = None) -> Key:
        """Make a user with a role in a project and an access key."""
        with_password = ["--password-stdin"] if password is not None else []
        self.vacate("user", "add", name, *with_password, stdin=f"{password}\n")
        self.vacate("user", "grant", name, "--project", project_id, "--role", role.value)
        printed = dict(
            line.split("=", maxsplit=1) for line in self.vacate("access-key", "create", name).splitlines() if line
        )
        return Key(access_key=printed["access_key"], secret_key=printed["secret_key"])

    @contextmanager
    def serving(self, *, certificate: Path | None = None, name: str = "service") -> Generator[RunningService]:
        """Run the service on a free port until the block ends; it has looked at every component once by then.

        Args:
            certificate: What the service proves itself with, when the configuration gives it one.
            name: What tells it from others of the same site, which run beside it.

        Raises:
            ServiceFailedError: it did not start, or did not end on SIGTERM with status 0.
        """
        log_path = self.log_path.with_stem(name)
        with log_path.open("wb") as words:
            process = subprocess.Popen(
                [_program(), "serve", "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                cwd=self.folder,
                env=self._environment | {"VACATE_PORT": "0"},
            )
        try:
            yield self._answering(process, certificate, log_path)
        finally:
            status = _stopped(process)
        if status:
            raise ServiceFailedError(f"the service ended with status {status}: {_tail(log_path)}")

    def _answering(self, process: subprocess.Popen[bytes], certificate: Path | None, log_path: Path) -> RunningService:
        deadline = time.monotonic() + _STARTED_S
        while time.monotonic() < deadline and process.poll() is None:
            served = [line for line in _lines(log_path) if line["message"] == "serving"]
            if served:
                port = served[0]["port"]
                scheme = "https" if certificate else "http"
                service = RunningService(
                    endpoint=f"{scheme}://{HOST}:{port}",
                    port=port,
                    health_port=served[0].get("health_port", port),
                    process=process,
                    log_path=log_path,
                    certificate=certificate,
                )
                if _has_looked(service):
                    return service
            time.sleep(_POLL_S)
        raise ServiceFailedError(f"the service does not answer: {_tail(log_path)}")


def _has_looked(service: RunningService) -> bool:
    try:
        _, content = service.get("/readyz")
    except (OSError, http.client.HTTPException):
        return False
    return all(component["checked_at"] for component in content["components"])


def _stopped(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOPPED_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _tail(log_path: Path) -> str:
    return "\n".join(log_path.read_text(errors="replace").splitlines()[-15:])


def _program() -> Path:
    return Path(sys.executable).with_name("vacate")


def _environment() -> dict[str, str]:
    """Nothing that the caller has set for a Vacate of their own reaches the one under test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VACATE_")}


def _lines(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # The last line may not be whole yet, and a traceback is none of the log's lines.
    return found
